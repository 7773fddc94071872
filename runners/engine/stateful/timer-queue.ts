// Timers in order of time, made for timers that are put off again and again: a later time moves nothing until the earlier one comes up,
// so that an element which sets its key's timer anew does not leave an entry behind.
import { Heap } from '../heap.ts'
import type { KeyTimer } from './key-state.ts'

export class TimerQueue {
  readonly #heap: Heap<KeyTimer>
  readonly #place: 'queuedAt' | 'heldAt'
  readonly #dueOf: (timer: KeyTimer) => number
  readonly #onIdle: (timer: KeyTimer) => void

  /** `dueOf` is NaN for a timer that is not set; `onIdle` hears of one that left the queue so. */
  constructor(
    order: (a: KeyTimer, b: KeyTimer) => number,
    place: 'queuedAt' | 'heldAt',
    dueOf: (timer: KeyTimer) => number,
    onIdle: (timer: KeyTimer) => void = () => undefined,
  ) {
    this.#heap = new Heap(order)
    this.#place = place
    this.#dueOf = dueOf
    this.#onIdle = onIdle
  }

  /** The timer was set. */
  put(timer: KeyTimer): void {
    const due = this.#dueOf(timer)
    // Also where it does not wait at all: NaN is not before anything.
    if (timer[this.#place] <= due) return
    timer[this.#place] = due
    this.#heap.push(due, timer)
  }

  /** When the first is due; Infinity for none. */
  next(): number {
    for (;;) {
      const first = this.#heap.peek()
      if (first === undefined) return Infinity
      const at = this.#heap.next()
      // Otherwise it was set to an earlier time since, and lies there as well.
      if (first[this.#place] !== at) this.#heap.pop()
      else {
        const due = this.#dueOf(first)
        if (due === at) return at
        this.#heap.pop()
        first[this.#place] = Number.NaN
        if (Number.isNaN(due)) this.#onIdle(first)
        else this.put(first)
      }
    }
  }

  /** The first, which is no longer in the queue. */
  take(): KeyTimer | undefined {
    if (this.next() === Infinity) return undefined
    const first = this.#heap.pop()
    if (first !== undefined) first[this.#place] = Number.NaN
    return first
  }
}
