// How a collection is windowed, from one Window.into to the next.
import type { WindowFn } from './custom-window-fn.ts'
import type { Duration } from './time.ts'
import { DefaultTrigger, type Trigger } from './trigger.ts'
import { type BoundedWindow, GlobalWindow } from './window.ts'

/**
 * The parameters of a window function as data. The engine computes the windows of Beam's functions from them; a custom one is known by its
 * `name`.
 */
export type WindowFnKind =
  | { readonly _tag: 'Global' }
  | { readonly _tag: 'Fixed'; readonly size: Duration; readonly offset: Duration }
  | { readonly _tag: 'Sliding'; readonly size: Duration; readonly every: Duration; readonly offset: Duration }
  | { readonly _tag: 'Sessions'; readonly gap: Duration }
  | {
      readonly _tag: 'Calendar'
      readonly unit: 'days' | 'months'
      readonly every: number
      readonly timeZone: string
      readonly start: CalendarDate
    }
  /** One of the user's: its name alone tells versions of a pipeline apart. */
  | { readonly _tag: 'Custom'; readonly name: string; readonly merging: boolean }

/** A day of the calendar: its `year`, its `month` and its `day`, both from 1. */
export interface CalendarDate {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** A `window` and what it grows out of. */
export interface MergedWindow {
  readonly window: BoundedWindow
  /** Distinct; each of them one that the function was given. */
  readonly parts: ReadonlyArray<BoundedWindow>
}

/** From one key's windows, all different, to those that become one; a window that is in no result's parts stays as it is. */
export type MergeWindows = (windows: ReadonlyArray<BoundedWindow>) => ReadonlyArray<MergedWindow>

/**
 * Which timestamp a grouping gives to a pane: the earliest or the latest of its elements', or the window's last instant (Beam's
 * TimestampCombiner). Late elements do not count; a pane of late elements alone has the window's last instant.
 */
export type TimestampCombiner = 'earliest' | 'latest' | 'endOfWindow'
/** What a window's next firing contains: all of its elements so far, or those since the one before (Beam's AccumulationMode). */
export type Accumulation = 'accumulating' | 'discarding'
/**
 * Whether a window that is closed for good, because its allowed lateness is over, fires a last time: only with elements that came since the
 * firing before, or always (Beam's ClosingBehavior).
 */
export type ClosingBehavior = 'fireIfNonEmpty' | 'fireAlways'
/**
 * Whether a window fires when the watermark passes its end although nothing came since an early firing: always, or only with elements
 * (Beam's OnTimeBehavior). With `fireAlways`, a grouping in the global window remembers each key until the input ends, in about 120 bytes:
 * as in Beam, each owes an empty pane then. With `fireIfNonEmpty` and `discarding`, a key that has fired all its elements takes no memory,
 * unless a DoFn or Reify behind it sees its panes.
 */
export type OnTimeBehavior = 'fireIfNonEmpty' | 'fireAlways'

export interface WindowingStrategy {
  /** The element type is checked where the strategy is made, by `Window.into`; from there on it is only carried. */
  readonly windowFn: WindowFn<never>
  readonly trigger: Trigger
  readonly accumulation: Accumulation
  readonly allowedLateness: Duration
  readonly timestampCombiner: TimestampCombiner
  readonly closingBehavior: ClosingBehavior
  readonly onTimeBehavior: OnTimeBehavior
  /** Groupings take a trigger that finishes, and drop what comes for a window afterwards. */
  readonly allowUnsafeTrigger: boolean
  /** Its windows are what a grouping made of them: the next one takes them as they are (Beam's merge status). */
  readonly alreadyMerged: boolean
}

/** What of a strategy may change without new windows. */
export type StrategyChange = Partial<Omit<WindowingStrategy, 'windowFn' | 'alreadyMerged'>>

/**
 * Everything in one window that never ends, as without any Window.into: for triggers that do not ask for an end (Beam's GlobalWindows).
 *
 * @example
 * Window.into(GlobalWindows, { trigger: Repeatedly.forever(AfterCount.of(100)), accumulation: 'discarding' })
 */
export const GlobalWindows: WindowFn = Object.freeze({
  urn: 'beam:window_fn:global_windows:v1',
  kind: Object.freeze({ _tag: 'Global' }),
  assign: () => [GlobalWindow],
  merge: null,
})

export const defaultStrategy: WindowingStrategy = Object.freeze({
  windowFn: GlobalWindows,
  trigger: DefaultTrigger,
  accumulation: 'discarding',
  allowedLateness: 0 as Duration,
  timestampCombiner: 'endOfWindow',
  closingBehavior: 'fireIfNonEmpty',
  onTimeBehavior: 'fireAlways',
  allowUnsafeTrigger: false,
  alreadyMerged: false,
})

/** Whether a grouping of this strategy merges windows: then nothing is known of an element's window before its key's others are. */
export const isMerging = ({ windowFn, alreadyMerged }: WindowingStrategy): boolean => !alreadyMerged && windowFn.merge !== null
