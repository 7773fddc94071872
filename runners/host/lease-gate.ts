// Whether a process may do now what others see: a lease is relied on only for as long as it was confirmed, by this thread's own clocks.
// Time is an argument, and nothing is asked here. A renewal that fails closes nothing, and one that is answered late opens nothing.
import type { LeaseConfirmation } from '../checkpoint/confirmation.ts'

/** Both clocks at one moment, in milliseconds. */
export interface Moment {
  /** The same clock in all threads of a process. It stops while the machine is suspended. */
  readonly monotonicMs: number
  /** Since 1970. It goes on while the machine is suspended, and may be set. */
  readonly wallMs: number
}

/**
 * expired: no renewal was confirmed in time. stopped: nothing looked for seconds, so this thread or its process was stopped. clockJumped:
 * the two clocks disagree about how much time has passed, so the machine was suspended, or its clock was set.
 */
export type LeaseDoubt = 'expired' | 'stopped' | 'clockJumped'

/** Looks are never so far apart, unless the thread was stopped, or blocked by a function. */
export const longestGapMs = 2_000

export class LeaseGate {
  readonly #driftMs: number
  #looked: Moment
  /** The wall clock less the monotonic one, at the last confirmation. */
  #offsetMs: number
  #accepted: LeaseConfirmation
  #closed: { readonly because: LeaseDoubt; readonly atMs: number; readonly sinceMs: number } | null = null

  /** `driftMs`: by how much the clocks may disagree between two confirmations. */
  constructor(driftMs: number, first: LeaseConfirmation, at: Moment) {
    this.#driftMs = driftMs
    this.#looked = at
    this.#offsetMs = at.wallMs - at.monotonicMs
    this.#accepted = first
  }

  /** Why it is closed, and since when by the monotonic clock; null: it is open. */
  doubt(): { readonly because: LeaseDoubt; readonly sinceMs: number } | null {
    return this.#closed
  }

  /** Whether it is open. To be called before whatever others see. `newest`: the last confirmation that there is. */
  look(at: Moment, newest: LeaseConfirmation): boolean {
    const reason = this.#reason(at, newest)
    this.#looked = at
    if (reason !== null) {
      // Closed once more: what began before is no answer to it.
      this.#closed = { because: this.#closed?.because ?? reason, atMs: at.monotonicMs, sinceMs: this.#closed?.sinceMs ?? at.monotonicMs }
      this.#offsetMs = at.wallMs - at.monotonicMs
      return false
    }
    if (this.#closed !== null && !(newest.beganMs >= this.#closed.atMs && at.monotonicMs < newest.untilMs)) return false
    this.#closed = null
    if (newest.beganMs > this.#accepted.beganMs) {
      this.#accepted = newest
      this.#offsetMs = at.wallMs - at.monotonicMs
    }
    return true
  }

  /** What has happened since the last look that no confirmation from before it can answer. */
  #reason({ monotonicMs, wallMs }: Moment, newest: LeaseConfirmation): LeaseDoubt | null {
    if (this.#closed === null && monotonicMs >= newest.untilMs) return 'expired'
    if (monotonicMs - this.#looked.monotonicMs > longestGapMs) return 'stopped'
    return Math.abs(wallMs - monotonicMs - this.#offsetMs) > this.#driftMs ? 'clockJumped' : null
  }
}
