// Triggers as data: when a window's pane is fired. runners/engine interprets them.
import type { Duration } from './time.ts'

/** When a window fires (Beam's Trigger): a plain value, made by the modules below. */
export type Trigger =
  | { readonly _tag: 'Default'; readonly urn: string }
  | { readonly _tag: 'Never'; readonly urn: string }
  | { readonly _tag: 'Always'; readonly urn: string }
  | { readonly _tag: 'AfterWatermark'; readonly urn: string; readonly early: Trigger | null; readonly late: Trigger | null }
  | { readonly _tag: 'AfterCount'; readonly urn: string; readonly count: number }
  | { readonly _tag: 'AfterProcessingTime'; readonly urn: string; readonly delay: Duration; readonly alignTo: Duration | null }
  | { readonly _tag: 'Repeatedly'; readonly urn: string; readonly repeated: Trigger }
  | { readonly _tag: 'AfterEach' | 'AfterAll' | 'AfterAny'; readonly urn: string; readonly triggers: ReadonlyArray<Trigger> }
  | { readonly _tag: 'OrFinally'; readonly urn: string; readonly main: Trigger; readonly until: Trigger }

const urn = (name: string): string => `beam:trigger:${name}:v1`

/**
 * What a window has that names no trigger: fires when the watermark passes its end, and again for each late element within the allowed
 * lateness (Beam's DefaultTrigger).
 *
 * @example
 * Window.into(FixedWindows.of(minutes(1)), { trigger: DefaultTrigger, allowedLateness: minutes(5), accumulation: 'accumulating' })
 */
export const DefaultTrigger: Trigger = Object.freeze({ _tag: 'Default', urn: urn('default') })

/**
 * Fires when the watermark passes the window's end; `early` fires before that, again and again, and `late` after it, until the allowed
 * lateness is over (Beam's AfterWatermark.pastEndOfWindow, withEarlyFirings and withLateFirings).
 *
 * @example
 * Window.into(FixedWindows.of(minutes(1)), {
 *   trigger: AfterWatermark.pastEndOfWindow({ early: AfterProcessingTime.pastFirstElement(seconds(10)), late: AfterCount.of(1) }),
 *   allowedLateness: minutes(5),
 *   accumulation: 'accumulating',
 * })
 */
export const AfterWatermark = {
  pastEndOfWindow: (o?: { readonly early?: Trigger | undefined; readonly late?: Trigger | undefined }): Trigger =>
    Object.freeze({ _tag: 'AfterWatermark', urn: urn('after_end_of_window'), early: o?.early ?? null, late: o?.late ?? null }),
} as const

/**
 * Fires once a pane holds at least `n` elements, looked at after each bundle; a RangeError for an `n` that is no whole number from 1
 * (Beam's AfterPane.elementCountAtLeast).
 *
 * @example
 * Window.into(GlobalWindows, { trigger: Repeatedly.forever(AfterCount.of(100)), accumulation: 'discarding' })
 */
export const AfterCount = {
  of: (n: number): Trigger => {
    if (!Number.isInteger(n) || n < 1)
      throw new RangeError(`AfterCount.of: a pane's element count is a whole number from 1, and ${n} is not`)
    return Object.freeze({ _tag: 'AfterCount', urn: urn('element_count'), count: n })
  },
} as const

/**
 * Fires once `delay` has passed since the first element of a pane, by the clock of the machine; a RangeError for a length of time that is
 * none (Beam's AfterProcessingTime).
 */
export const AfterProcessingTime = {
  /**
   * @param delay a length of time from 0
   * @param o `alignTo`: the firing waits for the next multiple of this length since 1970, so that panes of all keys fire together
   * @example
   * AfterWatermark.pastEndOfWindow({ early: AfterProcessingTime.pastFirstElement(seconds(10)) })
   */
  pastFirstElement: (delay: Duration, o?: { readonly alignTo?: Duration | undefined }): Trigger => {
    if (!(delay >= 0))
      throw new RangeError(`AfterProcessingTime.pastFirstElement: the delay is a length of time, and ${delay} ms is negative`)
    const alignTo = o?.alignTo ?? null
    if (alignTo !== null && !(alignTo > 0))
      throw new RangeError(`AfterProcessingTime.pastFirstElement: alignTo is a length of time above 0, and ${alignTo} ms is not`)
    return Object.freeze({ _tag: 'AfterProcessingTime', urn: urn('after_processing_time'), delay, alignTo })
  },
} as const

/**
 * Begins its trigger anew each time that it has finished (Beam's Repeatedly.forever).
 *
 * @example
 * Repeatedly.forever(AfterCount.of(100))
 */
export const Repeatedly = {
  forever: (t: Trigger): Trigger => Object.freeze({ _tag: 'Repeatedly', urn: urn('repeat'), repeated: t }),
} as const

/**
 * One trigger after the other: each begins when the one before it has finished; finished with the last. A RangeError for no triggers at
 * all, as with AfterAll and AfterAny (Beam's AfterEach.inOrder).
 *
 * @example
 * AfterEach.inOrder(AfterCount.of(1), Repeatedly.forever(AfterCount.of(100)))
 */
export const AfterEach = {
  inOrder: (...ts: ReadonlyArray<Trigger>): Trigger => several('AfterEach', 'after_each', ts),
} as const

/**
 * Fires once when all its triggers are ready (Beam's AfterAll).
 *
 * @example
 * AfterAll.of(AfterCount.of(100), AfterProcessingTime.pastFirstElement(seconds(1)))
 */
export const AfterAll = {
  of: (...ts: ReadonlyArray<Trigger>): Trigger => several('AfterAll', 'after_all', ts),
} as const

/**
 * Fires once when any of its triggers is ready (Beam's AfterFirst).
 *
 * @example
 * Repeatedly.forever(AfterAny.of(AfterCount.of(100), AfterProcessingTime.pastFirstElement(seconds(1))))
 */
export const AfterAny = {
  of: (...ts: ReadonlyArray<Trigger>): Trigger => several('AfterAny', 'after_any', ts),
} as const

/**
 * Fires as `main` does, until `until` fires too: then it fires for the last time (Beam's OrFinally).
 *
 * @example
 * OrFinally.of(Repeatedly.forever(AfterCount.of(100)), AfterWatermark.pastEndOfWindow())
 */
export const OrFinally = {
  of: (main: Trigger, until: Trigger): Trigger => Object.freeze({ _tag: 'OrFinally', urn: urn('or_finally'), main, until }),
} as const

/**
 * Never fires: a window says what it gathered once, when its allowed lateness is over (Beam's Never).
 *
 * @example
 * Window.into(FixedWindows.of(hours(1)), { trigger: Never, allowedLateness: minutes(10), accumulation: 'discarding' })
 */
export const Never: Trigger = Object.freeze({ _tag: 'Never', urn: urn('never') })

/**
 * Fires after each bundle that brings elements, and again when the watermark passes the window's end; it never finishes (Beam's Always).
 *
 * @example
 * Window.into(FixedWindows.of(hours(1)), { trigger: Always, accumulation: 'accumulating' })
 */
export const Always: Trigger = Object.freeze({ _tag: 'Always', urn: urn('always') })

const known: ReadonlySet<unknown> = new Set([
  'Default',
  'Never',
  'Always',
  'AfterWatermark',
  'AfterCount',
  'AfterProcessingTime',
  'Repeatedly',
  'AfterEach',
  'AfterAll',
  'AfterAny',
  'OrFinally',
])

/**
 * Whether it can finish, and its window then drops what comes later: Beam refuses such a trigger (GroupByKey's triggerIsSafe) unless nothing
 * can come later, because the window ends without lateness.
 */
export const losesData = (trigger: Trigger, allowedLateness: number): boolean =>
  mayFinish(trigger) && !(trigger._tag === 'AfterWatermark' && allowedLateness === 0)

const mayFinish = (trigger: Trigger): boolean => {
  switch (trigger._tag) {
    case 'Default':
    case 'Never':
    case 'Always':
    case 'Repeatedly':
      return false
    case 'AfterCount':
    case 'AfterProcessingTime':
      return true
    case 'AfterWatermark':
      return trigger.late === null
    case 'AfterEach':
    case 'AfterAll':
      return trigger.triggers.every(mayFinish)
    case 'AfterAny':
      return trigger.triggers.some(mayFinish)
    case 'OrFinally':
      return mayFinish(trigger.main) || mayFinish(trigger.until)
  }
}

/** The triggers that it holds. */
export const triggersIn = (trigger: Trigger): ReadonlyArray<Trigger> => {
  switch (trigger._tag) {
    case 'AfterWatermark':
      return [trigger.early, trigger.late].flatMap(inner => inner ?? [])
    case 'Repeatedly':
      return [trigger.repeated]
    case 'OrFinally':
      return [trigger.main, trigger.until]
    case 'AfterEach':
    case 'AfterAll':
    case 'AfterAny':
      return trigger.triggers
    default:
      return []
  }
}

/** Whether it is one, and so are those that it holds: for programs without types. */
export const isTrigger = (given: unknown): boolean =>
  typeof given === 'object' &&
  given !== null &&
  '_tag' in given &&
  known.has(given._tag) &&
  Object.entries(given)
    .flatMap(([name, held]): ReadonlyArray<unknown> => {
      if (name === 'triggers') return Array.isArray(held) ? held : [held]
      return ['repeated', 'main', 'until'].includes(name) || ((name === 'early' || name === 'late') && held !== null) ? [held] : []
    })
    .every(isTrigger)

const several = (tag: 'AfterEach' | 'AfterAll' | 'AfterAny', name: string, triggers: ReadonlyArray<Trigger>): Trigger => {
  if (triggers.length === 0) throw new RangeError(`${tag}: there are no triggers to wait for`)
  return Object.freeze({ _tag: tag, urn: urn(name), triggers: Object.freeze([...triggers]) })
}
