// The cells whose triggers wait for a processing time: one entry each, which goes with its cell.
import { compareWindows } from '../../sdk/model/window.ts'
import type { Cell } from './cell.ts'
import { Heap } from './heap.ts'

export class Clocks {
  readonly #heap = new Heap<Cell>((a, b) => compareWindows(a.window, b.window))

  /** Asks the cell's trigger at this processing time, and at no other; Infinity for never. */
  set(cell: Cell, at: number): void {
    if (at === Infinity) this.forget(cell)
    else if (cell.clock === null) cell.clock = this.#heap.push(at, cell)
    else this.#heap.put(cell.clock, at)
  }

  forget(cell: Cell): void {
    if (cell.clock === null) return
    this.#heap.remove(cell.clock)
    cell.clock = null
  }

  /** Infinity for none. */
  next(): number {
    return this.#heap.next()
  }

  /** The first cell that is due; it waits no longer. */
  take(now: number): Cell | null {
    const cell = this.#heap.next() <= now ? this.#heap.pop() : undefined
    if (cell === undefined) return null
    cell.clock = null
    return cell
  }

  get size(): number {
    return this.#heap.size
  }
}
