// The tracker of a restriction of any kind while it is read: what `process` claims from, and what the engine splits.
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { RestrictionAlgebra } from './restriction.ts'

/**
 * What `process` reads by: it claims a position before it hands on what lies there, and stops where a claim fails (Beam's
 * RestrictionTracker). Positions are claimed in ascending order; claiming one again throws a RangeError.
 */
export interface RestrictionTracker<out R, in P> {
  /** What is left of it: a split makes it smaller while it is read. */
  readonly restriction: R
  /** False: the position, and all behind it, is somebody else's. */
  readonly tryClaim: (position: P) => boolean
  /** Claims as many of these, from the first, as are its own; gives how many. For batches. */
  readonly tryClaimAll: (positions: ReadonlyArray<P>) => number
}

export class LiveTracker<R, P> implements RestrictionTracker<R, P> {
  readonly #algebra: RestrictionAlgebra<R, P>
  #restriction: R
  #last: Option<P> = O.none
  /** What lies after the last position claimed; null where that must be found out. */
  #left: Option<R> | null
  #refused = false
  #stopped = false

  constructor(algebra: RestrictionAlgebra<R, P>, restriction: R) {
    this.#algebra = algebra
    this.#restriction = restriction
    this.#left = O.some(restriction)
  }

  get restriction(): R {
    return this.#restriction
  }

  /** The same object until another position is claimed. */
  get last(): Option<P> {
    return this.#last
  }

  /** A claim has failed: whoever reads knows that the rest is not its own. */
  get refused(): boolean {
    return this.#refused
  }

  // Functions of their own: a generator may take them apart from the tracker.
  readonly tryClaim = (position: P): boolean => {
    if (this.#refused || this.#stopped) return this.#refuse()
    const left = this.left()
    if (O.isSome(left) && this.#algebra.contains(left.value, position)) {
      this.#last = O.some(position)
      this.#left = null
      return true
    }
    if (O.isSome(this.#last) && this.#algebra.contains(this.#restriction, position)) {
      throw new RangeError(
        `the position ${shown(position)} was claimed after ${shown(this.#last.value)}: positions are claimed once each, in ascending order, and the restriction's split with the fraction 0 says what lies after one`,
      )
    }
    return this.#refuse()
  }

  readonly tryClaimAll = (positions: ReadonlyArray<P>): number => {
    let claimed = 0
    for (const position of positions) {
      if (!this.tryClaim(position)) break
      claimed++
    }
    return claimed
  }

  #refuse(): false {
    this.#refused = true
    return false
  }

  /** What lies after the last position claimed. */
  left(): Option<R> {
    return (this.#left ??= this.leftAfter(this.#last))
  }

  /** What lies after `last`. */
  leftAfter(last: Option<P>): Option<R> {
    if (O.isNone(last)) return O.some(this.#restriction)
    const split = this.#algebra.split(this.#restriction, last, 0)
    return O.isSome(split) ? O.some(split.value[1]) : O.none
  }

  /** Keeps `fraction` of what is left and gives the rest away; none where nothing is left to give, or nothing would be kept. */
  trySplit(fraction: number): Option<R> {
    if (this.#refused || this.#stopped) return O.none
    const split = this.#algebra.split(this.#restriction, this.#last, fraction)
    if (O.isNone(split)) return O.none
    const [primary, residual] = split.value
    if (O.isNone(this.#last) && this.#algebra.progress(primary, O.none).remaining <= 0) return O.none
    this.#restriction = primary
    this.#left = null
    return O.some(residual)
  }

  /** Gives away all that lies after the last position claimed. From now on every claim fails. */
  giveUp(): Option<R> {
    const left = this.left()
    const split = O.isNone(this.#last) ? O.none : this.#algebra.split(this.#restriction, this.#last, 0)
    if (O.isSome(split)) {
      this.#restriction = split.value[0]
      this.#left = null
    }
    this.stop()
    return left
  }

  /** From now on every claim fails. */
  stop(): void {
    this.#stopped = true
  }

  progress(): { readonly done: number; readonly remaining: number } {
    return this.#algebra.progress(this.#restriction, this.#last)
  }

  isDone(): boolean {
    return this.#algebra.isDone(this.#restriction, this.#last)
  }
}

const shown = (position: unknown): string => (typeof position === 'number' ? String(position) : JSON.stringify(position))
