// The rhythm of a thread's work: turns of a few milliseconds, so that servers get their pings answered and signals are heard, and rest
// until somebody pokes it or something is due.

const longestTurnMs = 8
const longestRestMs = 250

export class Pacer {
  #woken = false
  #wake: (() => void) | null = null

  /** There is something to do again. */
  poke(): void {
    this.#woken = true
    this.#wake?.()
  }

  /** Calls `step` for as long as it says that there is more, then rests; `dueMs`: when to look again even so, by Date.now. */
  async run(o: { readonly step: () => boolean; readonly dueMs: () => number; readonly ended: () => boolean }): Promise<void> {
    let turnedMs = performance.now()
    while (!o.ended()) {
      const began = performance.now()
      let more = true
      while (more && performance.now() - began < longestTurnMs) {
        this.#woken = false
        more = o.step()
      }
      const rests = !more && !this.#woken && !o.ended()
      if (rests) await this.#rest(o.dueMs() - Date.now())
      // A rest may be cut short by a promise alone, again and again: then signals and servers' pings would wait for ever.
      if (rests && performance.now() - turnedMs < longestTurnMs) continue
      await nextTurn()
      turnedMs = performance.now()
    }
  }

  async #rest(ms: number): Promise<void> {
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, Math.max(0, Math.min(ms, longestRestMs)))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = null
  }
}

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
