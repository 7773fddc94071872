// When a task has caught up: all that was there when reading began has gone through it. Side inputs that are tables wait for that.

/** Where elements stop inside a task for a while. */
export interface Passage {
  /** A point in the order of arrival. */
  readonly mark: () => number
  /** Whether all that had come at `mark` has gone on. */
  readonly hasPassed: (mark: number) => boolean
}

export class CatchingUp {
  readonly #inputs: () => boolean
  readonly #passage: Passage | null
  #mark: number | null = null
  #said = false

  /** `inputs`: whether all of them have caught up. */
  constructor(inputs: () => boolean, passage: Passage | null) {
    this.#inputs = inputs
    this.#passage = passage
  }

  /** True once, when the task's outputs may be told. */
  isDue(): boolean {
    if (this.#said || !this.#inputs()) return false
    this.#mark ??= this.#passage?.mark() ?? 0
    this.#said = this.#passage?.hasPassed(this.#mark) ?? true
    return this.#said
  }
}
