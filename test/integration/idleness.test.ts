// Event time while nothing comes: it stands still, unless the pipeline asks for it to go on.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { assert } from 'chai'
import { Coder, Count, Encoder, FixedWindows, millis, orThrow, PCollection, Pipeline, pipe, Window } from 'jetbeam'
import { JetStreamIO, Watermark } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { natsPlace, pause } from '../support/nats-place.ts'

describe('The watermark of a stream that is idle', () => {
  const nats = natsPlace()

  const counting = async (name: string, watermark: ReturnType<typeof Watermark.boundedOutOfOrderness>) => {
    const jsm = await jetstreamManager(nats.nc())
    await jsm.streams.add({ name: `${name}_IN`, subjects: [`${name}.in`] })
    await jsm.streams.add({ name: `${name}_OUT`, subjects: [`${name}.out`] })
    const pipeline = Pipeline.of(
      pipe(
        JetStreamIO.read({ stream: `${name}_IN`, coder: Coder.string, watermark }),
        PCollection.orFail,
        Window.into(FixedWindows.of(millis(200))),
        Count.perElement,
        JetStreamIO.write({ stream: `${name}_OUT`, subject: `${name}.out`, coder: Encoder.json() }),
      ),
    )
    const job = await orThrow(pipe(pipeline, DirectRunner.start(nats.options(name))))
    await jetstream(nats.nc()).publish(`${name}.in`, 'once')
    return { job, written: async () => (await jsm.streams.info(`${name}_OUT`)).state.messages }
  }

  it('goes on with the clock where that was asked for, so that the last window fires', async () => {
    const { job, written } = await counting('asked', Watermark.boundedOutOfOrderness(millis(100), { idleAfter: millis(300) }))
    const deadline = Date.now() + 90_000
    while ((await written()) === 0 && Date.now() < deadline) await pause(50)
    assert.equal(await written(), 1)
    await orThrow(job.suspend)
  })

  it('stands still otherwise', async () => {
    const { job, written } = await counting('unasked', Watermark.boundedOutOfOrderness(millis(100)))
    while (job.metrics().elementsRead === 0) await pause(20)
    await pause(1_500)
    assert.equal(await written(), 0)
    await orThrow(job.suspend)
  })
})
