// Elements into windows: what a window function gives, as objects that tables and state find by identity. A user's function is looked at
// before the engine believes it.
import { Metrics } from '../../sdk/model/metrics.ts'
import { Instant } from '../../sdk/model/time.ts'
import { type BoundedWindow, sameWindow } from '../../sdk/model/window.ts'
import type { WindowFn } from '../../sdk/model/custom-window-fn.ts'
import type { WindowFnKind } from '../../sdk/model/windowing-strategy.ts'
import type { Windows } from './batch.ts'
import { showElement } from './errors.ts'

type Assign = (element: unknown, timestamp: number) => Windows

const withoutWindow = Metrics.counter('droppedWithoutWindow')

/** Whether an element may be in no window at all: it is dropped then. */
export const mayLeaveOut = (kind: WindowFnKind): boolean => kind._tag === 'Custom' || (kind._tag === 'Sliding' && kind.every > kind.size)

/** Whether one element may be in several windows. */
export const mayBeInSeveral = (kind: WindowFnKind): boolean => kind._tag === 'Custom' || (kind._tag === 'Sliding' && kind.every < kind.size)

/** Counts what is in no window. */
export const windowsOf = (windowFn: WindowFn<never>): Assign => {
  // The element type was checked by Window.into.
  const assign = windowFn.assign as Assign
  if (windowFn.kind._tag === 'Custom') return counted(customWindows(windowFn.kind.name, assign))
  if (windowFn.kind._tag !== 'Fixed') return mayLeaveOut(windowFn.kind) ? counted(assign) : assign
  const { size, offset } = windowFn.kind
  const known = new Map<number, Windows>()
  return (element, timestamp) => {
    const slot = Math.floor((timestamp - offset) / size)
    const windows = known.get(slot) ?? assign(element, timestamp)
    if (known.size > 1_000) known.clear()
    known.set(slot, windows)
    return windows
  }
}

const counted =
  (assign: Assign): Assign =>
  (element, timestamp) => {
    const windows = assign(element, timestamp)
    if (windows.length === 0) withoutWindow.inc()
    return windows
  }

/** Throws a TypeError for what are no windows, and a RangeError for one that is over at its element's timestamp. */
const customWindows = (name: string, assign: (element: unknown, timestamp: number) => unknown): Assign => {
  // Neighbours share their windows, mostly.
  let last: Windows = []
  return (element, timestamp) => {
    const given = assign(element, timestamp)
    if (!Array.isArray(given)) throw new TypeError(`the window function ${name} gives an array of windows, and gave ${showElement(given)}`)
    if (given.length !== last.length || !given.every((window, i) => isWindow(window) && sameWindow(window, last[i] ?? window)))
      last = Object.freeze(given.map(window => checked(name, window)))
    for (const window of last) {
      if (window.end <= Math.min(timestamp, lastInside)) {
        throw new RangeError(
          `the window function ${name} put an element at ${Instant.toIso(Instant.ofMillis(timestamp))} into a window that ends at ${Instant.toIso(window.end)}: a window ends after its elements`,
        )
      }
    }
    return last
  }
}

// As standard functions have it: an element at the end of time is in the window that ends there.
const lastInside = Instant.max - 2

const isWindow = (window: unknown): window is BoundedWindow =>
  typeof window === 'object' && window !== null && 'start' in window && 'end' in window

/** A copy: what the function gave stays the function's. */
const checked = (name: string, window: unknown): BoundedWindow => {
  if (isWindow(window)) refuseMore(name, window)
  if (isWindow(window) && isInstant(window.start) && isInstant(window.end) && window.start < window.end)
    return Object.freeze({ start: window.start, end: window.end })
  throw new TypeError(
    `the window function ${name} gave ${showElement(window)}, which is no window: use IntervalWindow.of, whose start lies before its end`,
  )
}

/** State, checkpoints and other threads know a window by its bounds: anything more would be lost there. */
export const refuseMore = (name: string, window: BoundedWindow): void => {
  const more = Object.keys(window).filter(field => field !== 'start' && field !== 'end')
  if (more.length === 0) return
  throw new TypeError(
    `the window function ${name} gave a window with ${more.join(', ')}, and a window is its start and end alone. Put ${more.join(', ')} into the key or the value`,
  )
}

const isInstant = (t: unknown): t is Instant => Number.isInteger(t) && (t as number) >= Instant.min && (t as number) <= Instant.max
