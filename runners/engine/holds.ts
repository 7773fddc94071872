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
  readonly #heap = new Heap<{ readonly cell: Cell; readonly time: number }>((a, b) => compareWindows(a.cell.window, b.cell.window))

  /** `firesAtEnd`: whether a pane that holds something fires, at the latest, when the watermark passes the end of its window. */
  constructor(combiner: TimestampCombiner, watermarks: Watermarks, firesAtEnd: boolean) {
    this.#combiner = combiner
    this.#watermarks = watermarks
    this.#firesAtEnd = firesAtEnd
  }

  /** What an element does to its pane's timestamp. One behind the watermark cannot pull the output behind it: it counts as at the window's end. */
  observe(cell: Cell, timestamp: number): void {
    if (this.#combiner !== 'endOfWindow') this.#combineOnTime(cell, timestamp)
    else if (cell.pending === 1) this.#holdEnd(cell)
  }

  /** What a pane that merges into this one's has held so far: held already, so it may lie behind the input watermark. */
  absorb(cell: Cell, at: number): void {
    if (this.#combiner === 'endOfWindow') this.#holdEnd(cell)
    else if (!Number.isNaN(at)) this.#combine(cell, at)
  }

  /** Where the window has ended as well, nothing is held: a session may still grow, and its pane then goes by its new end (as in Beam). */
  #combineOnTime(cell: Cell, timestamp: number): void {
    const { input } = this.#watermarks
    const at = timestamp < input ? maxTimestamp(cell.window) : timestamp
    if (at >= input) this.#combine(cell, at)
  }

  #combine(cell: Cell, at: number): void {
    const before = cell.timestamp
    if (Number.isNaN(before)) cell.timestamp = at
    else if (this.#combiner === 'earliest') cell.timestamp = Math.min(before, at)
    else cell.timestamp = Math.max(before, at)
    if (cell.timestamp !== before) this.#heap.push(cell.timestamp, { cell, time: cell.timestamp })
  }

  /** A pane that fires at the window's end needs no hold there: it does so before the watermark that is due has been handed on. */
  #holdEnd(cell: Cell): void {
    if (this.#firesAtEnd || cell.pending === 0) return
    const time = maxTimestamp(cell.window)
    this.#heap.push(time, { cell, time })
  }

  restore(cell: Cell): void {
    if (this.#combiner === 'endOfWindow') this.#holdEnd(cell)
    else if (!Number.isNaN(cell.timestamp)) this.#heap.push(cell.timestamp, { cell, time: cell.timestamp })
  }

  #isHeld({ cell, time }: { readonly cell: Cell; readonly time: number }): boolean {
    if (cell.gone || !(this.#combiner === 'endOfWindow' ? cell.pending > 0 : cell.timestamp === time)) return false
    // What is behind the watermark that was handed on is late whatever happens: waiting for it would help nobody.
    return time >= this.#watermarks.output
  }

  /** Infinity where nothing is held. */
  earliest(): number {
    for (;;) {
      const first = this.#heap.peek()
      if (first === undefined) return Infinity
      if (this.#isHeld(first)) return first.time
      this.#heap.pop()
    }
  }
}
