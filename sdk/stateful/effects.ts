// What a DoFn does is returned as data, so that a test calls it without a runner.
import type { Instant } from '../model/time.ts'

/** One output. */
export interface Emit<out A> {
  readonly _tag: 'Emit'
  readonly value: A
  /** null: its element's own. */
  readonly timestamp: Instant | null
}

export type Effect = Emit<unknown>
/** `false` is nothing, so that `full && emit(x)` reads as it sounds. An array, not an Iterable: the errors are shorter and so is the loop. */
export type Effects = ReadonlyArray<Effect | false>

/**
 * An output, with its element's timestamp and window. Several outputs are a union with a tag, and `Partition.on` behind it.
 *
 * @example
 * process: ({ value }) => [value.total < 1 ? emit({ to: 'cheap', order: value }) : emit({ to: 'host', id: value.id })]
 */
export const emit = <const A>(value: A): Emit<A> => ({ _tag: 'Emit', value, timestamp: null })

/** An output at a time of its own: not before its element's timestamp. From `finishBundle` it also says in which window. */
export const emitAt =
  (timestamp: Instant) =>
  <const A>(value: A): Emit<A> => ({ _tag: 'Emit', value, timestamp })
