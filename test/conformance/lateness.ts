// What comes late, what a later pane contains, and how a window is closed for good.
import { assert } from 'chai'
import * as N from 'fp-ts/lib/number.js'
import {
  AfterCount,
  AfterWatermark,
  Coder,
  Combine,
  FixedWindows,
  type JobMetrics,
  millis,
  PCollection,
  pipe,
  Pipeline,
  type PipelineDefinition,
  Reify,
  Sessions,
  SlidingWindows,
  Window,
  type WindowFn,
  type WindowOptions,
} from '../../sdk/index.ts'
import type { PDone } from '../../sdk/graph/pcollection.ts'
import { PAssert, TestStream, type TestEvent, containsInAnyOrder } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'
import { underOne } from './grouped.ts'
import { panes } from './panes.ts'

const { advanceWatermarkTo, elements } = TestStream
const at = (time: number, ...values: ReadonlyArray<number>): TestEvent<number> => elements(...values.map(value => [time, value] as const))
const ten = FixedWindows.of(millis(10))

const summed =
  (name: string, windows: WindowFn, o: WindowOptions) =>
  (...events: ReadonlyArray<TestEvent<number>>): PDone =>
    pipe(TestStream.of(Coder.varint, ...events), Window.into(windows, o), underOne, Combine.perKey(N.MonoidSum), panes(name))

const earlyAndLate = AfterWatermark.pastEndOfWindow({ early: AfterCount.of(1), late: AfterCount.of(1) })
const allThree = [at(1, 1), at(1, 2), advanceWatermarkTo(10), at(1, 4), advanceWatermarkTo(15), at(1, 8), advanceWatermarkTo(30), at(1, 16)]

export const accumulating = Pipeline.define(import.meta, 'accumulating', () =>
  summed('accumulating', ten, { trigger: earlyAndLate, allowedLateness: millis(20), accumulation: 'accumulating' })(...allThree),
)
export const discarding = Pipeline.define(import.meta, 'discarding', () =>
  summed('discarding', ten, { trigger: earlyAndLate, allowedLateness: millis(20), accumulation: 'discarding' })(...allThree),
)
export const dropped = Pipeline.define(import.meta, 'dropped', () =>
  summed('dropped', ten, {})(at(1, 1), advanceWatermarkTo(10), at(9, 2), at(10, 4)),
)
export const atTheEdge = Pipeline.define(import.meta, 'atTheEdge', () =>
  summed('atTheEdge', ten, { allowedLateness: millis(5), accumulation: 'discarding' })(
    at(9, 1),
    advanceWatermarkTo(14),
    at(9, 2),
    advanceWatermarkTo(15),
    at(9, 4),
  ),
)
export const closedAlways = Pipeline.define(import.meta, 'closedAlways', () =>
  summed('closedAlways', ten, { allowedLateness: millis(5), accumulation: 'accumulating', closingBehavior: 'fireAlways' })(
    at(1, 1),
    advanceWatermarkTo(10),
    at(1, 2),
    advanceWatermarkTo(15),
    at(21, 4),
  ),
)
export const closedIfNonEmpty = Pipeline.define(import.meta, 'closedIfNonEmpty', () =>
  summed('closedIfNonEmpty', ten, {
    trigger: AfterWatermark.pastEndOfWindow({ late: AfterCount.of(2) }),
    allowedLateness: millis(5),
    accumulation: 'discarding',
  })(at(1, 1), at(11, 8), advanceWatermarkTo(10), at(1, 2), advanceWatermarkTo(25)),
)
/** Late for the earlier of its windows alone. */
export const inSlidingWindows = Pipeline.define(import.meta, 'inSlidingWindows', () =>
  summed('inSlidingWindows', SlidingWindows.of(millis(10), { every: millis(5) }), {})(
    at(7, 1),
    advanceWatermarkTo(11),
    at(8, 2),
    advanceWatermarkTo(15),
  ),
)
/** An element whose own window is over is dropped, though a session is open that it would have joined. */
export const inSessions = Pipeline.define(import.meta, 'inSessions', () =>
  summed('inSessions', Sessions.withGap(millis(10)), {})(at(12, 1), advanceWatermarkTo(16), at(5, 2), at(7, 4), at(40, 8)),
)
export const counted = Pipeline.define(import.meta, 'counted', () =>
  pipe(
    TestStream.of(Coder.varint, at(1, 1), at(1, 2), advanceWatermarkTo(10), at(1, 4)),
    Window.into(ten, { trigger: earlyAndLate, allowedLateness: millis(10), accumulation: 'discarding' }),
    underOne,
    Combine.perKey(N.MonoidSum),
    Reify.windowed,
    PCollection.map(
      ({ value: [, sum], pane: { timing, index, nonSpeculativeIndex, isFirst } }): string =>
        `${sum} ${timing} ${index} ${nonSpeculativeIndex} ${isFirst ? 'first' : 'later'}`,
    ),
    PAssert.that(containsInAnyOrder(['1 early 0 -1 first', '2 early 1 -1 later', '0 onTime 2 0 later', '4 late 3 1 later'])),
    PCollection.ignore,
  ),
)

const drops =
  (n: number) =>
  ({ droppedLate }: JobMetrics): void =>
    assert.strictEqual(droppedLate, n, 'elements that were dropped as late')

const cases: ReadonlyArray<
  readonly [says: string, PipelineDefinition<void>, exactly: string, drops: number, accumulation?: 'accumulating']
> = [
  ['each pane repeats the ones before it when accumulating', accumulating, 'key 1E 3E 3O 7L 15L', 1, 'accumulating'],
  ['each pane has what is new when discarding', discarding, 'key 1E 2E 0O 4L 8L', 1],
  ['what is late is dropped and counted where there is no lateness', dropped, 'key 1O. | key 4O.', 1],
  ['what is late counts until the lateness is over, to the millisecond', atTheEdge, 'key 1O 2L', 1],
  ['a window closed always says a last time what it has', closedAlways, 'key 1O 3L 3L. | key 4O.', 0, 'accumulating'],
  ['a window closed if non-empty says what is left', closedIfNonEmpty, 'key 1O 2L. | key 8O.', 0],
  ['an element late for one of its windows counts in the others', inSlidingWindows, 'key 1O. | key 3O.', 1],
  ['an element whose session is over joins none', inSessions, 'key 5O. | key 8O.', 1],
]

export const latenessCases: ReadonlyArray<Case> = [
  ...cases.map(([says, pipeline, exactly, n, accumulation = 'discarding' as const]): Case => ({
    says,
    pipeline,
    panes: { of: pipeline.pipelineName, exactly, accumulation },
    metrics: drops(n),
  })),
  { says: 'panes are numbered, and those that are not early apart', pipeline: counted },
]
