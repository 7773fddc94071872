// Messages with the same Nats-Msg-Id, sent again when the stream's own duplicate window had forgotten it.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { assert } from 'chai'
import { Coder, Deduplicate, Encoder, hours, orThrow, PCollection, Pipeline, pipe } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { natsPlace, pause } from '../support/nats-place.ts'

describe('Deduplicate.byMessageId', () => {
  const nats = natsPlace()

  it("knows a message's id for longer than the stream does, also when the run goes on from a checkpoint", async () => {
    const jsm = await jetstreamManager(nats.nc())
    await jsm.streams.add({ name: 'IDS_IN', subjects: ['ids.in'], duplicate_window: 100_000_000 })
    await jsm.streams.add({ name: 'IDS_OUT', subjects: ['ids.out'] })
    const publish = (payload: string, msgID?: string): Promise<unknown> =>
      jetstream(nats.nc()).publish('ids.in', payload, msgID === undefined ? {} : { msgID })
    const stored = async (): Promise<number> => (await jsm.streams.info('IDS_OUT')).state.messages
    const once = Pipeline.of(
      pipe(
        JetStreamIO.readMessages({ stream: 'IDS_IN', coder: Coder.string }),
        PCollection.orFail,
        Deduplicate.byMessageId({ within: hours(1) }),
        PCollection.map(({ value }) => value),
        JetStreamIO.write({ stream: 'IDS_OUT', subject: 'ids.out', coder: Encoder.json() }),
      ),
    )
    await publish('first', 'a')
    await publish('without')
    await publish('without')
    const job = await orThrow(pipe(once, DirectRunner.start(nats.options('ids'))))
    while ((await stored()) < 3) await pause(20)
    await orThrow(job.suspend)
    await pause(300)
    await publish('again', 'a')
    await publish('other', 'b')
    const { metrics } = await orThrow(pipe(once, DirectRunner.run({ ...nats.options('ids'), until: 'end' })))
    assert.deepEqual([metrics.elementsRead, (await jsm.streams.info('IDS_IN')).state.messages, await stored()], [2, 5, 4])
  })
})
