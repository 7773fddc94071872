// The lease as one thread relies on it: the gate with its clocks, what waits until it opens, and the renewals that it asks for. Each
// thread has its own, so that one that is stopped, or cut off from the main thread, closes by itself.
import type { HostLease } from '../../sdk/model/bindings.ts'
import { type LeaseConfirmation, marginOf } from '../checkpoint/confirmation.ts'
import type { Clock } from './clock.ts'
import { type LeaseDoubt, LeaseGate } from './lease-gate.ts'

/** For runs without checkpoints: no other process can take them over. */
export const alwaysHeld: HostLease = Object.freeze({ held: () => true, whenHeld: () => Promise.resolve() })

const longestLookMs = 250
const askEveryMs = 100

export interface ThreadLeasePlace {
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs' | 'after'>
  readonly expiryMs: number
  /** The newest confirmation that there is. */
  readonly newest: () => LeaseConfirmation
  /** Asks for a renewal that begins now. Called again and again while the gate is closed. */
  readonly ask: (because: LeaseDoubt) => void
  readonly onDoubt: (because: LeaseDoubt) => void
  readonly onHeld: () => void
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class ThreadLease implements HostLease {
  readonly #place: ThreadLeasePlace
  readonly #gate: LeaseGate
  readonly #waiters: Waiter[] = []
  #askDueMs = -Infinity
  #over: Error | null = null
  #stopLooking: () => void = () => undefined

  constructor(place: ThreadLeasePlace) {
    this.#place = place
    this.#gate = new LeaseGate(marginOf(place.expiryMs), place.newest(), this.#now())
    this.#lookLater()
  }

  #now(): { readonly monotonicMs: number; readonly wallMs: number } {
    const { clock } = this.#place
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() }
  }

  /** Also where nothing is written: a stop must be seen, and a renewal asked for. */
  #lookLater(): void {
    this.#stopLooking = this.#place.clock.after(Math.min(longestLookMs, this.#place.expiryMs / 10), () => {
      if (this.#over !== null) return
      this.#lookLater()
      this.held()
    })
  }

  /** At the last look. */
  get inDoubt(): boolean {
    return this.#gate.doubt() !== null
  }

  readonly held = (): boolean => {
    const before = this.#gate.doubt()
    const isOpen = this.#gate.look(this.#now(), this.#place.newest())
    const now = this.#gate.doubt()
    if (now !== null) {
      if (before === null) this.#place.onDoubt(now.because)
      this.#ask(now.because)
    } else if (before !== null) {
      this.#place.onHeld()
      for (const { resolve } of this.#waiters.splice(0)) resolve()
    }
    return isOpen
  }

  #ask(because: LeaseDoubt): void {
    const nowMs = this.#place.clock.monotonicMs()
    if (this.#over !== null || nowMs < this.#askDueMs) return
    this.#askDueMs = nowMs + askEveryMs
    this.#place.ask(because)
  }

  readonly whenHeld = (): Promise<void> => {
    if (this.held()) return Promise.resolve()
    const over = this.#over
    return new Promise((resolve, reject) => {
      if (over === null) this.#waiters.push({ resolve, reject })
      else reject(over)
    })
  }

  /** Nothing is asked for any more, and what waits for it, or will, is rejected with `error`. */
  end(error = new Error('the run has ended')): void {
    this.#over ??= error
    this.#stopLooking()
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }
}
