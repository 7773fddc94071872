// The tracker of one restriction while it is read: what was claimed, and what may still be given away.
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import { type PositionRange, positionRange } from './restriction.ts'

/**
 * Claims positions of a range in ascending order, and gives away what lies behind them (Beam's OffsetRangeTracker). Whatever the moment
 * of a split, primary and residual together hold each position once.
 *
 * @example
 * const tracker = new RangeTracker({ from: 0, to: 25 }, null)
 * tracker.tryClaim(4) // => true
 * tracker.trySplit(0.5) // => { from: 15, to: 25 }
 * tracker.range // => { from: 0, to: 15 }
 */
export class RangeTracker {
  #range: PositionRange
  #last: number | null

  /** `last`: the position claimed last, or null. */
  constructor(range: PositionRange, last: number | null) {
    this.#range = range
    this.#last = last
  }

  get range(): PositionRange {
    return this.#range
  }

  get last(): number | null {
    return this.#last
  }

  /** False for a position that is somebody else's: stop there. Throws for one that is not after the last. */
  tryClaim(position: number): boolean {
    if (position <= (this.#last ?? this.#range.from - 1)) {
      throw new RangeError(
        `the position ${position} was claimed after ${this.#last ?? `the beginning at ${this.#range.from}`}: positions are claimed in ascending order`,
      )
    }
    if (!positionRange.contains(this.#range, position)) return false
    this.#last = position
    return true
  }

  /** Claims as many of these, from the first, as are its own; says how many. */
  tryClaimAll(positions: ReadonlyArray<number>): number {
    const { to } = this.#range
    const final = positions.at(-1)
    if (final === undefined) return 0
    const count = to === null || final < to ? positions.length : positions.findIndex(position => position >= to)
    const [first, last] = [positions[0], positions[count - 1]]
    if (first === undefined || last === undefined) return 0
    // The last one after the first: a batch in the wrong order is refused by its first.
    this.tryClaim(first)
    if (last !== first) this.tryClaim(last)
    return count
  }

  /** Keeps `fraction` (0 to 1) of what is left and gives the rest away; null where nothing is left to give. */
  trySplit(fraction: number): PositionRange | null {
    if (!(fraction >= 0 && fraction <= 1)) throw new RangeError(`a split keeps a fraction from 0 to 1, and ${fraction} is none`)
    const split = positionRange.split(this.#range, this.#claimed(), fraction)
    if (O.isNone(split)) return null
    const [primary, residual] = split.value
    this.#range = primary
    return residual
  }

  /** In positions, which need not all hold an element. */
  progress(): { readonly done: number; readonly remaining: number } {
    return positionRange.progress(this.#range, this.#claimed())
  }

  isDone(): boolean {
    return positionRange.isDone(this.#range, this.#claimed())
  }

  #claimed(): Option<number> {
    return O.fromNullable(this.#last)
  }
}
