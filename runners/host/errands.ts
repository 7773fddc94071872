// Work of a run that waits, and what failed on the way: a run ends with its first failure.

export class Errands {
  readonly #poke: () => void
  #failure: { readonly error: unknown } | null = null
  #closed = false

  /** `poke`: called when there is something to do again. */
  constructor(poke: () => void) {
    this.#poke = poke
  }

  /** Work that waits; what it gives back is done in the loop's own time. */
  later(work: () => Promise<() => void>, onError?: (error: unknown) => void): void {
    const settle = (then: () => void): void => {
      this.guarded(then)
      this.#poke()
    }
    work().then(
      then => settle(then),
      (error: unknown) => settle(() => (onError === undefined ? this.fail(error) : onError(error))),
    )
  }

  /** Nothing is done any more once something has failed, or the run is over. */
  guarded(work: () => void): void {
    if (this.#failure !== null || this.#closed) return
    try {
      work()
    } catch (error) {
      this.fail(error)
    }
  }

  fail(error: unknown): void {
    this.#failure ??= { error }
  }

  /** Throws what failed. */
  ask(): void {
    if (this.#failure !== null) throw this.#failure.error
  }

  close(): void {
    this.#closed = true
  }
}
