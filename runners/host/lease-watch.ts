// Who lost its lease must not publish until the next checkpoint finds it out: its successor publishes the same.
import { CheckpointError, type CheckpointSession } from '../checkpoint/store.ts'
import type { Clock } from './clock.ts'

/** Steps are never so far apart, unless the process was stopped: then another may have taken its lease. */
const longestGapMs = 2_000

export class LeaseWatch {
  readonly #session: CheckpointSession | null
  #steppedMs: number
  #asking = false

  constructor(session: CheckpointSession | null, clock: Pick<Clock, 'wallMs'>) {
    this.#session = session
    this.#steppedMs = clock.wallMs()
  }

  /** Whether work may go on; `ask` does what waits, and its result when the loop has time. */
  holds(nowMs: number, ask: (work: () => Promise<() => void>) => void): boolean {
    const slept = nowMs - this.#steppedMs > longestGapMs
    this.#steppedMs = nowMs
    const session = this.#session
    if (session === null) return true
    if ((slept || session.lost()) && !this.#asking) {
      this.#asking = true
      ask(async () => {
        // What else the medium answers is for the next checkpoint to say.
        const refusal: unknown = await session.ensureHeld().catch((error: unknown) => error)
        if (refusal instanceof CheckpointError && refusal.kind === 'LeaseLost') throw refusal
        return () => {
          this.#asking = false
        }
      })
    }
    return !this.#asking
  }
}
