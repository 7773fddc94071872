// Windows: half-open intervals of event time, and the global one that holds them all.
import { Instant } from './time.ts'

/**
 * A window: half open, from its `start` up to, not including, its `end` (Beam's BoundedWindow). The global window is the interval
 * [Instant.min, Instant.max), so `window.start` never needs a narrowing.
 */
export interface BoundedWindow {
  readonly start: Instant
  readonly end: Instant
}

/**
 * The one window of a collection that was never windowed (Beam's GlobalWindow).
 *
 * @example
 * pipe(orders, Count.globally, PAssert.inWindow(GlobalWindow, singleton(4)))
 */
export const GlobalWindow: BoundedWindow = Object.freeze({ start: Instant.min, end: Instant.max })

/**
 * Windows by their bounds, in milliseconds since 1970: the end is the first instant after the window. Throws a RangeError where it does not
 * lie after the start (Beam's IntervalWindow).
 *
 * @example
 * IntervalWindow.of(0, 60_000) // => { start: Instant.ofMillis(0), end: Instant.ofMillis(60_000) }
 */
export const IntervalWindow = {
  of: (startMillis: number, endMillis: number): BoundedWindow => {
    if (!(startMillis < endMillis)) {
      throw new RangeError(`IntervalWindow.of: the start must lie before the end, and ${startMillis} does not lie before ${endMillis}`)
    }
    return Object.freeze({ start: Instant.ofMillis(startMillis), end: Instant.ofMillis(endMillis) })
  },
} as const

/** The last instant inside a window: an element or pane at the window's end carries it (Beam's `maxTimestamp`). */
export const maxTimestamp = (window: BoundedWindow): Instant => (window.end - 1) as Instant

export const isGlobal = (window: BoundedWindow): boolean => window.start === Instant.min && window.end === Instant.max

export const sameWindow = (a: BoundedWindow, b: BoundedWindow): boolean => a === b || (a.start === b.start && a.end === b.end)

/** Equal for equal windows alone. */
export const windowId = ({ start, end }: BoundedWindow): string => `${start} ${end}`

/** Earlier end first, then earlier start: the order in which windows close. */
export const compareWindows = (a: BoundedWindow, b: BoundedWindow): number => a.end - b.end || a.start - b.start

/** For error messages and tests. */
export const showWindow = (window: BoundedWindow): string =>
  isGlobal(window) ? 'the global window' : `[${Instant.toIso(window.start)}, ${Instant.toIso(window.end)})`
