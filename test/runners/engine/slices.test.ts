// A snapshot that is written in slices says what one says that is written at once, whatever changes in between.
import { assert } from 'chai'
import fc from 'fast-check'
import { wholeOf } from '../../../runners/engine/frozen-state.ts'
import { AfterCount, AfterWatermark, FixedWindows, millis, Repeatedly, Sessions, SlidingWindows } from '../../../sdk/index.ts'
import type { WindowingStrategy } from '../../../sdk/model/windowing-strategy.ts'
import { DrivenGrouping } from './driven-grouping.ts'

type Step =
  | { readonly _tag: 'add'; readonly key: string; readonly at: number; readonly value: number }
  | { readonly _tag: 'watermark'; readonly by: number }
  | { readonly _tag: 'abort' }
  | { readonly _tag: 'snapshot'; readonly scope: 'changes' | 'all'; readonly during: ReadonlyArray<Step | 'slice'> }

const change: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      _tag: fc.constant('add' as const),
      key: fc.constantFrom('a', 'b', 'c'),
      at: fc.integer({ min: 0, max: 60 }),
      value: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ _tag: fc.constant('watermark' as const), by: fc.integer({ min: 1, max: 15 }) }) },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: change },
  { weight: 1, arbitrary: fc.constant({ _tag: 'abort' } as const) },
  {
    weight: 2,
    arbitrary: fc.record({
      _tag: fc.constant('snapshot' as const),
      scope: fc.constantFrom('changes' as const, 'all' as const),
      during: fc.array(fc.oneof(change, fc.constant('slice' as const)), { maxLength: 8 }),
    }),
  },
)

/** The segments of the last whole snapshot and of those behind it, each followed by what was done until it was taken. */
const play = (strategy: Partial<WindowingStrategy>, steps: ReadonlyArray<Step>, sliced: boolean): string => {
  const driven = new DrivenGrouping(strategy, null)
  let now = 0
  let disk: Uint8Array[] = []
  let stood = { ...driven.watermarks }
  const run = (one: Step): void => {
    if (one._tag === 'add') driven.add([[one.at, one.value]], one.key)
    else if (one._tag === 'watermark') driven.watermark((now += one.by))
    else if (one._tag === 'abort') {
      driven.grouping.snapshot('changes')?.write(sliced ? 1 : Infinity)
      driven.grouping.restoreDirty()
    } else {
      const frozen = driven.grouping.snapshot(one.scope)
      stood = { ...driven.watermarks }
      const atOnce = sliced ? null : wholeOf(frozen)
      for (const meanwhile of one.during) {
        if (meanwhile !== 'slice') run(meanwhile)
        else if (sliced) frozen?.write(1)
      }
      const bytes = atOnce ?? wholeOf(frozen)
      disk = [...(one.scope === 'all' ? [] : disk), ...(bytes === null ? [] : [bytes])]
    }
  }
  for (const one of steps) run(one)
  const other = new DrivenGrouping(strategy, null)
  Object.assign(other.watermarks, stood)
  for (const bytes of disk) other.grouping.restore(bytes, () => true)
  // Keys fire in the order in which they were restored, which is nobody's promise.
  return [...other.watermark(1_000).fired]
    .map(({ key, value, timestamp, window, pane }) => JSON.stringify([key, value, timestamp, window.start, window.end, pane]))
    .sort()
    .join('\n')
}

const everyTwo = AfterWatermark.pastEndOfWindow({ early: Repeatedly.forever(AfterCount.of(2)) })

const strategies: Readonly<Record<string, Partial<WindowingStrategy>>> = {
  'fixed windows': { windowFn: FixedWindows.of(millis(20)), allowedLateness: millis(10), closingBehavior: 'fireAlways' },
  'sliding windows with early panes': {
    windowFn: SlidingWindows.of(millis(20), { every: millis(10) }),
    trigger: everyTwo,
    accumulation: 'accumulating',
  },
  sessions: { windowFn: Sessions.withGap(millis(8)), allowedLateness: millis(10) },
  'sessions with early panes': { windowFn: Sessions.withGap(millis(8)), trigger: everyTwo },
}

describe('a snapshot written in slices', () => {
  for (const [name, strategy] of Object.entries(strategies))
    it(`has what stood at its barrier, of ${name}`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 15 }), steps => {
          assert.strictEqual(play(strategy, steps, true), play(strategy, steps, false))
        }),
        { numRuns: 1_000 },
      )
    })
})
