// Holds: timestamps that outputs will still carry. The output watermark may not pass them, or the output would be late at birth.
import { compareWindows, maxTimestamp } from '../../sdk/model/window.ts'
import type { TimestampCombiner } from '../../sdk/model/windowing-strategy.ts'
import type { Cell } from './cell.ts'
import type { Watermarks } from './firing.ts'
import { Heap } from './heap.ts'

export class Holds {
  readonly #combiner: TimestampCombiner
  readonly #watermarks: Watermarks
  readonly #heap = new Heap<{ readonly cell: Cell; readonly time: number }>((a, b) => compareWindows(a.cell.window, b.cell.window))

  constructor(combiner: TimestampCombiner, watermarks: Watermarks) {
    this.#combiner = combiner
    this.#watermarks = watermarks
  }

  /** What an element does to its pane's timestamp. One behind the watermark cannot pull the output behind it: it counts as at the window's end. */
  observe(cell: Cell, timestamp: number): void {
    // A pane at the window's end needs no hold: it fires before the watermark that is due has been handed on.
    if (this.#combiner === 'endOfWindow') return
    this.absorb(cell, timestamp < this.#watermarks.input ? maxTimestamp(cell.window) : timestamp)
  }

  /** What a pane that merges into this one's has held so far: held already, so it may lie behind the input watermark. */
  absorb(cell: Cell, at: number): void {
    if (Number.isNaN(at)) return
    const before = cell.timestamp
    if (Number.isNaN(before)) cell.timestamp = at
    else if (this.#combiner === 'earliest') cell.timestamp = Math.min(before, at)
    else cell.timestamp = Math.max(before, at)
    if (cell.timestamp !== before) this.#heap.push(cell.timestamp, { cell, time: cell.timestamp })
  }

  restore(cell: Cell): void {
    if (!Number.isNaN(cell.timestamp)) this.#heap.push(cell.timestamp, { cell, time: cell.timestamp })
  }

  /** Infinity where nothing is held. */
  earliest(): number {
    for (;;) {
      const first = this.#heap.peek()
      if (first === undefined) return Infinity
      // What is behind the watermark that was handed on is late whatever happens: waiting for it would help nobody.
      if (!first.cell.gone && first.cell.timestamp === first.time && first.time >= this.#watermarks.output) return first.time
      this.#heap.pop()
    }
  }
}
