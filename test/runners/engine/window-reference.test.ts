// Any window function under any trigger, lateness and bundling, against the slow reference: pane by pane, from state that has been bytes.
import { assert } from 'chai'
import fc from 'fast-check'
import {
  type BoundedWindow,
  FixedWindows,
  GlobalWindows,
  Instant,
  IntervalWindow,
  mergeOverlapping,
  millis,
  Sessions,
  SlidingWindows,
  WindowFn,
} from '../../../sdk/index.ts'
import { defaultStrategy, type WindowingStrategy } from '../../../sdk/model/windowing-strategy.ts'
import { anyTrigger } from './any-trigger.ts'
import { DrivenGrouping, type Fired } from './driven-grouping.ts'
import { type ReferenceElement, type ReferencePane, WindowReference } from './window-reference.ts'

type Step =
  | { readonly _tag: 'Bundle'; readonly elements: ReadonlyArray<Omit<ReferenceElement, 'value'>> }
  | { readonly _tag: 'Watermark'; readonly by: number }
  | { readonly _tag: 'Clock'; readonly by: number }

// Gaps of different lengths by the value of an element, so that a new window can lie inside an old one.
const ownGap = (value: number, at: number): BoundedWindow => IntervalWindow.of(at, at + 3 + (value % 4) * 4)

const windowFns: Readonly<Record<string, WindowFn<never>>> = {
  global: GlobalWindows,
  fixed: FixedWindows.of(millis(10)),
  sliding: SlidingWindows.of(millis(10), { every: millis(4) }),
  sessions: Sessions.withGap(millis(8)),
  own: WindowFn.of({ name: 'own', assign: (value: number, at) => [ownGap(value, at)] }),
  ownMerging: WindowFn.merging({ name: 'own gaps', assign: (value: number, at) => [ownGap(value, at)], merge: mergeOverlapping }),
  twoMerging: WindowFn.merging({
    name: 'two gaps',
    assign: (value: number, at) => [ownGap(value, at), IntervalWindow.of(at + 20, at + 22)],
    merge: mergeOverlapping,
  }),
}

const strategies: fc.Arbitrary<WindowingStrategy & { readonly of: string }> = fc
  .record({
    // Merging windows twice as often as others.
    of: fc.constantFrom(...Object.keys(windowFns), 'sessions', 'ownMerging', 'twoMerging'),
    trigger: anyTrigger,
    accumulation: fc.constantFrom('accumulating' as const, 'discarding' as const),
    allowedLateness: fc.constantFrom(0, 6, 25).map(ms => millis(ms)),
    timestampCombiner: fc.constantFrom('earliest' as const, 'latest' as const, 'endOfWindow' as const),
    closingBehavior: fc.constantFrom('fireIfNonEmpty' as const, 'fireAlways' as const),
    onTimeBehavior: fc.constantFrom('fireAlways' as const, 'fireIfNonEmpty' as const),
  })
  .map(o => ({ ...defaultStrategy, ...o, windowFn: windowFns[o.of] ?? GlobalWindows }))

const steps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        _tag: fc.constant('Bundle' as const),
        elements: fc.array(fc.record({ key: fc.constantFrom('a', 'a', 'b'), at: fc.nat(40) }), { minLength: 1, maxLength: 5 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ _tag: fc.constant('Watermark' as const), by: fc.integer({ min: 1, max: 12 }) }) },
    { weight: 1, arbitrary: fc.record({ _tag: fc.constant('Clock' as const), by: fc.integer({ min: 1, max: 6 }) }) },
  ),
  { maxLength: 16 },
)

/** By key and window in order of time, each window's in the order in which they fired. */
const inOrder = (panes: ReadonlyArray<ReferencePane>): ReadonlyArray<ReferencePane> =>
  [...panes].sort((a, b) => a.key.localeCompare(b.key) || a.window[0] - b.window[0] || a.window[1] - b.window[1])

const paneOf = ({ key, value, window, pane, timestamp }: Fired): ReferencePane => ({
  key: String(key),
  window: [window.start, window.end],
  values: [...(value as ReadonlyArray<number>)].sort((a, b) => a - b),
  timing: pane.timing,
  index: pane.index,
  nonSpeculativeIndex: pane.nonSpeculativeIndex,
  isLast: pane.isLast,
  timestamp,
})

interface Outcome {
  readonly panes: ReadonlyArray<ReferencePane>
  readonly dropped: number
}

const expected = (strategy: WindowingStrategy, all: ReadonlyArray<Step>): Outcome => {
  const reference = new WindowReference(strategy)
  let [value, watermark, clock] = [0, 0, 1]
  for (const step of all) {
    if (step._tag === 'Bundle') reference.bundle(step.elements.map(element => ({ ...element, value: value++ })))
    else if (step._tag === 'Watermark') reference.watermark((watermark += step.by))
    else reference.clock((clock += step.by))
  }
  reference.watermark(Instant.max)
  return { panes: inOrder(reference.panes), dropped: reference.dropped }
}

const actual = (strategy: WindowingStrategy, all: ReadonlyArray<Step>, restoredEvery: number): Outcome => {
  let grouping = new DrivenGrouping(strategy, null)
  const fired: Fired[] = []
  let [value, watermark, clock, dropped] = [0, 0, 1, 0]
  for (const [i, step] of all.entries()) {
    if (step._tag === 'Bundle') grouping.bundle(step.elements.map(({ key, at }) => ({ key, at, value: value++ })))
    else if (step._tag === 'Watermark') grouping.watermark((watermark += step.by))
    else grouping.clock((clock += step.by))
    if (i % restoredEvery !== 0) continue
    fired.push(...grouping.fired.splice(0))
    dropped += grouping.grouping.droppedLate()
    grouping = grouping.restored(null)
  }
  grouping.watermark(Instant.max)
  fired.push(...grouping.fired)
  return { panes: inOrder(fired.map(paneOf)), dropped: dropped + grouping.grouping.droppedLate() }
}

/** More of them on request, for a long run. */
const runs = Number(process.env['JETBEAM_WINDOW_SCRIPTS'] ?? 1_500)

describe('any window function under any trigger', () => {
  it('fires what a slow reference fires that keeps every element and looks at all of them', function () {
    this.timeout(runs * 100 + 60_000)
    fc.assert(
      fc.property(strategies, steps, fc.integer({ min: 1, max: 20 }), (strategy, all, restoredEvery) =>
        assert.deepEqual(actual(strategy, all, restoredEvery), expected(strategy, all)),
      ),
      { numRuns: runs },
    )
  })
})
