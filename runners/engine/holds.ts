// Holds: timestamps that outputs will still carry. The output watermark may not pass them, or the output would be late at birth.
import { compareWindows, maxTimestamp } from '../../sdk/model/window.ts'
import type { TimestampCombiner } from '../../sdk/model/windowing-strategy.ts'
import type { Cell } from './cell.ts'
import type { Watermarks } from './firing.ts'
import { Heap } from './heap.ts'

export class Holds {
  readonly #combiner: TimestampCombiner
  readonly #watermarks: Watermarks
  readonly #firesAtEnd: boolean
  // A timestamp that grows moves nothing until its former one comes to the top: one entry a cell, however many elements it gets.
  readonly #heap = new Heap<Cell>((a, b) => compareWindows(a.window, b.window))

  /** `firesAtEnd`: whether a pane that holds something fires, at the latest, when the watermark passes the end of its window. */
  constructor(combiner: TimestampCombiner, watermarks: Watermarks, firesAtEnd: boolean) {
    this.#combiner = combiner
    this.#watermarks = watermarks
    this.#firesAtEnd = firesAtEnd
  }

  /**
   * An element's part in its pane's timestamp. As in Beam (WatermarkHold), a late element has none: one behind the output watermark, which
   * cannot wait for it any more, or one whose window has ended. A pane of late elements alone goes by the end of its window.
   */
  observe(cell: Cell, timestamp: number): void {
    if (this.#watermarks.input >= cell.window.end) return
    if (this.#combiner === 'endOfWindow') {
      if (Number.isNaN(cell.timestamp)) this.#combine(cell, maxTimestamp(cell.window))
    } else if (timestamp >= this.#watermarks.output) this.#combine(cell, timestamp)
  }

  /** What a pane that merges into this one's has held so far: held already, so it may lie behind the input watermark. */
  absorb(cell: Cell, at: number): void {
    if (this.#combiner === 'endOfWindow') this.observe(cell, at)
    else if (!Number.isNaN(at)) this.#combine(cell, at)
  }

  #combine(cell: Cell, at: number): void {
    const before = cell.timestamp
    if (Number.isNaN(before)) cell.timestamp = at
    else if (this.#combiner === 'earliest') cell.timestamp = Math.min(before, at)
    else cell.timestamp = Math.max(before, at)
    if (cell.timestamp !== before) this.#hold(cell)
  }

  /** A pane that fires at the window's end needs no hold there: it does so before the watermark that is due has been handed on. */
  #hold(cell: Cell): void {
    if (this.#combiner === 'endOfWindow' && this.#firesAtEnd) return
    if (cell.hold === null) cell.hold = this.#heap.push(cell.timestamp, cell)
    else if (cell.timestamp < this.#heap.timeOf(cell.hold)) this.#heap.put(cell.hold, cell.timestamp)
  }

  restore(cell: Cell): void {
    if (!Number.isNaN(cell.timestamp)) this.#hold(cell)
  }

  /** The cell goes. */
  forget(cell: Cell): void {
    if (cell.hold !== null) this.#heap.remove(cell.hold)
    cell.hold = null
  }

  /** Infinity where nothing is held. */
  earliest(): number {
    for (;;) {
      const first = this.#heap.peek()
      if (first === undefined) return Infinity
      const time = first.timestamp
      // What is behind the watermark that was handed on is late in any case: holding the watermark would not help.
      if (!(time >= this.#watermarks.output)) this.forget(first)
      else if (time === this.#heap.next()) return time
      else if (first.hold !== null) this.#heap.put(first.hold, time)
    }
  }

  get size(): number {
    return this.#heap.size
  }
}
