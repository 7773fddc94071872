// Binary heap of items that are due at a time. Each item has at most one entry, which can be moved and taken out, so that the heap holds
// nothing but what still counts.

/** An item's entry in a heap. */
export interface HeapEntry<A> {
  readonly item: A
  /** Where it lies; -1 once it is out. */
  index: number
}

export class Heap<A> {
  readonly #times: number[] = []
  readonly #entries: HeapEntry<A>[] = []
  readonly #order: (a: A, b: A) => number

  /** `order` decides between two items that are due at the same time, so that nothing depends on when they came. */
  constructor(order: (a: A, b: A) => number) {
    this.#order = order
  }

  get size(): number {
    return this.#entries.length
  }

  /** When the first is due; Infinity for none. */
  next(): number {
    return this.#times[0] ?? Infinity
  }

  peek(): A | undefined {
    return this.#entries[0]?.item
  }

  push(time: number, item: A): HeapEntry<A> {
    const entry = { item, index: -1 }
    this.put(entry, time)
    return entry
  }

  /** When the entry is due; NaN once it is out. */
  timeOf({ index }: HeapEntry<A>): number {
    return index < 0 ? Number.NaN : (this.#times[index] ?? Number.NaN)
  }

  /** Moves the entry to another time, or brings it back. */
  put(entry: HeapEntry<A>, time: number): void {
    if (entry.index < 0) {
      entry.index = this.#entries.length
      this.#entries.push(entry)
      this.#times.push(time)
    } else this.#times[entry.index] = time
    this.#rise(entry.index)
    this.#sink(entry.index)
  }

  pop(): A | undefined {
    const first = this.#entries[0]
    if (first !== undefined) this.remove(first)
    return first?.item
  }

  /** Nothing happens where it is out already. */
  remove(entry: HeapEntry<A>): void {
    const { index } = entry
    if (index < 0) return
    const end = this.#entries.length - 1
    const last = this.#entry(end)
    if (index !== end) this.#swap(index, end)
    this.#times.pop()
    this.#entries.pop()
    entry.index = -1
    if (last === entry) return
    this.#rise(index)
    this.#sink(last.index)
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1
      if (!this.#before(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(from: number): void {
    const end = this.#entries.length
    for (let at = from; ;) {
      const left = 2 * at + 1
      if (left >= end) return
      const child = left + 1 < end && this.#before(left + 1, left) ? left + 1 : left
      if (!this.#before(child, at)) return
      this.#swap(at, child)
      at = child
    }
  }

  #before(a: number, b: number): boolean {
    const difference = (this.#times[a] ?? 0) - (this.#times[b] ?? 0)
    return difference < 0 || (difference === 0 && this.#order(this.#entry(a).item, this.#entry(b).item) < 0)
  }

  #entry(at: number): HeapEntry<A> {
    return this.#entries[at] as HeapEntry<A> // within bounds: all callers have compared with the length
  }

  #swap(a: number, b: number): void {
    const [time, one, other] = [this.#times[a] ?? 0, this.#entry(a), this.#entry(b)]
    this.#times[a] = this.#times[b] ?? 0
    this.#times[b] = time
    this.#entries[a] = other
    this.#entries[b] = one
    other.index = a
    one.index = b
  }
}
