// Where updates of metrics go: to the transform whose function runs now. Functions of a stage run one after another, so a variable says
// which; asynchronous ones do not, so whoever calls them brings a way to tell.

export interface MetricName {
  readonly kind: 'counter' | 'distribution' | 'gauge' | 'stringSet'
  readonly name: string
  /** Of kind and name, made once: it is looked up at every update. */
  readonly id: string
}

export interface MetricScope {
  readonly update: (metric: MetricName, input: number | string) => void
  /** Something failed that the run goes on without, of this class. */
  readonly failed: (error: string) => void
}

let current: MetricScope | null = null
let around: (() => MetricScope | null) | null = null

/** null outside of any run. */
export const currentScope = (): MetricScope | null => current ?? around?.() ?? null

/** Gives what was there before, to be put back. */
export const enterScope = (scope: MetricScope | null): MetricScope | null => {
  const before = current
  current = scope
  return before
}

/** `find`: which scope an asynchronous function belongs to that runs now. */
export const findScopesBy = (find: () => MetricScope | null): void => {
  around = find
}

/** What failures are counted by: an error's name, or the tag of a Left. */
export const errorClass = (error: unknown): string => {
  if (error instanceof Error) return error.name
  const tag = typeof error === 'object' && error !== null && '_tag' in error ? error._tag : null
  return typeof tag === 'string' ? tag : typeof error
}

/** For the transform whose function runs now. */
export const countFailure = (error: unknown): void => currentScope()?.failed(errorClass(error))
