// The messages that a consumer had delivered to a reader that is gone: while the queue holds some of them, older ones than those that were
// handed on may come, so event time stays where it is.

export class Redeliveries {
  /** Whether some may be missing. */
  areMissing = false
  /** The consumer had delivered up to here. */
  before = 0

  /** Some up to `before` may come again. */
  expect(before: number): void {
    this.before = before
    this.areMissing = before > 0
  }

  /** All that the queue holds up to `through` was handed on. */
  handedOn(through: number): void {
    if (through >= this.before) this.areMissing = false
  }
}
