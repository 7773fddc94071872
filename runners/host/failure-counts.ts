// How often a run as a whole has failed, by the transform that was the reason, if one was, and by the class of the error.
import type { ErrorMetrics } from '../../sdk/model/job-metrics.ts'
import { errorClass } from '../../sdk/model/metric-scope.ts'
import { UserCodeError } from '../harness/errors.ts'
import type { Clock } from './clock.ts'
import { RemoteFailure } from './errors.ts'
import { Rates } from './rates.ts'

interface Counted extends Pick<ErrorMetrics, 'transform' | 'error'> {
  count: number
}

export class FailureCounts {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #rates: Rates
  readonly #counts = new Map<string, Counted>()

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
    this.#rates = new Rates(clock.monotonicMs())
  }

  count(thrown: unknown): void {
    const [transform, error] = classified(thrown)
    const id = JSON.stringify([transform, error])
    const counted = this.#counts.get(id) ?? { transform, error, count: 0 }
    this.#counts.set(id, counted)
    counted.count++
  }

  told(): ReadonlyArray<ErrorMetrics> {
    const nowMs = this.#clock.monotonicMs()
    return [...this.#counts].map(([id, counted]) => ({ ...counted, perSecond: this.#rates.of(id, counted.count, nowMs) }))
  }
}

const classified = (thrown: unknown): readonly [transform: string | null, error: string] => {
  const failure = thrown instanceof RemoteFailure ? thrown.error : thrown
  const transform = typeof failure === 'object' && failure !== null && 'transform' in failure ? failure.transform : null
  return [typeof transform === 'string' ? transform : null, failureClass(thrown)]
}

/** Of what a function throws, the class is its own. */
export const failureClass = (thrown: unknown): string => {
  if (thrown instanceof RemoteFailure) return thrown.failureClass
  return errorClass(thrown instanceof UserCodeError && thrown.cause !== undefined ? thrown.cause : thrown)
}
