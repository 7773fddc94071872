// Which window of a side input belongs to a window of the main one (Beam's WindowMappingFn): the one that holds its last instant.
import { Instant } from '../../../sdk/model/time.ts'
import { type BoundedWindow, GlobalWindow, maxTimestamp } from '../../../sdk/model/window.ts'
import type { WindowingStrategy } from '../../../sdk/model/windowing-strategy.ts'

export type WindowMapping = (main: BoundedWindow) => BoundedWindow

/** Of several that hold the instant, the one that starts first. A window that it gives never ends before the main one does. */
export const windowMappingOf = ({ windowFn }: WindowingStrategy): WindowMapping => {
  const { kind } = windowFn
  // The window functions that look at elements belong to collections whose windows merge or whose elements are at hand: not to sides.
  const assign = windowFn.assign as (element: unknown, timestamp: Instant) => ReadonlyArray<BoundedWindow>
  if (kind._tag === 'Global') return () => GlobalWindow
  return main => {
    const at = maxTimestamp(main)
    return earliest(assign(undefined, at)) ?? earliest(assign(undefined, nextStart(kind, at))) ?? none(windowFn.urn, at)
  }
}

const earliest = (windows: ReadonlyArray<BoundedWindow>): BoundedWindow | undefined =>
  windows.length === 0 ? undefined : windows.reduce((first, window) => (window.start < first.start ? window : first))

/** Sliding windows that lie apart may miss the instant: then the next one is meant, as in Beam. */
const nextStart = (kind: WindowingStrategy['windowFn']['kind'], at: Instant): Instant => {
  if (kind._tag !== 'Sliding') return at
  const rest = (at - kind.offset) % kind.every
  return Instant.ofMillis(at - (rest < 0 ? rest + kind.every : rest) + kind.every)
}

const none = (urn: string, at: number): never => {
  throw new RangeError(`the side input's window function (${urn}) gives no window at ${at}: an element of the main input finds none`)
}
