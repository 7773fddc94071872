// The rhythm of a thread's work: turns of a few milliseconds, so that servers get their pings answered and signals are heard, and rest
// until somebody pokes it or something is due.

import type { Clock } from './clock.ts'

const longestTurnMs = 8
const longestRestMs = 250

export class Pacer {
  readonly #clock: Clock
  #woken = false
  #wake: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** There is something to do again. */
  poke(): void {
    this.#woken = true
    this.#wake?.()
  }

  /** Calls `step` until it returns false, then rests. `restMs`: the longest rest, in milliseconds; a poke ends it early. */
  async run(o: { readonly step: () => boolean; readonly restMs: () => number; readonly ended: () => boolean }): Promise<void> {
    const { monotonicMs } = this.#clock
    let turnedMs = monotonicMs()
    while (!o.ended()) {
      const began = monotonicMs()
      let more = true
      while (more && monotonicMs() - began < longestTurnMs) {
        this.#woken = false
        more = o.step()
      }
      const rests = !more && !this.#woken && !o.ended()
      if (rests) await this.#rest(o.restMs())
      // A rest may be cut short by a promise alone, again and again: then signals and servers' pings would wait for ever.
      if (rests && monotonicMs() - turnedMs < longestTurnMs) continue
      await new Promise<void>(resolve => this.#clock.nextTurn(resolve))
      turnedMs = monotonicMs()
    }
  }

  async #rest(ms: number): Promise<void> {
    await new Promise<void>(resolve => {
      const cancel = this.#clock.after(Math.max(0, Math.min(ms, longestRestMs)), resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
    this.#wake = null
  }
}
