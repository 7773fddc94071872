// The parts of a restriction that are to be read: as it is split at first, and what a drain leaves of each.
import * as O from 'fp-ts/lib/Option.js'
import type { ErasedSplittable } from '../../../sdk/splittable/erased.ts'
import type { Restriction } from '../../../sdk/splittable/restriction.ts'
import { showElement } from '../../harness/errors.ts'
import type { Origin } from './entry.ts'

export const partsOf = (
  fn: ErasedSplittable,
  origin: Origin,
  restriction: unknown,
  desired: number,
  draining: boolean,
): ReadonlyArray<unknown> => {
  const { initialSplit, restriction: kind } = fn
  const parts = initialSplit === null ? [restriction] : partsIn(kind, restriction, initialSplit(origin.element, restriction, desired))
  if (!draining) return parts
  return parts.flatMap((part: unknown) => {
    const kept = truncated(fn, origin, part)
    return O.isSome(kept) ? [kept.value] : []
  })
}

/** What a drain still reads of it. */
export const truncated = ({ truncate, isBounded }: ErasedSplittable, origin: Origin, restriction: unknown): O.Option<unknown> => {
  if (truncate !== null) return truncate(origin.element, restriction)
  return isBounded ? O.some(restriction) : O.none
}

/** What `initialSplit` gave for `whole`. Throws a TypeError for what are no parts, and a RangeError for parts that are not it. */
const partsIn = ({ misfit }: Restriction<unknown, unknown>, whole: unknown, parts: unknown): ReadonlyArray<unknown> => {
  if (!Array.isArray(parts) || parts.length === 0)
    throw new TypeError(`initialSplit gave ${showElement(parts)}: give the parts of the restriction, or an array of itself`)
  const wrong = misfit?.(whole, parts) ?? O.none
  if (O.isNone(wrong)) return parts
  throw new RangeError(
    `initialSplit gave ${showElement(parts)} for ${showElement(whole)}, and the parts ${wrong.value}. Give parts that together hold each position once`,
  )
}
