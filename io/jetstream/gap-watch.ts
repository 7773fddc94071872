// Missing sequences, looked into: deleted messages leave gaps, and so does a purge or a limit that overtakes the reader. Only the
// first is harmless, and the stream's first sequence tells them apart; until it has, nothing after a gap is handed over.
import type { ReadAhead } from './read-ahead.ts'

export class GapWatch {
  private readonly buffer: ReadAhead
  private readonly verify: (from: number, to: number) => Promise<void>
  private readonly done: (error: unknown) => void
  /** The first gap that came while an earlier one was being looked into: that answer does not cover it. */
  private later: { readonly from: number; readonly to: number; readonly index: number } | null = null

  /** `verify` rejects where what was in the gap is lost; `done` is called with that, or with null when the buffer may flow again. */
  constructor(buffer: ReadAhead, verify: (from: number, to: number) => Promise<void>, done: (error: unknown) => void) {
    this.buffer = buffer
    this.verify = verify
    this.done = done
  }

  /** The next message to be pushed, `to`, follows a gap that begins at `from`. */
  found(from: number, to: number): void {
    if (this.buffer.limit !== Number.POSITIVE_INFINITY) this.later ??= { from, to, index: this.buffer.pushed }
    else {
      this.buffer.limit = this.buffer.pushed
      void this.look(from, to)
    }
  }

  private async look(from: number, to: number): Promise<void> {
    try {
      await this.verify(from, to)
    } catch (error) {
      return this.done(error ?? new Error('unknown'))
    }
    const later = this.later
    this.later = null
    this.buffer.limit = later?.index ?? Number.POSITIVE_INFINITY
    this.done(null)
    if (later !== null) await this.look(later.from, later.to)
  }
}
