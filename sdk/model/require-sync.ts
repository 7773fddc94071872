// Functions of a CombineFn are synchronous: a promise is refused where the first one comes.

/** Refuses a promise, which would become the accumulator or the result. `name`: of the function that returned it. */
export const requireSync = (name: 'create' | 'add' | 'merge' | 'extract', result: unknown): unknown => {
  if (typeof result !== 'object' || result === null || !('then' in result) || typeof result.then !== 'function') return result
  // Nothing will look at it: a rejection later must not bring the process down.
  if (result instanceof Promise) result.catch(() => undefined)
  throw new TypeError(
    `${name} of the CombineFn returned a promise, and its functions are synchronous. Do asynchronous work in PCollection.mapAsync, before the combine or behind it`,
  )
}
