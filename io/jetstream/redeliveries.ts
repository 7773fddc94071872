// The messages that a consumer had delivered to a reader that is gone: as long as some of them are missing, older ones than those that were
// handed on may come, so event time stays where it is.

const askEveryMs = 2_000

export class Redeliveries {
  /** How many are still to come again, as far as is known. */
  missing = 0
  /** How many messages had come when the last of the missing ones had. */
  lastAt = 0
  /** The consumer had delivered up to here. */
  private before = 0
  private askedAt = 0

  /** `pending` of the messages up to `before` are pending, and nobody has them. */
  expect(before: number, pending: number): void {
    this.before = before
    this.missing = Math.max(0, pending)
    this.lastAt = 0
    this.askedAt = Date.now()
  }

  /** The consumer was lost, and what it knew: all that is left up to `last` comes again, and nobody can say how much that is. */
  afterLoss(last: number): void {
    this.expect(last, Number.POSITIVE_INFINITY)
  }

  arrived(sequence: number, pushed: number): void {
    if (this.missing === 0) return
    const isUncounted = this.missing === Number.POSITIVE_INFINITY
    if (isUncounted ? sequence > this.before : sequence <= this.before) this.set(pushed, isUncounted ? 0 : this.missing - 1)
  }

  /** The server has nothing to send. */
  nothingToSend(pushed: number): void {
    if (this.missing === Number.POSITIVE_INFINITY) this.set(pushed, 0)
  }

  isTimeToAsk(now: number): boolean {
    if (now - this.askedAt < askEveryMs) return false
    this.askedAt = now
    return true
  }

  /** The server's word. `floor`: all up to there is acknowledged. `pending`: what nobody has; null where messages are on their way. */
  counted({ floor, pending }: { readonly floor: number; readonly pending: number | null }, pushed: number): void {
    if (floor >= this.before) this.set(pushed, 0)
    else if (pending !== null) this.set(pushed, Math.max(0, Math.min(this.missing, pending)))
  }

  private set(pushed: number, missing: number): void {
    // From now on: what has come until here may be older than what was handed on.
    if (missing === 0 && this.missing > 0) this.lastAt = pushed
    this.missing = missing
  }
}
