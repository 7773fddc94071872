// Triggers against a slow twin: it keeps the whole history of a window and counts anew whenever it is asked, at every millisecond.
import { assert } from 'chai'
import * as fc from 'fast-check'
import { FixedWindows, millis, Never, type Trigger } from '../../../sdk/index.ts'
import { anyTrigger } from './any-trigger.ts'
import { DrivenGrouping } from './driven-grouping.ts'

/** What has happened in the window [0, 10), with 10 ms of lateness: elements at a processing time. */
interface Arrival {
  readonly value: number
  readonly at: number
  readonly pastEnd: boolean
}
interface Now {
  readonly arrivals: ReadonlyArray<Arrival>
  readonly clock: number
  readonly pastEnd: boolean
}

/** A trigger at work: what it waits for, and how much of the history was before its time. */
interface Waiting {
  readonly isReady: (now: Now) => boolean
  /** Whether the clock has just come to a time that it waits for: else it is asked when elements come, and at the watermark. */
  readonly isDue: (now: Now) => boolean
  /** null: it has finished. */
  readonly fired: (now: Now) => Waiting | null
}

const once = (isReady: (now: Now) => boolean, isDue: (now: Now) => boolean = () => false): Waiting => ({
  isReady,
  isDue,
  fired: () => null,
})

const begin = (trigger: Trigger, from: number): Waiting => {
  const next = (inner: Trigger) => (now: Now) => begin(inner, now.arrivals.length)
  switch (trigger._tag) {
    case 'Default': {
      const always: Waiting = { isReady: now => now.pastEnd, isDue: () => false, fired: () => always }
      return always
    }
    case 'Never':
      return once(() => false)
    case 'Always': {
      const always: Waiting = { isReady: () => true, isDue: () => false, fired: () => always }
      return always
    }
    case 'AfterCount':
      return once(now => now.arrivals.length - from >= trigger.count)
    case 'AfterProcessingTime': {
      const dueOf = ({ arrivals }: Now): number => {
        const first = arrivals[from]
        if (first === undefined) return Infinity
        const due = first.at + trigger.delay
        return trigger.alignTo === null ? due : Math.ceil(due / trigger.alignTo) * trigger.alignTo
      }
      return once(
        now => now.clock >= dueOf(now),
        now => now.clock === dueOf(now),
      )
    }
    case 'Repeatedly':
      return forever(begin(trigger.repeated, from), next(trigger.repeated))
    case 'AfterEach':
      return inOrder(begin(trigger.triggers[0] ?? Never, from), trigger.triggers.slice(1))
    case 'AfterAll': {
      const all = trigger.triggers.map(inner => begin(inner, from))
      return once(
        now => all.every(inner => inner.isReady(now)),
        now => all.some(inner => inner.isDue(now)),
      )
    }
    case 'AfterAny': {
      const any = trigger.triggers.map(inner => begin(inner, from))
      return once(
        now => any.some(inner => inner.isReady(now)),
        now => any.some(inner => inner.isDue(now)),
      )
    }
    case 'OrFinally':
      return until(begin(trigger.main, from), begin(trigger.until, from))
    case 'AfterWatermark': {
      const { early, late } = trigger
      return upToEnd(early === null ? once(() => false) : forever(begin(early, from), next(early)), now =>
        late === null ? null : forever(begin(late, now.arrivals.length), next(late)),
      )
    }
  }
}

const forever = (current: Waiting, again: (now: Now) => Waiting): Waiting => ({
  isReady: current.isReady,
  isDue: current.isDue,
  fired: now => forever(current.fired(now) ?? again(now), again),
})
const inOrder = (current: Waiting, rest: ReadonlyArray<Trigger>): Waiting => ({
  isReady: current.isReady,
  isDue: current.isDue,
  fired: now => {
    const same = current.fired(now)
    if (same !== null) return inOrder(same, rest)
    const [next, ...others] = rest
    return next === undefined ? null : inOrder(begin(next, now.arrivals.length), others)
  },
})
const until = (main: Waiting, end: Waiting): Waiting => ({
  isReady: now => main.isReady(now) || end.isReady(now),
  isDue: now => main.isDue(now) || end.isDue(now),
  fired: now => {
    if (end.isReady(now)) return null
    const same = main.fired(now)
    return same === null ? null : until(same, end)
  },
})
const upToEnd = (early: Waiting, after: (now: Now) => Waiting | null): Waiting => ({
  isReady: now => now.pastEnd || early.isReady(now),
  isDue: early.isDue,
  fired: now => {
    if (now.pastEnd) return after(now)
    const same = early.fired(now)
    return same === null ? null : upToEnd(same, after)
  },
})

type Step =
  { readonly _tag: 'Elements'; readonly count: number } | { readonly _tag: 'Clock'; readonly by: number } | { readonly _tag: 'Watermark' }

/** The panes as `shown` shows them: contents and timing. */
const expected = (trigger: Trigger, steps: ReadonlyArray<Step>): string => {
  let [clock, pastEnd, expired, unfired, spoken] = [1, false, false, 0, false]
  let waiting: Waiting | null = null
  let began = false
  const arrivals: Arrival[] = []
  const panes: string[] = []
  const say = (): void => {
    const pane = arrivals.slice(unfired)
    // What came in time and waits keeps the output's watermark from passing the window's end.
    const timing = spoken || (pastEnd && outputPassed) ? 'L' : pastEnd ? 'O' : 'E'
    if (pane.length > 0 || timing === 'O') {
      panes.push(`${pane.reduce((sum, { value }) => sum + value, 0)}${timing}`)
      if (timing !== 'E') spoken = true
    }
    unfired = arrivals.length
  }
  let outputPassed = false
  const ask = (): void => {
    const now = { arrivals, clock, pastEnd }
    if (waiting === null || !waiting.isReady(now)) return
    say()
    waiting = waiting.fired(now)
  }
  const isDue = (): boolean => waiting?.isDue({ arrivals, clock, pastEnd }) === true
  const forward = (): void => {
    outputPassed ||= pastEnd && !arrivals.slice(unfired).some(arrival => !arrival.pastEnd)
  }
  let value = 1
  for (const step of steps) {
    switch (step._tag) {
      case 'Elements': {
        if (!began && !expired) waiting = begin(trigger, 0)
        const isOpen = waiting !== null
        began ||= isOpen
        for (let i = 0; i < step.count; i++, value *= 2) if (isOpen) arrivals.push({ value, at: clock, pastEnd })
        if (isOpen) ask()
        break
      }
      case 'Clock':
        for (let i = 0; i < step.by; i++) {
          clock++
          if (isDue()) ask()
          forward()
        }
        break
      case 'Watermark':
        if (!pastEnd) {
          pastEnd = true
          ask()
        } else if (!expired) {
          expired = true
          ask()
          if (waiting !== null) say()
          waiting = null
        }
        break
    }
    forward()
  }
  return panes.join(' ')
}

const actual = (trigger: Trigger, steps: ReadonlyArray<Step>): string => {
  const grouping = new DrivenGrouping({
    windowFn: FixedWindows.of(millis(10)),
    trigger,
    allowedLateness: millis(10),
    accumulation: 'discarding',
  })
  let [value, clock, watermark] = [1, 1, 0]
  for (const step of steps) {
    switch (step._tag) {
      case 'Elements': {
        const elements = Array.from({ length: step.count }, (_, i) => [1, value * 2 ** i] as const)
        value *= 2 ** step.count
        grouping.add(elements)
        break
      }
      case 'Clock':
        grouping.clock((clock += step.by))
        break
      case 'Watermark':
        grouping.watermark((watermark = Math.min(watermark + 10, 20)))
        break
    }
  }
  return grouping.shown()
}

const steps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.oneof(
    { arbitrary: fc.integer({ min: 1, max: 3 }).map((count): Step => ({ _tag: 'Elements', count })), weight: 4 },
    { arbitrary: fc.integer({ min: 1, max: 4 }).map((by): Step => ({ _tag: 'Clock', by })), weight: 2 },
    { arbitrary: fc.constant<Step>({ _tag: 'Watermark' }), weight: 1 },
  ),
  { maxLength: 12 },
)

describe('any trigger', () => {
  it('fires what a twin fires that counts its whole history anew', () =>
    fc.assert(
      fc.property(anyTrigger, steps, (of, happening) => assert.strictEqual(actual(of, happening), expected(of, happening))),
      { numRuns: 3_000 },
    ))
})
