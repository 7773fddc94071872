// A queue whose front leaves without moving the rest.
export class Fifo<A> {
  #items: A[] = []
  #first = 0

  get size(): number {
    return this.#items.length - this.#first
  }

  push(item: A): void {
    this.#items.push(item)
  }

  shift(): A | undefined {
    const item = this.#items[this.#first]
    if (this.#first < this.#items.length) this.#first++
    if (this.#first > 1_000 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }
}
