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

/** Refuses a promise, which would be an accumulator or a result of its own. `name`: of the function that returned it. */
export const requireSync = (name: keyof AnyCombineFn, result: unknown): unknown => {
  if (typeof result !== 'object' || result === null || !('then' in result) || typeof result.then !== 'function') return result
  // Nothing will look at it: a rejection later must not bring the process down.
  if (result instanceof Promise) result.catch(() => undefined)
  throw new TypeError(
    `${name} of the CombineFn returned a promise, and its functions are synchronous. Do asynchronous work in PCollection.mapAsync, before the combine or behind it`,
  )
}
