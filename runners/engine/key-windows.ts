// One key's windows where windows merge: the open ones in order, and apart from them those that a trigger has closed.
import type { GroupingKey } from '../../sdk/coders/index.ts'
import type { BoundedWindow } from '../../sdk/model/window.ts'
import type { Cell } from './cell.ts'
import { byStart, countBefore } from './mergers.ts'

/** Up to so many changes at once, each is a search and a move of what lies behind; beyond it all are merged in one pass. */
const fewChanges = 8

export class KeyWindows {
  readonly groupingKey: GroupingKey
  #open: Cell[] = []
  #closed: Map<string, Cell> | null = null
  /** Some of the open ones are gone, or closed since. */
  stale = false

  constructor(groupingKey: GroupingKey) {
    this.groupingKey = groupingKey
  }

  /** Earlier start first, then earlier end. */
  get open(): ReadonlyArray<Cell> {
    return this.#open
  }

  get isEmpty(): boolean {
    return this.#open.length === 0 && (this.#closed?.size ?? 0) === 0
  }

  *all(): Generator<Cell> {
    // They may become others between two of them.
    yield* this.#open.slice()
    if (this.#closed !== null) yield* [...this.#closed.values()]
  }

  closedAt(window: BoundedWindow): Cell | undefined {
    return this.#closed?.get(idOf(window))
  }

  /** It grows no more: what would have joined it opens another window. It stays among the open ones until `compact`. */
  close(cell: Cell): void {
    this.#closed ??= new Map()
    this.#closed.set(idOf(cell.window), cell)
  }

  /** Of those that were closed. */
  forgetClosed(cell: Cell): void {
    this.#closed?.delete(idOf(cell.window))
  }

  /** Takes `removed` out and puts `added` in. */
  update(removed: ReadonlyArray<Cell>, added: ReadonlyArray<Cell>): void {
    if (removed.length + added.length > fewChanges) return this.#updateMany(removed, added)
    for (const cell of removed) {
      const at = this.#countBefore(cell.window)
      if (this.#open[at] === cell) this.#open.splice(at, 1)
      else throw new Error('merging grouping: a window that goes is not among its key’s')
    }
    for (const cell of added) this.#open.splice(this.#countBefore(cell.window), 0, cell)
  }

  #countBefore(window: BoundedWindow): number {
    return countBefore(this.#open.length, at => {
      const other = this.#open[at]
      return other !== undefined && byStart(other.window, window) < 0
    })
  }

  #updateMany(removed: ReadonlyArray<Cell>, added: ReadonlyArray<Cell>): void {
    const going = new Set(removed)
    const coming = [...added].sort((a, b) => byStart(a.window, b.window))
    const open: Cell[] = []
    let next = 0
    for (const cell of this.#open) {
      if (going.has(cell)) continue
      for (let other = coming[next]; other !== undefined && byStart(other.window, cell.window) < 0; other = coming[++next]) open.push(other)
      open.push(cell)
    }
    for (; next < coming.length; next++) open.push(coming[next] as Cell) // within bounds
    this.#open = open
  }

  /** Keeps those of the open ones that are open still. */
  compact(isOpen: (cell: Cell) => boolean): void {
    this.stale = false
    // What expires is mostly what lies first.
    let first = 0
    for (let cell = this.#open[0]; cell !== undefined && !isOpen(cell); cell = this.#open[first]) first++
    if (first > 0) this.#open.splice(0, first)
    if (this.#open.some(cell => !isOpen(cell))) this.#open = this.#open.filter(isOpen)
  }

  /** The one with these bounds, open or closed. */
  find(window: BoundedWindow): Cell | undefined {
    const cell = this.#open[this.#countBefore(window)]
    return cell !== undefined && byStart(cell.window, window) === 0 ? cell : this.closedAt(window)
  }
}

const idOf = ({ start, end }: BoundedWindow): string => `${start} ${end}`
