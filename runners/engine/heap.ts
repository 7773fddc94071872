// A binary heap of things that are due at a time. Entries are never searched for: whoever takes one out checks that it still counts.

export class Heap<A> {
  readonly #times: number[] = []
  readonly #items: A[] = []
  readonly #order: (a: A, b: A) => number

  /** `order` decides between two that are due at the same time, so that nothing depends on when they came. */
  constructor(order: (a: A, b: A) => number) {
    this.#order = order
  }

  get size(): number {
    return this.#items.length
  }

  /** When the first is due; Infinity for none. */
  next(): number {
    return this.#times[0] ?? Infinity
  }

  peek(): A | undefined {
    return this.#items[0]
  }

  push(time: number, item: A): void {
    let at = this.#items.length
    this.#times.push(time)
    this.#items.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#before(at, parent)) break
      this.#swap(at, parent)
      at = parent
    }
  }

  pop(): A | undefined {
    const first = this.#items[0]
    const end = this.#items.length - 1
    if (end < 0) return undefined
    this.#swap(0, end)
    this.#times.pop()
    this.#items.pop()
    for (let at = 0; ;) {
      const left = 2 * at + 1
      if (left >= end) return first
      const child = left + 1 < end && this.#before(left + 1, left) ? left + 1 : left
      if (!this.#before(child, at)) return first
      this.#swap(at, child)
      at = child
    }
  }

  #before(a: number, b: number): boolean {
    const difference = (this.#times[a] ?? 0) - (this.#times[b] ?? 0)
    return difference < 0 || (difference === 0 && this.#order(this.#item(a), this.#item(b)) < 0)
  }

  #item(at: number): A {
    return this.#items[at] as A // within bounds: all callers have compared with the length
  }

  #swap(a: number, b: number): void {
    const [time, item] = [this.#times[a] ?? 0, this.#item(a)]
    this.#times[a] = this.#times[b] ?? 0
    this.#items[a] = this.#item(b)
    this.#times[b] = time
    this.#items[b] = item
  }
}
