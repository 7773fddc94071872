// When windows that merge end or expire: one entry a cell, which a window that grows takes over. A later time moves nothing until the
// former one comes up, so that a session that grows with each element costs the heap nothing.
import { type BoundedWindow, compareWindows } from '../../sdk/model/window.ts'
import type { Cell } from './cell.ts'
import { Heap, type HeapEntry } from './heap.ts'

export interface CellTimer {
  cell: Cell
  /** The cell's as it was put into the heap: it decides between two that are due at the same time. */
  window: BoundedWindow
  due: number
  entry: HeapEntry<CellTimer> | null
}

export class CellTimers {
  readonly #heap = new Heap<CellTimer>((a, b) => compareWindows(a.window, b.window))

  set(cell: Cell, due: number): void {
    if (cell.timer === null) {
      const timer: CellTimer = { cell, window: cell.window, due, entry: null }
      timer.entry = this.#heap.push(due, timer)
      cell.timer = timer
    } else {
      cell.timer.due = due
      const { entry } = cell.timer
      if (entry !== null && due < this.#heap.timeOf(entry)) this.#put(cell.timer, entry)
    }
  }

  #put(timer: CellTimer, entry: HeapEntry<CellTimer>): void {
    timer.window = timer.cell.window
    this.#heap.put(entry, timer.due)
  }

  /** `cell` becomes part of `merged`, which has the earliest entry of all its parts until it is set. */
  absorb(merged: Cell, cell: Cell): void {
    const { timer } = cell
    if (timer === null) return
    if (merged.timer === null) {
      cell.timer = null
      timer.cell = merged
      merged.timer = timer
    } else this.forget(cell)
  }

  forget(cell: Cell): void {
    if (cell.timer?.entry) this.#heap.remove(cell.timer.entry)
    cell.timer = null
  }

  /** The first cell that is due by `until`, with when it was; it is out then. */
  take(until: number): { readonly cell: Cell; readonly due: number } | null {
    for (;;) {
      const timer = this.#heap.next() <= until ? this.#heap.peek() : undefined
      if (timer === undefined || timer.entry === null) return null
      const { cell, due, entry } = timer
      if (due > this.#heap.next()) this.#put(timer, entry)
      else {
        this.forget(cell)
        return { cell, due }
      }
    }
  }

  get size(): number {
    return this.#heap.size
  }
}
