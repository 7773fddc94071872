// Timers of the clock whose window expires before they fire.
import { assert } from 'chai'
import { DirectRunner } from '../../../runners/direct/index.ts'
import {
  Coder,
  DoFn,
  FixedWindows,
  hours,
  type KeyedElement,
  millis,
  orThrow,
  ParDo,
  PCollection,
  Pipeline,
  pipe,
  Timer,
  Window,
} from '../../../sdk/index.ts'
import { TestStream } from '../../../sdk/testing/index.ts'

describe('A processing-time timer whose window expires first', () => {
  it('is dropped, and counted as a metric of its transform', async () => {
    const elements = [1, 2, 11].map(n => [n, n] as const)
    const waiting = DoFn.stateful({
      state: {},
      timers: { idle: Timer.processingTime, cleared: Timer.processingTime },
      process: (_: KeyedElement<number, number>, { idle, cleared }) => [idle.after(hours(1)), cleared.after(hours(1)), cleared.clear],
      onTimer: { idle: () => [], cleared: () => [] },
    })
    const leaf = pipe(
      TestStream.of(Coder.varint, TestStream.elements(...elements), TestStream.advanceWatermarkToInfinity),
      Window.into(FixedWindows.of(millis(10))),
      PCollection.keyBy(n => n),
      ParDo.of(waiting),
      PCollection.ignore,
    )
    const { metrics } = await orThrow(pipe(Pipeline.of(leaf), DirectRunner.run({ log: () => undefined })))
    const dropped = metrics.user.filter(({ name }) => name === 'droppedProcessingTimers')
    assert.deepEqual(
      dropped.map(({ transform, attempted }) => [transform, attempted]),
      [['ParDo#1', 3]],
    )
  })
})
