// Panes: which firing of a window a value came out of.
import type { Instant } from './time.ts'
import type { BoundedWindow } from './window.ts'

/** When a pane came: before the watermark had passed its window's end, with it, or after it (Beam's Timing). `unknown`: no trigger fired it. */
export type PaneTiming = 'early' | 'onTime' | 'late' | 'unknown'

/**
 * Where a value stands among the firings of its key and window (Beam's PaneInfo). `timing`: before, with or after the watermark. `index`
 * counts all of them, `nonSpeculativeIndex` those that are not early (-1 for an early one). `isFirst`, and `isLast`: no other will come.
 */
export interface PaneInfo {
  readonly timing: PaneTiming
  readonly index: number
  readonly nonSpeculativeIndex: number
  readonly isFirst: boolean
  readonly isLast: boolean
}

/** The pane of a value that no trigger fired. */
export const NO_FIRING: PaneInfo = Object.freeze({ timing: 'unknown', index: 0, nonSpeculativeIndex: 0, isFirst: true, isLast: true })

/** A `value` with where it is in event time: its `timestamp`, its `window`, and the `pane` in which it came. `Reify.windowed` makes them. */
export interface Windowed<out A> {
  readonly value: A
  readonly timestamp: Instant
  readonly window: BoundedWindow
  readonly pane: PaneInfo
}
