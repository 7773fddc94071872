// What a runner cannot do is refused before it begins, by name.
import { assert } from 'chai'
import * as O from 'fp-ts/lib/Option.js'
import { allFeatures, type Feature, featuresOf, refuseUnsupported } from '../../../runners/plan/features.ts'
import { apply, type PCollection as Collection, type PDone } from '../../../sdk/graph/pcollection.ts'
import {
  AfterCount,
  AfterProcessingTime,
  AfterWatermark,
  Coder,
  Create,
  FixedWindows,
  IntervalWindow,
  InvalidPipelineError,
  minutes,
  named,
  OffsetRange,
  OrFinally,
  PCollection,
  pipe,
  Pipeline,
  Repeatedly,
  seconds,
  Sessions,
  Splittable,
  stop,
  View,
  WatermarkEstimator,
  Window,
  WindowFn,
} from '../../../sdk/index.ts'
import type { ErasedStateful } from '../../../sdk/stateful/erased.ts'
import { PAssert, TestStream, empty } from '../../../sdk/testing/index.ts'

const built = (...ends: ReadonlyArray<Collection<unknown> | PDone>): Pipeline =>
  Pipeline.define(import.meta, 'built', () => ends.map(end => (end._tag === 'PDone' ? end : pipe(end, PCollection.ignore))))()
const neededBy = (...ends: ReadonlyArray<Collection<unknown>>): Readonly<Partial<Record<Feature, ReadonlyArray<string>>>> =>
  Object.fromEntries(featuresOf(built(...ends)))
const numbers = Create.of([1, 2])
const changes = Create.of([[1, O.some('one')] as const])

const stateful = (spec: Partial<ErasedStateful>): Collection<unknown> =>
  apply(
    { _tag: 'Stateful', spec: { state: {}, timers: {}, process: () => [], onTimer: {}, onWindowExpiration: null, ...spec } },
    [pipe(numbers, PCollection.keyBy(String))],
    { kind: 'ParDo' },
  )

describe('the features that a pipeline needs', () => {
  it('are none for plain verbs and groupings', () =>
    assert.deepEqual(
      neededBy(
        pipe(
          numbers,
          PCollection.map(n => n + 1),
          Window.into(FixedWindows.of(minutes(1)), { trigger: Repeatedly.forever(AfterCount.of(2)), accumulation: 'discarding' }),
          PAssert.that(empty),
        ),
      ),
      {},
    ))

  it('follow from windows and from triggers inside others', () => {
    const inProcessingTime = OrFinally.of(
      Repeatedly.forever(AfterCount.of(2)),
      AfterWatermark.pastEndOfWindow({ late: AfterProcessingTime.pastFirstElement(seconds(1)) }),
    )
    assert.deepEqual(
      neededBy(
        pipe(numbers, named('Grow', Window.into(Sessions.withGap(seconds(1)), { trigger: inProcessingTime, accumulation: 'discarding' }))),
      ),
      { mergingWindows: ['Grow/Window.into#1'], processingTimeTriggers: ['Grow/Window.into#1'] },
    )
  })

  it('follow from state, timers and expiration', () =>
    assert.deepEqual(
      neededBy(
        stateful({
          timers: { flush: { domain: 'processingTime', family: false }, idle: { domain: 'eventTime', family: true } },
          onWindowExpiration: () => [],
        }),
        stateful({}),
      ),
      {
        state: ['ParDo#1', 'ParDo#1.2'],
        processingTimers: ['ParDo#1'],
        eventTimers: ['ParDo#1'],
        windowExpiration: ['ParDo#1'],
      },
    ))

  it("follow from splittable DoFns and window functions of one's own", () =>
    assert.deepEqual(
      neededBy(
        pipe(
          numbers,
          Splittable.read({
            restriction: OffsetRange,
            watermark: WatermarkEstimator.monotonic,
            isBounded: true,
            initial: n => OffsetRange.of(0, n),
            async *process() {
              await Promise.resolve()
              yield [] as const
              return stop
            },
          }),
          Window.into(WindowFn.of({ name: 'ten', assign: () => [IntervalWindow.of(0, 10)] })),
        ),
      ),
      { splittable: ['Splittable.read#1'], customWindows: ['Window.into#1'] },
    ))

  it('are a definition, where it must be built again and has none', () =>
    assert.deepEqual([...featuresOf(Pipeline.of(pipe(numbers, PCollection.ignore)))], [['noDefinition', ['the pipeline']]]))

  it('follow from asynchronous calls, side inputs and a TestStream', () =>
    assert.deepEqual(
      neededBy(
        pipe(
          TestStream.of(Coder.varint),
          PCollection.mapAsync(n => Promise.resolve(n)),
        ),
        pipe(
          numbers,
          PCollection.mapWith({ all: View.asList(numbers) }, n => n),
        ),
        pipe(
          numbers,
          PCollection.flatMapWith({ table: View.asTable(changes) }, n => [n]),
        ),
      ),
      {
        testStream: ['TestStream#1'],
        asynchronous: ['mapAsync#1'],
        sideInputs: ['mapWith.sides#1'],
        changelogSideInputs: ['flatMapWith.sides#1'],
      },
    ))
})

describe('a runner that lacks a feature', () => {
  const refusal = (pipeline: Pipeline, without: ReadonlyArray<Feature>): ReadonlyArray<string> => {
    const features = new Set([...allFeatures].filter(feature => !without.includes(feature)))
    try {
      refuseUnsupported(pipeline, { runner: 'the small runner', features })
      return []
    } catch (error) {
      return error instanceof InvalidPipelineError ? error.problems : assert.fail(String(error))
    }
  }

  it('refuses a pipeline that needs it, with the feature, the path and what to do', () => {
    const pipeline = built(stateful({ onWindowExpiration: () => [] }))
    assert.deepEqual(refusal(pipeline, ['windowExpiration']), [
      'ParDo#1: the small runner does not support onWindowExpiration (beam:requirement:pardo:on_window_expiration:v1). Set an event-time timer to the end of the window and its allowed lateness, or run the pipeline on a runner that does',
    ])
    assert.lengthOf(refusal(pipeline, ['state', 'windowExpiration']), 2)
  })

  it('runs one that does not', () => assert.isEmpty(refusal(built(numbers), [...allFeatures])))
})
