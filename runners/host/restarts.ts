// Whether a run that failed begins again from its last checkpoint, and after which pause.
import type { PipelineError, Restart } from '../../sdk/model/run.ts'

/** What may pass: a call to the outside, a thread out of memory. A pipeline that is wrong, or a lost lease, stays so. */
const mayPass: ReadonlySet<PipelineError['_tag']> = new Set(['UserCodeFailed', 'IoFailed', 'WorkerFailed'])

/** What is lost now and then, such as a worker, is no failure that comes each time. */
const sameWithinMs = 600_000

export class Restarts {
  readonly #policy: Restart
  inARow = 0
  #last = ''
  #lastMs = -Infinity
  /** In all. */
  count = 0

  constructor(policy: Restart) {
    this.#policy = policy
  }

  /**
   * How long to wait, in milliseconds; null: it ends. Attempts count in a row: a checkpoint since the last failure begins anew, unless it
   * is the same failure again soon, as of an element that fails each time.
   */
  after(error: PipelineError, madeProgress: boolean, nowMs: number): number | null {
    if (!mayPass.has(error._tag)) return null
    const isSame = error.message === this.#last && nowMs - this.#lastMs < sameWithinMs
    this.inARow = madeProgress && !isSame ? 1 : this.inARow + 1
    this.#last = error.message
    this.#lastMs = nowMs
    if (this.inARow > this.#policy.attempts) return null
    this.count++
    return Math.min((this.#policy.initial ?? 500) * 2 ** (this.inARow - 1), this.#policy.max ?? 30_000)
  }

  describe(): string {
    return `${this.inARow} of ${this.#policy.attempts} in a row`
  }
}
