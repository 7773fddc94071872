// TestStream on the direct runner: event time and processing time as a test says, one event after another.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import * as N from 'fp-ts/lib/number.js'
import { DirectRunner } from '../../../runners/direct/index.ts'
import { PAssert, TestPipeline, TestStream, type TestEvent, containsInAnyOrder, empty } from '../../../runners/direct/testing.ts'
import type { PCollection as Collection } from '../../../sdk/graph/pcollection.ts'
import {
  AfterCount,
  AfterProcessingTime,
  AfterWatermark,
  Checkpoints,
  Coder,
  Combine,
  Create,
  EncodeError,
  FixedWindows,
  Flatten,
  IntervalWindow,
  millis,
  minutes,
  orThrow,
  PCollection,
  pipe,
  Pipeline,
  Reify,
  Repeatedly,
  seconds,
  Window,
} from '../../../sdk/index.ts'
import { Journal } from './feed.ts'

const { elements, advanceWatermarkTo, advanceProcessingTime, advanceWatermarkToInfinity, startsAt } = TestStream
const numbers = (...events: ReadonlyArray<TestEvent<number>>): Collection<number> => TestStream.of(Coder.varint, ...events)
const minute = IntervalWindow.of(0, 60_000)

/** Sums of each minute, with the timing of their panes. */
const sums = (o: Parameters<typeof Window.into>[1]) => (pc: Collection<number>) =>
  pipe(
    pc,
    Window.into(FixedWindows.of(minutes(1)), o),
    PCollection.keyBy(() => 'all'),
    Combine.perKey(N.MonoidSum),
    Reify.windowed,
    PCollection.map(({ value: [, sum], pane }) => `${sum} ${pane.timing}`),
  )

describe('a TestStream', () => {
  it('gives its elements, at their times', () =>
    pipe(
      numbers(elements([1, 10], [2, 20]), elements([3, 30])),
      Reify.windowed,
      PCollection.map(({ value, timestamp }) => [value, timestamp as number] as const),
      PAssert.that(containsInAnyOrder([[10, 1] as const, [20, 2] as const, [30, 3] as const])),
      TestPipeline.run(),
    ))

  it('may have no event at all', () => pipe(numbers(), PAssert.that(empty), TestPipeline.run()))

  it('fires a window when its watermark passes the end, and drops what comes behind it', () =>
    pipe(
      numbers(
        elements([59_999, 1]),
        advanceWatermarkTo(59_999),
        elements([0, 2]),
        advanceWatermarkTo(60_000),
        elements([1, 4], [60_001, 8]),
        advanceWatermarkToInfinity,
      ),
      sums({}),
      PAssert.that(containsInAnyOrder(['3 onTime', '8 onTime'])),
      PAssert.inWindow(minute, containsInAnyOrder(['3 onTime'])),
      TestPipeline.run(),
    ))

  it('counts what comes within the allowed lateness as late', () =>
    pipe(
      numbers(elements([1, 1]), advanceWatermarkTo(60_000), elements([2, 2]), advanceWatermarkTo(120_000), elements([3, 4])),
      sums({ allowedLateness: minutes(1), accumulation: 'accumulating' }),
      PAssert.that(containsInAnyOrder(['1 onTime', '3 late'])),
      PAssert.inLatePanes(minute, containsInAnyOrder(['3 late'])),
      TestPipeline.run(),
    ))

  it('moves processing time, and each trigger fires at its own time before the next event', () => {
    const everyTen = {
      trigger: Repeatedly.forever(AfterProcessingTime.pastFirstElement(seconds(10))),
      accumulation: 'accumulating',
    } as const
    return pipe(
      numbers(
        elements([1, 1]),
        advanceProcessingTime(seconds(9)),
        elements([2, 2]),
        advanceProcessingTime(seconds(1)),
        elements([3, 4]),
        advanceProcessingTime(seconds(60)),
        elements([4, 8]),
      ),
      sums(everyTen),
      PAssert.inEarlyPanes(minute, containsInAnyOrder(['3 early', '7 early'])),
      PAssert.inOnTimePane(minute, containsInAnyOrder(['15 onTime'])),
      TestPipeline.run(),
    )
  })

  it('fires in the order of time when one step makes several things due', async () => {
    const fired: number[] = []
    const early = (delay: number) => ({
      trigger: AfterWatermark.pastEndOfWindow({ early: AfterProcessingTime.pastFirstElement(millis(delay)) }),
      allowedLateness: minutes(0),
      accumulation: 'discarding' as const,
    })
    const source = numbers(elements([1, 1]), advanceProcessingTime(seconds(1)), advanceWatermarkToInfinity)
    const branch = (delay: number) =>
      pipe(
        source,
        sums(early(delay)),
        PCollection.map(text => (text.endsWith('early') ? fired.push(delay) : 0)),
      )
    await TestPipeline.run()(branch(300), branch(100), branch(200))
    assert.deepEqual(fired, [100, 200, 300])
  })

  it('waits with the next event until asynchronous calls have ended', () => {
    let inFlight = 0
    return pipe(
      numbers(elements([1, 20]), elements([2, 1]), advanceWatermarkTo(60_000), elements([3, 5])),
      PCollection.mapAsync(
        async n => {
          assert.strictEqual(++inFlight, 1)
          await new Promise(resolve => setTimeout(resolve, n))
          inFlight--
          return n
        },
        { ordered: false, concurrency: 10 },
      ),
      sums({ trigger: Repeatedly.forever(AfterCount.of(1)), allowedLateness: minutes(1), accumulation: 'discarding' }),
      PAssert.that(containsInAnyOrder(['20 early', '1 early', '5 late'])),
      TestPipeline.run({ runner: DirectRunner.run({ strict: false }) }),
    )
  })

  it('waits until a bounded collection beside it was read', async () => {
    const order: string[] = []
    const beside = pipe(
      Create.of([1, 2, 3]),
      PCollection.map(n => order.push(`created ${n}`)),
    )
    const stream = pipe(
      numbers(elements([1, 1])),
      PCollection.map(n => order.push(`streamed ${n}`)),
    )
    await TestPipeline.run()(stream, beside)
    assert.deepEqual(order, ['created 1', 'created 2', 'created 3', 'streamed 1'])
  })

  it('takes turns with another one, an event each', async () => {
    for (const strict of [true, false]) {
      const order: number[] = []
      const a = numbers(elements([1, 1], [1, 2], [1, 3]), elements([2, 4]), advanceProcessingTime(seconds(1)), elements([3, 5]))
      const b = numbers(elements([1, 10]), elements([2, 20], [2, 30]), elements([3, 40]))
      await pipe(
        Flatten.of(a, b),
        PCollection.map(n => order.push(n)),
        TestPipeline.run({ runner: DirectRunner.run({ strict }) }),
      )
      assert.deepEqual(order, [1, 2, 3, 10, 4, 20, 30, 40, 5])
    }
  })

  it('sends its elements through the coder', () => {
    const rounding: Coder<number> = {
      ...Coder.varint,
      urn: 'test:rounding',
      encode: n => Coder.varint.encode(Math.round(n)),
    }
    return pipe(TestStream.of(rounding, elements([1, 1.4])), PAssert.that(containsInAnyOrder([1])), TestPipeline.run())
  })

  it('refuses elements that the coder refuses, a watermark that goes back, and events behind infinity', () => {
    assert.throws(() => numbers(elements([1, 1.5])), EncodeError)
    assert.throws(() => numbers(advanceWatermarkTo(10), advanceWatermarkTo(9)), /event 1 takes the watermark from 10 back to 9/)
    assert.throws(() => numbers(advanceWatermarkToInfinity, elements([1, 1])), /event 1 comes after the watermark has gone to infinity/)
    assert.throws(() => advanceProcessingTime(seconds(0)), /more than 0 ms/)
  })

  it('goes on from a checkpoint at the same event and the same processing time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jetbeam-test-stream-'))
    try {
      const journal = new Journal()
      let [stop, starts] = [new AbortController(), 0]
      const seen = new Set<number>()
      const pipeline = (): Pipeline =>
        Pipeline.of(
          pipe(
            numbers(
              elements([1, 1]),
              advanceProcessingTime(seconds(6)),
              elements([2, 2], [3, 4]),
              advanceProcessingTime(seconds(6)),
              elements([4, 8]),
              advanceProcessingTime(seconds(1)),
              advanceWatermarkToInfinity,
            ),
            // Each element stops the run once, while it is on its way.
            PCollection.mapAsync(async n => {
              await new Promise(resolve => setTimeout(resolve, 1))
              if (!seen.has(n)) stop.abort()
              seen.add(n)
              return n
            }),
            sums({ trigger: Repeatedly.forever(AfterProcessingTime.pastFirstElement(seconds(10))), accumulation: 'accumulating' }),
            journal.write('journal', { immediate: false }),
          ),
        )
      const options = { checkpoints: Checkpoints.directory(folder, { every: minutes(1) }), job: 'scripted', bundling: 'element' } as const
      for (let state = 'suspended'; state === 'suspended'; starts++) {
        stop = new AbortController()
        state = (await orThrow(pipe(pipeline(), DirectRunner.run({ ...options, signal: stop.signal })))).state
      }
      assert.strictEqual(starts, 5)
      assert.deepEqual(journal.values(), ['7 early', '15 onTime'])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('begins in 2000', () => assert.strictEqual(new Date(startsAt).toISOString(), '2000-01-01T00:00:00.000Z'))
})
