// Splittable DoFns as a user writes them: a restriction is data, its algebra is pure, and the loop that reads is a generator.
import type { Option } from 'fp-ts/lib/Option.js'
import type { Duration, Instant } from '../model/time.ts'
import type { Restriction } from './restriction.ts'
import type { RestrictionTracker } from './tracker.ts'
import type { WatermarkEstimator } from './watermark-estimator.ts'

/** An output of a splittable DoFn: see {@link Timestamped}. */
export interface Timestamped<out A> {
  readonly value: A
  readonly timestamp: Instant
}

/**
 * What a splittable DoFn yields arrays of. One may lie behind the watermark: it may then be late.
 *
 * @example
 * yield rows.map(row => pipe(row, Timestamped.at(row.changed)))
 */
export const Timestamped = Object.freeze({
  /** A value at a point in event time. */
  at:
    (timestamp: Instant) =>
    <const A>(value: A): Timestamped<A> => ({ value, timestamp }),
})

/** A generator must end with one of these: `noImplicitReturns` refuses a type with void in it. */
export type Continuation = { readonly _tag: 'Stop' } | { readonly _tag: 'Resume'; readonly after: Duration }

/**
 * The restriction is read to its end, or a claim has failed because the rest is somebody else's. With work left and no failed claim it
 * ends the run: that work would be lost (Beam's checkDone).
 */
export const stop: Continuation = Object.freeze({ _tag: 'Stop' })

/**
 * What is not claimed yet is put aside for `delay` of processing time, with its watermark where it is (Beam's
 * ProcessContinuation.resume). Throws a RangeError for a delay that is negative or no number.
 */
export const resumeAfter = (delay: Duration): Continuation => {
  if (!(delay >= 0)) throw new RangeError(`resumeAfter(${String(delay)}): the delay is a duration from 0`)
  return Object.freeze({ _tag: 'Resume', after: delay })
}

/** What `process` gets besides its element and the tracker. */
export interface SplittableContext<out W> {
  readonly watermark: W
  /** Aborted when nobody waits for the generator any more: the run was suspended, drained or cancelled, or it was another's turn. */
  readonly signal: AbortSignal
  /**
   * Calls `f` once the outputs of the next yield (or what was claimed until the end) are durable and published: the place for
   * acknowledgements (Beam's bundle finalization). Best effort: never before, not at all after a crash; what it rejects with is logged.
   */
  readonly afterCommit: (f: () => Promise<void>) => void
}

/** See `Splittable.read`. */
export interface SplittableDoFn<E, R, P, W, O> {
  readonly restriction: Restriction<R, P>
  readonly watermark: WatermarkEstimator<W>
  /** Whether every restriction comes to an end by itself. */
  readonly isBounded: boolean
  /** All that there is to read for an element. */
  readonly initial: (element: E) => R | Promise<R>
  /** Parts of the initial restriction to begin with, about `desired` of them: together each position of it once, which is checked where the restriction can tell. */
  readonly initialSplit?: ((element: E, restriction: R, desired: number) => ReadonlyArray<R>) | undefined
  /** What is left to do after a drain; unless told, an unbounded one gives none, and a bounded one keeps all. */
  readonly truncate?: ((element: E, restriction: R) => Option<R>) | undefined
  /**
   * Each yield is a batch, and a place where the engine may checkpoint: what was claimed until then and what was yielded become visible
   * together, so a yield holds all that follows from its claims. Return `resumeAfter(d)` to come back later, `stop` to end.
   */
  readonly process: (
    element: E,
    tracker: RestrictionTracker<R, P>,
    context: SplittableContext<W>,
  ) => AsyncGenerator<ReadonlyArray<Timestamped<O>>, Continuation, void>
}
