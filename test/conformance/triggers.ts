// Each trigger, pane by pane. Sums of powers of two say which elements a pane holds.
import { assert } from 'chai'
import * as N from 'fp-ts/lib/number.js'
import {
  AfterAll,
  AfterAny,
  AfterCount,
  AfterEach,
  AfterProcessingTime,
  AfterWatermark,
  Always,
  Coder,
  Combine,
  Create,
  DefaultTrigger,
  FixedWindows,
  GlobalWindows,
  GroupByKey,
  Instant,
  type KV,
  millis,
  Never,
  OrFinally,
  PCollection,
  pipe,
  Pipeline,
  type PipelineDefinition,
  Repeatedly,
  seconds,
  Sessions,
  type Trigger,
  Window,
  type WindowFn,
  type WindowOptions,
} from '../../sdk/index.ts'
import type { PCollection as Collection, PDone } from '../../sdk/graph/pcollection.ts'
import { PAssert, TestStream, type TestEvent } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'
import { underOne } from './grouped.ts'
import { panes } from './panes.ts'

const { advanceWatermarkTo, advanceProcessingTime } = TestStream
type Events = ReadonlyArray<TestEvent<number>>

const ten: WindowFn = FixedWindows.of(millis(10))
/** All at one time, in one event: one bundle, where bundles are as large as they can be. */
const at = (time: number, ...values: ReadonlyArray<number>): TestEvent<number> =>
  TestStream.elements(...values.map(value => [time, value] as const))

const summed = (windows: WindowFn, o: WindowOptions, events: Events): Collection<KV<string, number>> =>
  pipe(TestStream.of(Coder.varint, ...events), Window.into(windows, o), underOne, Combine.perKey(N.MonoidSum))

const discarding = (trigger: Trigger) => ({ trigger, accumulation: 'discarding' }) as const
const unsafe = (trigger: Trigger) => ({ trigger, accumulation: 'discarding', allowUnsafeTrigger: true }) as const
const accumulating = (trigger: Trigger) => ({ trigger, accumulation: 'accumulating' }) as const

export const byDefault = Pipeline.define(import.meta, 'byDefault', () =>
  pipe(
    summed(ten, { ...discarding(DefaultTrigger), allowedLateness: millis(10) }, [
      at(1, 1),
      at(2, 2),
      advanceWatermarkTo(10),
      at(3, 4, 8),
      at(3, 16),
      advanceWatermarkTo(20),
      at(4, 32),
    ]),
    panes('byDefault'),
  ),
)

export const byCount = Pipeline.define(import.meta, 'byCount', () =>
  pipe(summed(ten, discarding(Repeatedly.forever(AfterCount.of(2))), [at(1, 1, 2, 4), at(1, 8), at(1, 16), at(1, 32)]), panes('byCount')),
)

/** It ends with its firing: what comes later is dropped. */
export const byCountOnce = Pipeline.define(import.meta, 'byCountOnce', () =>
  pipe(summed(ten, unsafe(AfterCount.of(2)), [at(1, 1, 2, 4), at(1, 8), advanceWatermarkTo(10)]), panes('byCountOnce')),
)

export const byProcessingTime = Pipeline.define(import.meta, 'byProcessingTime', () =>
  pipe(
    summed(ten, accumulating(Repeatedly.forever(AfterProcessingTime.pastFirstElement(seconds(10)))), [
      at(1, 1),
      advanceProcessingTime(seconds(9)),
      at(1, 2),
      advanceProcessingTime(seconds(1)),
      at(1, 4),
      advanceProcessingTime(seconds(9)),
      at(1, 8),
      advanceProcessingTime(seconds(30)),
    ]),
    panes('byProcessingTime'),
  ),
)

export const aligned = Pipeline.define(import.meta, 'aligned', () =>
  pipe(
    summed(ten, discarding(Repeatedly.forever(AfterProcessingTime.pastFirstElement(seconds(1), { alignTo: seconds(60) }))), [
      at(1, 1),
      advanceProcessingTime(seconds(50)),
      at(1, 2),
      advanceProcessingTime(seconds(9)),
      at(1, 4),
      advanceProcessingTime(seconds(1)),
      at(1, 8),
      advanceProcessingTime(seconds(59)),
    ]),
    panes('aligned'),
  ),
)

export const earlyAndLate = Pipeline.define(import.meta, 'earlyAndLate', () =>
  pipe(
    summed(
      ten,
      {
        ...discarding(AfterWatermark.pastEndOfWindow({ early: AfterCount.of(2), late: AfterCount.of(2) })),
        allowedLateness: millis(10),
      },
      [at(1, 1), at(1, 2), at(1, 4), advanceWatermarkTo(10), at(1, 8), at(1, 16), at(1, 32), advanceWatermarkTo(20)],
    ),
    panes('earlyAndLate'),
  ),
)

export const onTimeOnly = Pipeline.define(import.meta, 'onTimeOnly', () =>
  pipe(
    summed(ten, { ...unsafe(AfterWatermark.pastEndOfWindow()), allowedLateness: millis(10) }, [
      at(1, 1),
      at(1, 2),
      advanceWatermarkTo(10),
      at(1, 4),
    ]),
    panes('onTimeOnly'),
  ),
)

export const untilWatermark = Pipeline.define(import.meta, 'untilWatermark', () =>
  pipe(
    summed(
      ten,
      { ...unsafe(OrFinally.of(Repeatedly.forever(AfterCount.of(2)), AfterWatermark.pastEndOfWindow())), allowedLateness: millis(10) },
      [at(1, 1, 2), at(1, 4), advanceWatermarkTo(10), at(1, 8)],
    ),
    panes('untilWatermark'),
  ),
)

export const untilCount = Pipeline.define(import.meta, 'untilCount', () =>
  pipe(
    summed(ten, unsafe(OrFinally.of(Repeatedly.forever(AfterCount.of(1)), AfterCount.of(3))), [at(1, 1), at(1, 2), at(1, 4), at(1, 8)]),
    panes('untilCount'),
  ),
)

export const inOrder = Pipeline.define(import.meta, 'inOrder', () =>
  pipe(
    summed(ten, discarding(AfterEach.inOrder(AfterCount.of(1), AfterCount.of(2), Repeatedly.forever(AfterCount.of(3)))), [
      at(1, 1),
      at(1, 2),
      at(1, 4),
      at(1, 8),
      at(1, 16),
      at(1, 32),
      at(1, 64),
    ]),
    panes('inOrder'),
  ),
)

export const all = Pipeline.define(import.meta, 'all', () =>
  pipe(
    summed(ten, discarding(Repeatedly.forever(AfterAll.of(AfterCount.of(2), AfterProcessingTime.pastFirstElement(seconds(1))))), [
      at(1, 1),
      advanceProcessingTime(seconds(2)),
      at(1, 2),
      at(1, 4),
      at(1, 8),
      advanceProcessingTime(seconds(1)),
    ]),
    panes('all'),
  ),
)

export const any = Pipeline.define(import.meta, 'any', () =>
  pipe(
    summed(ten, discarding(Repeatedly.forever(AfterAny.of(AfterCount.of(3), AfterProcessingTime.pastFirstElement(seconds(1))))), [
      at(1, 1),
      advanceProcessingTime(seconds(2)),
      at(1, 2),
      at(1, 4),
      at(1, 8),
      at(1, 16),
      advanceProcessingTime(seconds(1)),
    ]),
    panes('any'),
  ),
)

export const never = Pipeline.define(import.meta, 'never', () =>
  pipe(
    summed(ten, { ...discarding(Never), allowedLateness: millis(10) }, [
      at(1, 1),
      advanceWatermarkTo(10),
      at(1, 2),
      advanceWatermarkTo(20),
    ]),
    panes('never'),
  ),
)

export const always = Pipeline.define(import.meta, 'always', () =>
  pipe(
    summed(ten, { ...discarding(Always), allowedLateness: millis(10) }, [
      at(1, 1, 2),
      at(2, 4),
      advanceProcessingTime(seconds(1)),
      advanceWatermarkTo(10),
      at(1, 8),
      advanceWatermarkTo(20),
    ]),
    panes('always'),
  ),
)

export const inGlobalWindow = Pipeline.define(import.meta, 'inGlobalWindow', () =>
  pipe(
    summed(GlobalWindows, accumulating(Repeatedly.forever(AfterCount.of(2))), [at(1, 1, 2), at(2, 4), at(3, 8), at(4, 16)]),
    panes('inGlobalWindow'),
  ),
)

/** Two sessions of one element each, joined by a third: three have come. */
export const merged = Pipeline.define(import.meta, 'merged', () =>
  pipe(
    summed(Sessions.withGap(millis(10)), discarding(Repeatedly.forever(AfterCount.of(3))), [at(0, 1), at(18, 2), at(9, 4), at(40, 8)]),
    panes('merged'),
  ),
)

/** The clock began with the first element of either. */
export const mergedClocks = Pipeline.define(import.meta, 'mergedClocks', () =>
  pipe(
    summed(Sessions.withGap(millis(10)), discarding(Repeatedly.forever(AfterProcessingTime.pastFirstElement(seconds(10)))), [
      at(18, 1),
      advanceProcessingTime(seconds(5)),
      at(0, 2),
      advanceProcessingTime(seconds(4)),
      at(9, 4),
      advanceProcessingTime(seconds(1)),
      at(9, 8),
      advanceProcessingTime(seconds(9)),
    ]),
    panes('mergedClocks'),
  ),
)

export const byKey = Pipeline.define(import.meta, 'byKey', () =>
  pipe(
    TestStream.of(Coder.varint, at(1, 1, 2), at(1, 4), at(1, 3), at(1, 6)),
    Window.into(ten, discarding(Repeatedly.forever(AfterCount.of(2)))),
    PCollection.keyBy((n): string => (n % 2 === 0 ? 'even' : 'odd')),
    GroupByKey.of,
    panes('byKey'),
  ),
)

/** Beam: the next grouping hands a pane on as soon as it comes, and does not wait for a count or a delay once more. */
export const continued = Pipeline.define(import.meta, 'continued', () =>
  pipe(
    summed(ten, discarding(Repeatedly.forever(AfterCount.of(2))), [at(1, 1, 2), at(1, 4, 8), at(1, 16)]),
    GroupByKey.of,
    panes('continued'),
  ),
)

const groupedAndCombined: ReadonlyArray<(pc: Collection<KV<string, number>>) => Collection<unknown>> = [
  GroupByKey.of,
  Combine.perKey(N.MonoidSum),
]

/** One element a bundle: each gives a pane, from a combine as from a grouping. */
export const paneEach = Pipeline.define(import.meta, 'paneEach', () => {
  const many = Array.from({ length: 400 }, (_, i) => i)
  const panesOf = (windows: WindowFn, o: WindowOptions, combined: (pc: Collection<KV<string, number>>) => Collection<unknown>): PDone =>
    pipe(
      Create.of(many),
      PCollection.withTimestamps(() => Instant.ofMillis(1)),
      Window.into(windows, o),
      underOne,
      combined,
      // The window ends with an empty pane.
      PAssert.satisfies(all => assert.lengthOf(all, many.length + 1)),
      PCollection.ignore,
    )
  return groupedAndCombined.flatMap(combined => [
    panesOf(GlobalWindows, discarding(Repeatedly.forever(AfterCount.of(1))), combined),
    panesOf(ten, discarding(Repeatedly.forever(AfterAny.of(AfterCount.of(1), Never))), combined),
  ])
})

const cases: ReadonlyArray<
  readonly [
    says: string,
    PipelineDefinition<void>,
    exactly: string,
    o?: { readonly accumulation?: 'accumulating'; readonly finalsDiffer?: boolean },
  ]
> = [
  ['the default trigger fires at the end of the window, and for what comes late', byDefault, 'key 3O 12L 16L'],
  ['a count fires a pane of at least so many, after the bundle', byCount, 'key 7E 24E 32O.'],
  ['a trigger that is not repeated closes its window', byCountOnce, 'key 7E.', { finalsDiffer: true }],
  ['a delay begins with the first element of a pane', byProcessingTime, 'key 3E 15E 15O.', { accumulation: 'accumulating' }],
  ['a delay that is aligned ends where others end', aligned, 'key 7E 8O.'],
  ['early and late triggers begin anew after each pane', earlyAndLate, 'key 3E 4O 24L 32L.'],
  ['the end of the window alone closes it, whatever the lateness', onTimeOnly, 'key 3O.'],
  ['orFinally ends with the watermark', untilWatermark, 'key 3E 4O.'],
  ['orFinally ends with a count', untilCount, 'key 1E 2E 4E.'],
  ['triggers in order follow one another', inOrder, 'key 1E 6E 56E 64O.'],
  ['all of several triggers must be ready', all, 'key 3E 12E 0O.'],
  ['any of several triggers is enough', any, 'key 1E 14E 16E 0O.'],
  ['never is once, when the lateness is over', never, 'key 3O.'],
  ['always fires after each bundle, at the end of the window, and for what comes late', always, 'key 3E 4E 0O 8L'],
  ['the global window fires by count', inGlobalWindow, 'key 3E 15E 31O.', { accumulation: 'accumulating' }],
  ['windows that merge add up their counts', merged, 'key 7E 0O. | key 8O.'],
  ['windows that merge keep the earlier of their clocks', mergedClocks, 'key 7E 8O.'],
  ['each key has a trigger of its own', byKey, 'even [2,4]E [6]O. | odd [1,3]E []O.'],
  ['a second grouping hands on what the first has fired', continued, 'key [3]E [12]E [16]E []O.'],
]

export const triggerCases: ReadonlyArray<Case> = [
  ...cases.map(([says, pipeline, exactly, o]) => ({
    says,
    pipeline,
    panes: { of: pipeline.pipelineName, exactly, accumulation: o?.accumulation ?? ('discarding' as const), finalsDiffer: o?.finalsDiffer },
  })),
  { says: 'a count of one gives a pane a bundle, of a combine as of a grouping', pipeline: paneEach, only: 'element' },
]
