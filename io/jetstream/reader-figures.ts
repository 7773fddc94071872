// What readers of streams tell of themselves besides how they stand: how far they are behind, and what came more than once.
import type { ReadAhead } from './read-ahead.ts'

export class ReaderFigures {
  /** When the last message that came was published. */
  lastAt: number | null = null
  redeliveries = 0
  duplicates = 0

  /**
   * How long ago the oldest message was published that is still to be polled; of what has not come yet, it is known only that it is no older
   * than the last that came. `pending`: how many the server has; null where it is not known.
   */
  lagMs({ oldestAt }: ReadAhead, pending: number | null, nowMs: number): number | null {
    const at = oldestAt ?? (pending === 0 ? nowMs : this.lastAt)
    return at === null ? null : Math.max(0, nowMs - at)
  }
}
