// Beam's standard window functions, and how sessions grow together: arithmetic on instants, with no state and no clock.
import type { Duration } from './time.ts'
import { Instant } from './time.ts'
import { type BoundedWindow, compareWindows, sameWindow } from './window.ts'
import type { WindowFn } from './custom-window-fn.ts'
import type { MergedWindow, MergeWindows } from './windowing-strategy.ts'

/**
 * Windows of one size, side by side: `[n * size + offset, (n + 1) * size + offset)`, for all whole `n`.
 *
 * `size` and `offset` are whole milliseconds; the offset counts modulo the size, so that `hours(-1)` moves days to another time zone.
 * Throws a RangeError for a size that is not positive. Windows end at Instant.max at the latest and start at Instant.min at the
 * earliest. Semantics: Beam's FixedWindows.
 *
 * @example
 * Window.into(FixedWindows.of(minutes(1)))
 */
export const FixedWindows = {
  of: (size: Duration, o?: { readonly offset?: Duration | undefined }): WindowFn => {
    requirePositive('FixedWindows.of: the size', size)
    const offset = offsetWithin('FixedWindows.of: the offset', o?.offset, size)
    // Elements come in order of time, mostly: most have the window of the one before.
    let last: ReadonlyArray<BoundedWindow> = []
    return Object.freeze({
      urn: 'beam:window_fn:fixed_windows:v1',
      kind: Object.freeze({ _tag: 'Fixed', size, offset }),
      assign: (_: unknown, timestamp: Instant) => {
        const previous = last[0]
        if (previous !== undefined && previous.start <= timestamp && timestamp < previous.end) return last
        last = Object.freeze(windowsAround(insideTime(timestamp), size, size, offset))
        return last
      },
      merge: null,
    })
  },
} as const

/**
 * Windows of one size that start every period, so that an element is in `size / every` of them, or in one or none if the period is
 * the longer one: what is in none is dropped, and counted as `droppedWithoutWindow`. Windows start at `n * every + offset`; an element's are given from the latest start to the earliest.
 *
 * Throws a RangeError for a size or period that is not positive, and where an element would be in more than 100,000 windows.
 * Semantics: Beam's SlidingWindows.
 *
 * @example
 * Window.into(SlidingWindows.of(hours(1), { every: minutes(5) }))
 */
export const SlidingWindows = {
  of: (size: Duration, o: { readonly every: Duration; readonly offset?: Duration | undefined }): WindowFn => {
    const { every } = o
    requirePositive('SlidingWindows.of: the size', size)
    requirePositive('SlidingWindows.of: the period `every`', every)
    if (size / every > mostWindows) {
      throw new RangeError(
        `SlidingWindows.of: windows of ${size} ms every ${every} ms put each element into more than ${mostWindows} windows; choose a longer period`,
      )
    }
    const offset = offsetWithin('SlidingWindows.of: the offset', o.offset, every)
    return Object.freeze({
      urn: 'beam:window_fn:sliding_windows:v1',
      kind: Object.freeze({ _tag: 'Sliding', size, every, offset }),
      assign: (_: unknown, timestamp: Instant) => windowsAround(insideTime(timestamp), size, every, offset),
      merge: null,
    })
  },
} as const

/**
 * Windows that last as long as elements of a key follow each other by less than `gap`: each element opens `[t, t + gap)`, and windows
 * that overlap grow into one. Throws a RangeError for a gap that is not positive. Semantics: Beam's Sessions.
 *
 * @example
 * Window.into(Sessions.withGap(minutes(30)))
 */
export const Sessions = {
  withGap: (gap: Duration): WindowFn => {
    requirePositive('Sessions.withGap: the gap', gap)
    return Object.freeze({
      urn: 'beam:window_fn:session_windows:v1',
      kind: Object.freeze({ _tag: 'Sessions', gap }),
      assign: (_: unknown, timestamp: Instant) => {
        const start = insideTime(timestamp)
        return [windowOf(start, Number.isSafeInteger(start + gap) ? ((start + gap) as Instant) : instantFrom(BigInt(start) + BigInt(gap)))]
      },
      merge: mergeOverlapping,
    })
  },
} as const

/**
 * Merges windows that overlap (Beam's MergeOverlappingIntervalWindows): windows that only touch stay apart. Gives every window that
 * results, in order of time, whatever the order of the input; equal windows count once. For the `merge` of a window function of one's own.
 *
 * @example
 * const [a, b, c] = [IntervalWindow.of(0, 10), IntervalWindow.of(5, 15), IntervalWindow.of(15, 20)]
 * mergeOverlapping([a, b, c]) // => [{ window: IntervalWindow.of(0, 15), parts: [a, b] }, { window: c, parts: [c] }]
 */
export const mergeOverlapping: MergeWindows = (windows: ReadonlyArray<BoundedWindow>): ReadonlyArray<MergedWindow> => {
  const sorted = [...windows].sort((a, b) => a.start - b.start || compareWindows(a, b))
  const merged: Array<{ window: BoundedWindow; readonly parts: Array<BoundedWindow> }> = []
  for (const window of sorted) {
    const open = merged.at(-1)
    if (open === undefined || window.start >= open.window.end) merged.push({ window, parts: [window] })
    else {
      const previous = open.parts.at(-1)
      if (previous?.start === window.start && previous.end === window.end) continue
      open.parts.push(window)
      if (window.end > open.window.end) open.window = Object.freeze({ start: open.window.start, end: window.end })
    }
  }
  return merged
}

const mostWindows = 100_000

const requirePositive = (what: string, length: number): void => {
  if (!Number.isSafeInteger(length) || length <= 0)
    throw new RangeError(
      `${what} is a positive whole number of milliseconds, and ${given(length)} is not: use seconds(10), minutes(1) and their kin`,
    )
}

/** A text in quotes: without them it would look like the number that it is not. */
const given = (length: unknown): string => (typeof length === 'string' ? JSON.stringify(length) : String(length))

const offsetWithin = (what: string, offset: Duration | undefined, period: Duration): Duration => {
  if (offset === undefined) return 0 as Duration
  if (!Number.isSafeInteger(offset))
    throw new RangeError(
      `${what} is a whole number of milliseconds, and ${given(offset)} is not: use seconds(10), minutes(1) and their kin`,
    )
  return floorModulo(offset, period) as Duration
}

const floorModulo = (n: number, period: number): number => {
  const rest = n % period
  return rest < 0 ? rest + period : rest + 0
}

// Windows are half open and end at Instant.max, which therefore would be in none: it counts as the instant before.
const lastInside = Instant.max - 2
export const insideTime = (t: Instant): Instant => (t > lastInside ? (lastInside as Instant) : t)

/** The windows `[n * every + offset, + size)` that hold `t`, from the latest start to the earliest. */
const windowsAround = (t: Instant, size: number, every: number, offset: number): Array<BoundedWindow> => {
  if (!Number.isSafeInteger(t - size - every) || !Number.isSafeInteger(t + size))
    return windowsFarOut(BigInt(t), BigInt(size), BigInt(every), BigInt(offset))
  const windows: Array<BoundedWindow> = []
  for (let start = t - floorModulo(t - offset, every); start > t - size; start -= every)
    windows.push(windowOf(start as Instant, (start + size) as Instant))
  return windows
}

// Beyond 2^53 ms only even numbers are doubles. The arithmetic is exact there, and each bound is the first instant from it on: windows
// still lie side by side, and hold their elements.
const windowsFarOut = (t: bigint, size: bigint, every: bigint, offset: bigint): Array<BoundedWindow> => {
  const windows: Array<BoundedWindow> = []
  const rest = (t - offset) % every
  for (let start = t - (rest < 0n ? rest + every : rest); start > t - size; start -= every) {
    const window = windowOf(instantFrom(start), instantFrom(start + size))
    const previous = windows.at(-1)
    if (previous === undefined || !sameWindow(previous, window)) windows.push(window)
  }
  return windows
}

/** The first instant that is not before `millis`, within the bounds of time. */
const instantFrom = (millis: bigint): Instant => {
  const nearest = Number(millis)
  return Instant.ofMillis(BigInt(nearest) < millis ? nearest + 2 : nearest)
}

const windowOf = (start: Instant, end: Instant): BoundedWindow => Object.freeze({ start, end })
