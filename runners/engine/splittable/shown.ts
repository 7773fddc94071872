// What is shown of restrictions: where each stands, how much is left, and what a generator has left behind.
import * as O from 'fp-ts/lib/Option.js'
import type { ErasedSplittable } from '../../../sdk/splittable/erased.ts'
import type { LiveTracker } from '../../../sdk/splittable/tracker.ts'
import { showElement } from '../../harness/errors.ts'
import type { Entry } from './entry.ts'
import type { RestrictionState } from './messages.ts'

export const stateOf = (fn: ErasedSplittable, { id, status, restriction, live, watermark }: Entry): RestrictionState => {
  const last = live?.committed ?? O.none
  return {
    id,
    status: status === 'active' ? 'reading' : status === 'delayed' ? 'delayed' : 'queued',
    position: O.isSome(last) && typeof last.value === 'number' ? last.value : null,
    remaining: fn.restriction.progress(live?.tracker.restriction ?? restriction, last).remaining,
    watermark,
  }
}

const mostShown = 256

/** Those that have ended, and of the others those that have begun, up to a number that is worth showing. */
export const statesOf = (
  ended: ReadonlyArray<RestrictionState>,
  entries: Iterable<Entry>,
  stateIn: (entry: Entry) => RestrictionState,
): ReadonlyArray<RestrictionState> => {
  const shown = [...ended]
  for (const entry of entries) {
    if (shown.length >= mostShown) break
    if (entry.status !== 'new' && entry.status !== 'asking') shown.push(stateIn(entry))
  }
  return shown
}

const mostAsked = 16

/** About how much is left of all of them, in their own unit, with what the first of them say: `leftIn` says it of one. */
export const remainingOf = (
  all: { readonly size: number; readonly values: () => Iterable<Entry> },
  leftIn: (entry: Entry) => number,
): number => {
  let [sum, counted, seen] = [0, 0, 0]
  for (const entry of all.values()) {
    if (counted === mostAsked) break
    seen++
    const left = leftIn(entry)
    if (left > 0) counted++
    sum += left
  }
  return seen === 0 ? 0 : (sum * all.size) / seen
}

/**
 * How much of it another task could read instead, or wait for: what has no end stays where it is, and so does what an unbounded DoFn has
 * put aside, which has seen the end of what was there. What is not known counts as one.
 */
export const leftIn = (fn: ErasedSplittable, entry: Entry): number => {
  if (entry.status === 'new' || entry.status === 'asking') return 1
  if (entry.status === 'delayed' && !fn.isBounded) return 0
  const { remaining } = stateOf(fn, entry)
  return remaining === null ? 1 : remaining === Infinity ? 0 : Math.max(1, remaining)
}

export const leftBehind = (tracker: LiveTracker<unknown, unknown>): string => {
  const left = tracker.left()
  const what = O.isSome(left) ? `${showElement(left.value)} unclaimed and no claim that failed` : 'its restriction not done'
  return `the generator stopped with ${what}: that work would be lost. Claim up to the end, or return resumeAfter(delay) to go on with it`
}
