// What a DoFn does is returned as data, so that a test calls it without a runner.
import type { Duration, Instant } from '../model/time.ts'

/** One output: {@link emit} and {@link emitAt} make it. */
export interface Emit<out A> {
  readonly _tag: 'Emit'
  /** The element that comes out. */
  readonly value: A
  /** null: its element's own. */
  readonly timestamp: Instant | null
}

/** What is called once what its bundle did is durable: {@link afterCommit} makes it. */
export interface AfterCommit {
  readonly _tag: 'AfterCommit'
  /** Awaited; what it rejects with is logged. */
  readonly call: () => Promise<void>
}

/** What becomes of one `state` of the key at hand: the `change` that its cell made. */
export interface StateEffect {
  readonly _tag: 'State'
  readonly state: string
  readonly change: StateChange
}

/** What becomes of one `timer` of the key at hand: the `change` that its cell made. */
export interface TimerEffect {
  readonly _tag: 'Timer'
  readonly timer: string
  readonly change: TimerChange
}

/** How a {@link StateEffect} changes a cell. */
export type StateChange =
  | { readonly _tag: 'Write'; readonly value: unknown }
  | { readonly _tag: 'Add'; readonly value: unknown }
  | { readonly _tag: 'Put'; readonly key: unknown; readonly value: unknown }
  | { readonly _tag: 'Remove'; readonly key: unknown }
  | { readonly _tag: 'AddAt'; readonly at: Instant; readonly value: unknown }
  /** From `from` to before `to`. */
  | { readonly _tag: 'ClearRange'; readonly from: Instant; readonly to: Instant }
  | { readonly _tag: 'Clear' }

/**
 * How a {@link TimerEffect} changes a timer. `tag` names one of a family's timers and is empty for a single one; `at` and `delay` say when it
 * fires, `alignTo` in milliseconds to which full multiple since 1970 that is put off (null: it is not); an `outputTimestamp` of null is the
 * default of its time domain.
 */
export type TimerChange =
  | { readonly _tag: 'Set'; readonly tag: string; readonly at: Instant; readonly outputTimestamp: Instant | null }
  | {
      readonly _tag: 'After'
      readonly tag: string
      readonly delay: Duration
      readonly alignTo: Duration | null
      readonly outputTimestamp: Instant | null
    }
  | { readonly _tag: 'Clear'; readonly tag: string }

/** One thing that a stateful DoFn does: it gives something out, changes a state, sets a timer, or asks for a call after its commit. */
export type Effect = Emit<unknown> | StateEffect | TimerEffect | AfterCommit
/**
 * `false` is nothing, so that `full && emit(x)` reads as it sounds. An array, not an Iterable: the errors are shorter and so is the loop.
 */
export type Effects = ReadonlyArray<Effect | false>

/**
 * An output, with its element's timestamp and window (Beam's OutputReceiver.output). Several outputs are a union with a tag, and
 * `Partition.on` behind it.
 *
 * @example
 * const sorted = ParDo.bundled({
 *   process: ({ value }: Windowed<Order>) => [value.total < 25 ? emit({ to: 'cheap', id: value.id }) : emit({ to: 'dear', id: value.id })],
 * })
 * const { cheap, dear } = pipe(orders, sorted, Partition.on('to', ['cheap', 'dear']))
 * Flatten.of(pipe(cheap, Count.globally), pipe(dear, PCollection.map(({ id }) => id))) // => 3, 'o2'
 */
export const emit = <const A>(value: A): Emit<A> => ({ _tag: 'Emit', value, timestamp: null })

/**
 * An output at a time of its own (Beam's outputWithTimestamp): not before its element's timestamp, or the run ends. From `finishBundle`
 * it also says in which window.
 *
 * @example
 * const anHourLater = Instant.plus(hours(1))
 * const later = ParDo.bundled({ process: ({ value, timestamp }: Windowed<Order>) => [pipe(value.id, emitAt(anHourLater(timestamp)))] })
 * pipe(orders, later, Latest.globally) // => 'o4'
 */
export const emitAt =
  (timestamp: Instant) =>
  <const A>(value: A): Emit<A> => ({ _tag: 'Emit', value, timestamp })

/**
 * Calls `f` once the checkpoint that covers this call is durable and its outputs are published, as acknowledgements need it; without a
 * store, once its outputs are published (Beam's bundle finalization). From `finishBundle` it is asked for a whole bundle at once. Best
 * effort: never before, not at all where the run fails or ends first, at most once. What it rejects with is logged with the transform's
 * path.
 *
 * @example
 * const acknowledged = ParDo.bundled({
 *   startBundle: (): string[] => [],
 *   process: ({ value }: Windowed<Order>, { bundle }) => (bundle.push(value.id), [emit(value.total)]),
 *   finishBundle: ({ bundle }) => [afterCommit(() => acknowledge(bundle))],
 * })
 * pipe(orders, acknowledged) // => 20, 30, 5, 0
 */
export const afterCommit = (f: () => Promise<void>): AfterCommit => ({ _tag: 'AfterCommit', call: f })
