// How often a reader may begin again in vain: often at first, then with growing pauses, and not for longer than a run waits for a server.
import { pauseMs } from './patience.ts'

/** However fast these fail: a server that comes up may refuse a few. */
const fewestRestarts = 5

export class RestartBudget {
  readonly #budgetMs: number
  #fruitless = 0
  #progressAt: number

  constructor(budgetMs: number, now: number) {
    this.#budgetMs = budgetMs
    this.#progressAt = now
  }

  /** Something came. */
  progress(): void {
    this.#fruitless = 0
  }

  /** The server said that there is nothing. */
  caughtUp(now: number): void {
    this.#progressAt = now
  }

  /** Now and then: what came since the last time is as new as this. */
  look(now: number): void {
    if (this.#fruitless === 0) this.#progressAt = now
  }

  /** How long to wait before beginning again, or null: too often, for too long. */
  next(now: number): number | null {
    const n = this.#fruitless++
    if (n >= fewestRestarts && now - this.#progressAt > this.#budgetMs) return null
    return n > 1 ? pauseMs(n) : 0
  }
}
