// Timers in order of time, made for timers that are put off again and again: a later time moves nothing until the earlier one comes up.
// A timer has one entry at most, which goes when it is unset.
import { Heap, type HeapEntry } from '../heap.ts'
import type { KeyTimer } from './key-state.ts'

/** Where a timer keeps its entry. */
type Place = 'queued' | 'held'

export class TimerQueue {
  readonly #heap: Heap<KeyTimer>
  readonly #place: Place
  readonly #dueOf: (timer: KeyTimer) => number

  /** `dueOf`: of a timer that is set. */
  constructor(order: (a: KeyTimer, b: KeyTimer) => number, place: Place, dueOf: (timer: KeyTimer) => number) {
    this.#heap = new Heap(order)
    this.#place = place
    this.#dueOf = dueOf
  }

  /** The timer was set. */
  put(timer: KeyTimer): void {
    const [entry, due] = [timer[this.#place], this.#dueOf(timer)]
    if (entry === null) timer[this.#place] = this.#heap.push(due, timer)
    else if (due < this.#heap.timeOf(entry)) this.#heap.put(entry, due)
  }

  remove(timer: KeyTimer): void {
    const entry = timer[this.#place]
    if (entry !== null) this.#heap.remove(entry)
    timer[this.#place] = null
  }

  /** When the first is due; Infinity for none. */
  next(): number {
    for (;;) {
      const first = this.#heap.peek()
      const entry: HeapEntry<KeyTimer> | null = first === undefined ? null : first[this.#place]
      if (first === undefined || entry === null) return Infinity
      const due = this.#dueOf(first)
      if (due === this.#heap.next()) return due
      this.#heap.put(entry, due)
    }
  }

  /** The first, which is no longer in the queue. */
  take(): KeyTimer | undefined {
    if (this.next() === Infinity) return undefined
    const first = this.#heap.peek()
    if (first !== undefined) this.remove(first)
    return first
  }

  get size(): number {
    return this.#heap.size
  }
}
