// Elements into windows, and what their windows' firings contain.
import { refuseUse, requireChoice, requireKnown } from '../graph/misuse.ts'
import { showGiven } from '../model/show-given.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { WindowFn } from '../model/custom-window-fn.ts'
import type { Duration } from '../model/time.ts'
import { DefaultTrigger, isTrigger, type Trigger } from '../model/trigger.ts'
import {
  type Accumulation,
  type ClosingBehavior,
  defaultStrategy,
  type OnTimeBehavior,
  type TimestampCombiner,
  type WindowingStrategy,
} from '../model/windowing-strategy.ts'

/** Beam's rule as a type: whoever names a trigger or a lateness says what a second firing contains. */
export type WindowOptions = {
  /** The timestamp of what a grouping gives. `endOfWindow` unless told. */
  readonly timestampCombiner?: TimestampCombiner | undefined
} & (
  | {
      readonly trigger?: never
      readonly allowedLateness?: never
      readonly accumulation?: never
      readonly closingBehavior?: never
      readonly onTimeBehavior?: never
      readonly allowUnsafeTrigger?: never
    }
  | {
      /** When a window fires: at its end, and again for what comes late, unless told. */
      readonly trigger?: Trigger | undefined
      /** How long after its end a window still takes elements. None unless told. */
      readonly allowedLateness?: Duration | undefined
      /** Whether a firing repeats what earlier ones of its window contained. */
      readonly accumulation: Accumulation
      /** Whether a window fires a last time when its allowed lateness is over, even without new elements. Default: `fireIfNonEmpty`. */
      readonly closingBehavior?: ClosingBehavior | undefined
      /** Whether a window fires at its end even without new elements, such as after an early firing. Default: `fireAlways`. */
      readonly onTimeBehavior?: OnTimeBehavior | undefined
      /**
       * Take a trigger that finishes, such as AfterCount.of(100) by itself: elements that come for its window afterwards are dropped and
       * counted. Default: false, and a pipeline with such a trigger is refused.
       */
      readonly allowUnsafeTrigger?: boolean | undefined
    }
)

/** What the compiler has checked, for programs that it has not seen. */
const requireWindowing = (windowFn: unknown, o: WindowOptions): void => {
  const kind = 'Window.into'
  if (!isWindowFn(windowFn))
    refuseUse(
      kind,
      `takes a window function, and was given ${showGiven(windowFn)}. Give it FixedWindows.of(minutes(1)), or one made with WindowFn.of`,
    )
  requireKnown(kind, o, [
    'timestampCombiner',
    'trigger',
    'allowedLateness',
    'accumulation',
    'closingBehavior',
    'onTimeBehavior',
    'allowUnsafeTrigger',
  ])
  requireChoice(kind, 'accumulation', o.accumulation, ['accumulating', 'discarding'])
  requireChoice(kind, 'timestampCombiner', o.timestampCombiner, ['earliest', 'latest', 'endOfWindow'])
  requireChoice(kind, 'closingBehavior', o.closingBehavior, ['fireIfNonEmpty', 'fireAlways'])
  requireChoice(kind, 'onTimeBehavior', o.onTimeBehavior, ['fireIfNonEmpty', 'fireAlways'])
  const allowed: unknown = o.allowUnsafeTrigger
  if (allowed !== undefined && typeof allowed !== 'boolean')
    refuseUse(kind, `has ${showGiven(allowed)} for allowUnsafeTrigger. Use true or false`)
  const { trigger } = o
  if (trigger !== undefined && !isTrigger(trigger))
    refuseUse(
      kind,
      `has a trigger that is none, or that holds one: ${showGiven(trigger)}. Use AfterWatermark.pastEndOfWindow(), or another of the triggers`,
    )
}

const isWindowFn = (given: unknown): boolean =>
  typeof given === 'object' &&
  given !== null &&
  'kind' in given &&
  'assign' in given &&
  typeof given.assign === 'function' &&
  'merge' in given &&
  (given.merge === null || typeof given.merge === 'function')

const strategyOf = (windowFn: WindowFn<never>, o: WindowOptions = {}): WindowingStrategy => {
  requireWindowing(windowFn, o)
  const allowedLateness = o.allowedLateness ?? defaultStrategy.allowedLateness
  if (!(allowedLateness >= 0))
    throw new RangeError(`Window.into: allowedLateness is a length of time, and ${allowedLateness} ms is negative`)
  return Object.freeze({
    windowFn,
    trigger: o.trigger ?? DefaultTrigger,
    accumulation: o.accumulation ?? defaultStrategy.accumulation,
    allowedLateness,
    timestampCombiner: o.timestampCombiner ?? defaultStrategy.timestampCombiner,
    closingBehavior: o.closingBehavior ?? defaultStrategy.closingBehavior,
    onTimeBehavior: o.onTimeBehavior ?? defaultStrategy.onTimeBehavior,
    allowUnsafeTrigger: o.allowUnsafeTrigger ?? defaultStrategy.allowUnsafeTrigger,
    alreadyMerged: false,
  })
}

/**
 * Puts elements into windows by their timestamps (Beam's Window.into). What is left out of the options has its default; nothing is
 * taken over from an earlier Window.into. Groupings behind it work window by window. Throws a RangeError for a negative lateness, and an
 * InvalidPipelineError for what is no window function, trigger or option.
 *
 * @example
 * pipe(views, Window.into(FixedWindows.of(minutes(1))), Count.globally) // => 2, 1
 * Window.into(FixedWindows.of(minutes(1)), {
 *   trigger: AfterWatermark.pastEndOfWindow({ late: AfterCount.of(1) }), allowedLateness: minutes(5), accumulation: 'accumulating',
 * })
 */
export const Window = Object.freeze({
  /** By a window function; who names a trigger or a lateness also says `accumulation`. */
  into: <A>(fn: WindowFn<A>, o?: WindowOptions) => {
    const strategy = strategyOf(fn, o)
    // The inner parameter keeps the element's own type, whatever the function must see of it.
    return <B extends A>(pc: PCollection<B>): PCollection<B> => apply({ _tag: 'WindowInto', strategy }, [pc], { kind: 'Window.into' })
  },
})
