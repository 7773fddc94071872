// The clock of a run: time, timers, turns of the event loop and randomness, injected so that a simulation can replay a run from a seed.
import { randomUUID } from 'node:crypto'
import { monotonicMs } from '../checkpoint/confirmation.ts'

export interface Clock {
  /** Milliseconds since 1970: for event times, time stamps and what people read. It may jump. */
  readonly wallMs: () => number
  /** Milliseconds, with fractions, since a fixed moment; the same for all threads of a process. It never goes back. */
  readonly monotonicMs: () => number
  /** How long this thread's event loop was busy until now, in milliseconds. */
  readonly busyMs: () => number
  /** Calls back once after `ms`; the result cancels it. */
  readonly after: (ms: number, callback: () => void) => () => void
  /** Calls back on the next turn of the event loop, behind pending I/O. */
  readonly nextTurn: (callback: () => void) => void
  readonly uuid: () => string
}

/** Processing time: the wall clock, which may be set back, as a time that never goes back. Where it is, time goes on from where it was. */
export class ProcessingTime {
  readonly #clock: Pick<Clock, 'wallMs'>
  #aheadMs = 0
  #lastMs = -Infinity

  constructor(clock: Pick<Clock, 'wallMs'>) {
    this.#clock = clock
  }

  now(): number {
    const nowMs = this.#clock.wallMs() + this.#aheadMs
    if (nowMs < this.#lastMs) {
      this.#aheadMs += this.#lastMs - nowMs
      return this.#lastMs
    }
    this.#lastMs = nowMs
    return nowMs
  }
}

/** A timer that is set for longer goes off at once. */
const longestTimerMs = 2 ** 31 - 1

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  // Not performance.now() with an offset for each thread: one thread's offset may be measured while it is descheduled.
  monotonicMs,
  busyMs: () => performance.eventLoopUtilization().active,
  after: (ms, callback) => {
    const timer = setTimeout(callback, Math.min(ms, longestTimerMs))
    return () => clearTimeout(timer)
  },
  nextTurn: callback => void setImmediate(callback),
  uuid: () => randomUUID(),
}
