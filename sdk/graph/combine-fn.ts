// CombineFns: aggregation by four functions, so that it can be lifted before a shuffle and merged after it.
import type { Coder } from '../coders/index.ts'

/**
 * An aggregation by Beam's four functions, the type behind `CombineFn`: `add` and `merge` may change and return their first argument, which
 * no one else holds.
 */
export interface CombineFn<in I, in out A, out O> {
  /** Creates an empty accumulator. */
  readonly create: () => A
  readonly add: (accumulator: A, input: I) => A
  readonly merge: (a: A, b: A) => A
  /** The result of an accumulator. */
  readonly extract: (accumulator: A) => O
  /** Encodes accumulators for checkpoints, where they are not plain data. */
  readonly coder?: Coder<A> | undefined
}

/** One with its types erased: the verbs check them, the engine only passes values along. */
export interface AnyCombineFn {
  readonly create: () => unknown
  readonly add: (accumulator: never, input: never) => unknown
  readonly merge: (a: never, b: never) => unknown
  readonly extract: (accumulator: never) => unknown
  readonly coder?: Coder<never> | undefined
}
