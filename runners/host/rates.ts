// How fast counts grow, from what they are whenever somebody asks: counting itself pays nothing for it.

/** Shorter than this nothing is said yet. */
const leastMs = 50
const windowMs = 1_000

class Rate {
  #sinceMs: number
  #before = 0
  #last: number | null = null

  constructor(nowMs: number) {
    this.#sinceMs = nowMs
  }

  read(total: number, nowMs: number): number {
    const elapsedMs = nowMs - this.#sinceMs
    const rate = ((total - this.#before) * 1_000) / elapsedMs
    if (elapsedMs >= windowMs) {
      this.#last = rate
      this.#before = total
      this.#sinceMs = nowMs
    }
    return this.#last ?? (elapsedMs > leastMs ? rate : 0)
  }
}

export class Rates {
  readonly #rates = new Map<string, Rate>()
  readonly #beganMs: number

  constructor(nowMs: number) {
    this.#beganMs = nowMs
  }

  /** A second, over about the last second: of what stood at 0 when this was made. */
  of(name: string, total: number, nowMs: number): number {
    const rate = this.#rates.get(name) ?? new Rate(this.#beganMs)
    this.#rates.set(name, rate)
    return rate.read(total, nowMs)
  }
}
