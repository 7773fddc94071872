// Since when a reader has been idle, and up to when that is proven. A heartbeat proves neither.
import type { ReaderStatus } from '../../sdk/splittable/source.ts'

export class Idleness {
  #since: number | null = null
  #until = 0

  /** Everything published before `at`, by the server's clock, was received. `lastAt`: when the last message that came was published. */
  proven(at: number, lastAt: number | null): void {
    if (lastAt !== null && at <= lastAt) return
    this.#since ??= at
    this.#until = Math.max(this.#until, at)
  }

  /** A message came, or the connection was lost. */
  interrupted(): void {
    this.#since = null
  }

  get isProven(): boolean {
    return this.#since !== null
  }

  status(): ReaderStatus {
    return this.#since === null ? { _tag: 'reading' } : { _tag: 'idle', since: this.#since, until: this.#until }
  }
}
