// What a seed decides: draws with names, all from one generator, so that a whole run is repeated by its seed.
import { randomOf } from '../../runners/host/random.ts'

export class Draw {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = randomOf(seed)
  }

  /** A whole number from `from` up to and including `to`. */
  int(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1))
  }

  /** From 0 up to, not including, 1. */
  share(): number {
    return this.#random()
  }

  chance(share: number): boolean {
    return this.#random() < share
  }

  pick<A>(from: ReadonlyArray<A>): A {
    const at = this.int(0, from.length - 1)
    if (from.length === 0) throw new RangeError('draw: there is nothing to pick from')
    return from[at] as A // within bounds
  }

  shuffled<A>(from: ReadonlyArray<A>): ReadonlyArray<A> {
    const all = [...from]
    for (let i = all.length - 1; i > 0; i--) {
      const j = this.int(0, i)
      ;[all[i], all[j]] = [all[j] as A, all[i] as A]
    }
    return all
  }
}
