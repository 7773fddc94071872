// A windowing strategy in words, for error messages.
import type { Duration } from '../model/time.ts'
import type { Trigger } from '../model/trigger.ts'
import type { WindowingStrategy } from '../model/windowing-strategy.ts'

const units = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const

/** Five minutes as `5 min`. */
const durationText = (ms: Duration): string => {
  const [size, unit] = units.find(([length]) => ms !== 0 && ms % length === 0) ?? [1, 'ms']
  return `${ms / size} ${unit}`
}

const windowsText = ({ windowFn: { kind } }: WindowingStrategy): string => {
  switch (kind._tag) {
    case 'Global':
      return 'the global window'
    case 'Fixed':
      return `fixed windows of ${durationText(kind.size)}${offsetText(kind.offset)}`
    case 'Sliding':
      return `sliding windows of ${durationText(kind.size)} every ${durationText(kind.every)}${offsetText(kind.offset)}`
    case 'Sessions':
      return `sessions with a gap of ${durationText(kind.gap)}`
    case 'Calendar':
      return `calendar windows of ${kind.every} ${kind.unit} in ${kind.timeZone}`
    case 'Custom':
      return `windows of the window function ${kind.name}`
  }
}

const offsetText = (offset: Duration): string => (offset === 0 ? '' : ` offset by ${durationText(offset)}`)

const triggerText = (trigger: Trigger): string => {
  switch (trigger._tag) {
    case 'Default':
      return 'the default trigger'
    case 'Never':
      return 'never'
    case 'Always':
      return 'always'
    case 'AfterWatermark': {
      const early = trigger.early === null ? [] : [`early ${triggerText(trigger.early)}`]
      const late = trigger.late === null ? [] : [`late ${triggerText(trigger.late)}`]
      return ['the end of the window', ...early, ...late].join(', ')
    }
    case 'AfterCount':
      return `after ${trigger.count} elements`
    case 'AfterProcessingTime':
      return `after ${durationText(trigger.delay)} of processing time`
    case 'Repeatedly':
      return `repeatedly ${triggerText(trigger.repeated)}`
    case 'AfterEach':
    case 'AfterAll':
    case 'AfterAny':
      return `${trigger._tag} of (${trigger.triggers.map(triggerText).join('; ')})`
    case 'OrFinally':
      return `${triggerText(trigger.main)} until ${triggerText(trigger.until)}`
  }
}

const partsOf = (strategy: WindowingStrategy): ReadonlyArray<string> => [
  windowsText(strategy),
  `fired by ${triggerText(strategy.trigger)}`,
  `with an allowed lateness of ${durationText(strategy.allowedLateness)}`,
  strategy.accumulation,
  `with the timestamp combiner ${strategy.timestampCombiner}`,
  `with the closing behavior ${strategy.closingBehavior}`,
  `with the on-time behavior ${strategy.onTimeBehavior}`,
  strategy.allowUnsafeTrigger ? 'with unsafe triggers allowed' : 'without unsafe triggers',
  strategy.alreadyMerged ? 'already merged' : 'not yet merged',
]

/** Both strategies, by the windows and what else differs. */
export const differingWindowing = (a: WindowingStrategy, b: WindowingStrategy): readonly [a: string, b: string] => {
  const [ofA, ofB] = [partsOf(a), partsOf(b)]
  const shown = (parts: ReadonlyArray<string>): string => parts.filter((_, i) => i === 0 || ofA[i] !== ofB[i]).join(', ')
  return [shown(ofA), shown(ofB)]
}
