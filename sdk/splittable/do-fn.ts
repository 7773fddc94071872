// Splittable DoFns as a user writes them: a restriction is data, its algebra is pure, and the loop that reads is a generator.
import type { Option } from 'fp-ts/lib/Option.js'
import type { Duration, Instant } from '../model/time.ts'
import type { Restriction } from './restriction.ts'
import type { RestrictionTracker } from './tracker.ts'
import type { WatermarkEstimator } from './watermark-estimator.ts'

/** An output of a splittable DoFn: a `value` with its `timestamp` in event time. */
export interface Timestamped<out A> {
  readonly value: A
  readonly timestamp: Instant
}

/**
 * What a splittable DoFn yields arrays of (Beam's TimestampedValue). One may lie behind the watermark: it may then be late.
 *
 * @example
 * pipe('a', Timestamped.at(Instant.ofMillis(1))) // => { value: 'a', timestamp: Instant.ofMillis(1) }
 */
export const Timestamped = Object.freeze({
  /** A value at a point in event time. */
  at:
    (timestamp: Instant) =>
    <const A>(value: A): Timestamped<A> => ({ value, timestamp }),
})

/**
 * How a splittable DoFn's generator ends: {@link stop} or {@link resumeAfter} (Beam's ProcessContinuation). It must say so:
 * `noImplicitReturns` refuses a type with void in it.
 */
export type Continuation = { readonly _tag: 'Stop' } | { readonly _tag: 'Resume'; readonly after: Duration }

/**
 * The restriction is read to its end, or a claim has failed because the rest is somebody else's. With work left and no failed claim it
 * ends the run: that work would be lost (Beam's ProcessContinuation.stop, and checkDone).
 *
 * @example
 * const upTo = Splittable.read({
 *   restriction: OffsetRange, watermark: WatermarkEstimator.monotonic, isBounded: true,
 *   initial: (n: number) => OffsetRange.of(0, n),
 *   async *process(_, tracker) {
 *     for (let i = tracker.restriction.from; tracker.tryClaim(i); i++) yield [pipe(i, Timestamped.at(Instant.ofMillis(i)))]
 *     return stop
 *   },
 * })
 * pipe(Create.of([2, 3]), upTo) // => 0, 1, 0, 1, 2
 */
export const stop: Continuation = Object.freeze({ _tag: 'Stop' })

/**
 * What is not claimed yet is put aside for `delay` of processing time, with its watermark where it is (Beam's
 * ProcessContinuation.resume). Throws a RangeError for a delay that is negative or no number.
 *
 * @example
 * const polled = Splittable.read({
 *   restriction: OffsetRange, watermark: WatermarkEstimator.manual, isBounded: false,
 *   initial: (table: string) => OffsetRange.of(0, Number.MAX_SAFE_INTEGER),
 *   async *process(table, tracker) {
 *     const rows = await fetchRows(table, tracker.restriction.from, 1_000)
 *     const mine = rows.slice(0, tracker.tryClaimAll(rows.map(row => row.number)))
 *     yield mine.map(row => pipe(row, Timestamped.at(row.changed)))
 *     return resumeAfter(seconds(1)) // and see what is new
 *   },
 * })
 */
export const resumeAfter = (delay: Duration): Continuation => {
  if (!(delay >= 0)) throw new RangeError(`resumeAfter(${String(delay)}): the delay is a duration from 0`)
  return Object.freeze({ _tag: 'Resume', after: delay })
}

/** What `process` gets besides its element and the tracker. */
export interface SplittableContext<out W> {
  /** What its WatermarkEstimator gives it. */
  readonly watermark: W
  /** Aborted when nobody waits for the generator any more: the run was suspended, drained or cancelled, or it was another's turn. */
  readonly signal: AbortSignal
  /**
   * Calls `f` once the outputs of the next yield (or what was claimed until the end) are durable and published: the place for
   * acknowledgements (Beam's bundle finalization). Best effort: never before, not at all after a crash; what it rejects with is logged.
   */
  readonly afterCommit: (f: () => Promise<void>) => void
}

/** A function that reads what its elements describe: see `Splittable.read` (Beam's splittable DoFn). */
export interface SplittableDoFn<E, R, P, W, O> {
  /** The kind of its restrictions: `OffsetRange`, or one of `Restriction.of`. */
  readonly restriction: Restriction<R, P>
  /** How far event time has come follows by it. */
  readonly watermark: WatermarkEstimator<W>
  /** Whether every restriction comes to an end by itself. */
  readonly isBounded: boolean
  /** All that there is to read for an element. */
  readonly initial: (element: E) => R | Promise<R>
  /**
   * Parts of the initial restriction to begin with, about `desired` of them: together each position of it once, which is checked where the
   * restriction can tell.
   */
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
