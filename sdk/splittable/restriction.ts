// Restrictions: the part of a source that one reader owns, as data with a pure algebra (Beam's splittable DoFn).
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import { Coder } from '../coders/index.ts'

/**
 * What can be asked of a restriction. `last` is the last position claimed. The engine keeps (restriction, last) and asks these; a property
 * test can too.
 */
export interface RestrictionAlgebra<R, P> {
  /** Whether the position is one of its own. */
  readonly contains: (r: R, position: P) => boolean
  /**
   * Cuts what lies after `last`: the primary keeps `fraction` (0 to 1) of the remainder, and all up to `last`. None when nothing is left to
   * give. With the fraction 0 the residual is all that lies after `last`, so that work which was stopped goes on with it.
   */
  readonly split: (r: R, last: Option<P>, fraction: number) => Option<readonly [primary: R, residual: R]>
  /** In whatever unit says how much work it is. */
  readonly progress: (r: R, last: Option<P>) => { readonly done: number; readonly remaining: number }
  /** Whether nothing lies after `last`. */
  readonly isDone: (r: R, last: Option<P>) => boolean
}

/** A restriction's algebra, and how it becomes bytes in a checkpoint. */
export interface Restriction<R, P> extends RestrictionAlgebra<R, P> {
  /** Into checkpoints and back. */
  readonly coder: Coder<R>
  /**
   * What keeps `parts` from holding each position of `whole` once, in words that follow "the parts …"; none where they do. With it an
   * `initialSplit` that would lose positions, or read them twice, ends the run instead; without it its author is believed.
   */
  readonly misfit?: ((whole: R, parts: ReadonlyArray<R>) => Option<string>) | undefined
}

/**
 * Kinds of restrictions of one's own: offsets, sequences, keys of an index, pages (Beam's restriction and tracker, as data and pure
 * functions).
 *
 * Laws, which a property test can hold: whatever `last` and `fraction`, primary and residual together contain each position once; the
 * primary contains `last`; and the fraction 0 leaves all of the rest to the residual.
 *
 * @example
 * type Keys = { readonly keys: ReadonlyArray<string> }
 * const after = ({ keys }: Keys, last: O.Option<string>) => keys.filter(key => O.isNone(last) || key > last.value)
 * const keys = Restriction.of({
 *   coder: Coder.structural<Keys>(), // `keys`: in ascending order
 *   contains: ({ keys }, key: string) => keys.includes(key),
 *   split: (r, last, fraction) => {
 *     const rest = after(r, last)
 *     const kept = Math.ceil(rest.length * fraction)
 *     const done = r.keys.slice(0, r.keys.length - rest.length)
 *     return kept === rest.length ? O.none : O.some([{ keys: [...done, ...rest.slice(0, kept)] }, { keys: rest.slice(kept) }])
 *   },
 *   progress: (r, last) => ({ done: r.keys.length - after(r, last).length, remaining: after(r, last).length }),
 *   isDone: (r, last) => after(r, last).length === 0,
 * })
 * keys.split({ keys: ['a', 'b', 'c'] }, O.some('a'), 0.5) // => O.some([{ keys: ['a', 'b'] }, { keys: ['c'] }])
 */
export const Restriction = Object.freeze({
  /** As it is: its types are inferred from the coder and from the position that `contains` takes. */
  of: <R, P>(r: Restriction<R, P>): Restriction<R, P> => Object.freeze({ ...r }),
})

/** Whole numbers from `from` up to, not including, `to`; `to: null` is without end. */
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
    return cut({ from: r.from, to: r.to }, start, fraction)
  },
  progress: (r, last) => {
    const start = next(r, last)
    return { done: start - r.from, remaining: r.to === null ? 1 : Math.max(0, r.to - start) }
  },
  isDone: (r, last) => r.to !== null && next(r, last) >= r.to,
}

const cut = ({ from, to }: OffsetRange, start: number, fraction: number): Option<readonly [OffsetRange, OffsetRange]> => {
  const at = start + Math.ceil((to - start) * fraction)
  return at >= to
    ? O.none
    : O.some([
        { from, to: at },
        { from: at, to },
      ])
}

const isRange = ({ from, to }: OffsetRange): boolean => Number.isSafeInteger(from) && Number.isSafeInteger(to) && to >= from
const shown = (from: number, to: number): string => `[${from}, ${to})`

const misfit = (whole: OffsetRange, parts: ReadonlyArray<OffsetRange>): Option<string> => {
  const wrong = parts.find(part => !isRange(part))
  if (wrong !== undefined) return O.some(`hold ${shown(wrong.from, wrong.to)}, which is no range of whole numbers`)
  let at = whole.from
  for (const { from, to } of parts.filter(({ from, to }) => to > from).sort((a, b) => a.from - b.from)) {
    if (from > at) return O.some(`leave out ${shown(at, Math.min(from, whole.to))}`)
    if (from < at) return O.some(from < whole.from ? `begin at ${from}, before it` : `hold ${shown(from, Math.min(at, to))} twice`)
    at = to
  }
  if (at > whole.to) return O.some(`end at ${at}, behind it`)
  return at < whole.to ? O.some(`leave out ${shown(at, whole.to)}`) : O.none
}

/** Whole numbers from `from` up to, not including, `to`. */
export interface OffsetRange {
  readonly from: number
  readonly to: number
}

/**
 * The restriction of what lies at whole numbers: bytes, rows, indexes (Beam's OffsetRange).
 *
 * `of` throws a RangeError for bounds that are not safe whole numbers, or an end before its beginning; a claim does for a position, or in a
 * range made by hand, that is none: taken for somebody else's, it would end the reading without a word. An `initialSplit` whose parts leave
 * out a position, or hold one twice, ends the run.
 *
 * @example
 * OffsetRange.split(OffsetRange.of(0, 25), O.some(4), 0.5) // => O.some([{ from: 0, to: 15 }, { from: 15, to: 25 }])
 */
export const OffsetRange: Restriction<OffsetRange, number> & { readonly of: (from: number, to: number) => OffsetRange } = Object.freeze({
  coder: Coder.struct({ from: Coder.varint, to: Coder.varint }),
  contains: (r: OffsetRange, position: number) => {
    if (Number.isSafeInteger(position) && Number.isSafeInteger(r.from) && Number.isSafeInteger(r.to))
      return positionRange.contains(r, position)
    throw new RangeError(`OffsetRange: positions and bounds are whole numbers, and ${position} was claimed in [${r.from}, ${r.to})`)
  },
  split: (r: OffsetRange, last: Option<number>, fraction: number) => cut(r, next(r, last), fraction),
  progress: positionRange.progress,
  isDone: positionRange.isDone,
  misfit,
  of: (from: number, to: number): OffsetRange => {
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || to < from)
      throw new RangeError(`OffsetRange.of(${from}, ${to}): the bounds are whole numbers, and the end does not lie before the beginning`)
    return Object.freeze({ from, to })
  },
})
