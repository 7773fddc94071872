// Restrictions: the part of a source that one reader owns, as data with a pure algebra (Beam's splittable DoFn).
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'

/** `last` is the last position claimed. The engine keeps (restriction, last) and asks these; a property test can too. */
export interface RestrictionAlgebra<R, P> {
  readonly contains: (r: R, position: P) => boolean
  /** Cuts what lies after `last`: the primary keeps `fraction` of the remainder. None when nothing is left to give. */
  readonly split: (r: R, last: Option<P>, fraction: number) => Option<readonly [primary: R, residual: R]>
  readonly progress: (r: R, last: Option<P>) => { readonly done: number; readonly remaining: number }
  readonly isDone: (r: R, last: Option<P>) => boolean
}

/** Half open; `to: null` is without end. */
export interface PositionRange {
  readonly from: number
  readonly to: number | null
}

const next = (r: PositionRange, last: Option<number>): number => (O.isSome(last) ? last.value + 1 : r.from)

/** Whole-number positions from `from` up to, not including, `to`: offsets, sequences, indexes. */
export const positionRange: RestrictionAlgebra<PositionRange, number> = {
  contains: ({ from, to }, position) => position >= from && (to === null || position < to),
  split: (r, last, fraction) => {
    const start = next(r, last)
    if (r.to === null)
      return O.some([
        { from: r.from, to: start },
        { from: start, to: null },
      ])
    const at = start + Math.ceil((r.to - start) * fraction)
    return at >= r.to
      ? O.none
      : O.some([
          { from: r.from, to: at },
          { from: at, to: r.to },
        ])
  },
  progress: (r, last) => {
    const start = next(r, last)
    return { done: start - r.from, remaining: r.to === null ? 1 : Math.max(0, r.to - start) }
  },
  isDone: (r, last) => r.to !== null && next(r, last) >= r.to,
}
