// A job that began without an end, told later to stop at what is there.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { assert } from 'chai'
import { Coder, orThrow, PCollection, Pipeline, pipe } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { natsPlace, pause } from '../support/nats-place.ts'

describe('A run until the end', () => {
  const nats = natsPlace()

  it('of a job that was suspended reads what came meanwhile, and no more', async () => {
    const jsm = await jetstreamManager(nats.nc())
    await jsm.streams.add({ name: 'UNTIL_IN', subjects: ['until.in'] })
    await jsm.streams.add({ name: 'UNTIL_OUT', subjects: ['until.out'] })
    const publish = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await jetstream(nats.nc()).publish('until.in', `${i}`)
    }
    const stored = async (): Promise<number> => (await jsm.streams.info('UNTIL_OUT')).state.messages
    const copy = Pipeline.of(
      pipe(
        JetStreamIO.read({ stream: 'UNTIL_IN', coder: Coder.string }),
        PCollection.orFail,
        JetStreamIO.write({ stream: 'UNTIL_OUT', subject: 'until.out', coder: Coder.string }),
      ),
    )
    const place = nats.options('until')

    await publish(20)
    const job = await orThrow(pipe(copy, DirectRunner.start(place)))
    while ((await stored()) < 20) await pause(20)
    assert.equal((await orThrow(job.suspend)).state, 'suspended')
    await publish(30)
    const rest = await orThrow(pipe(copy, DirectRunner.run({ ...place, until: 'end' })))
    assert.deepEqual([rest.state, rest.metrics.elementsRead, await stored()], ['done', 30, 50])
    await publish(1)
    const again = await orThrow(pipe(copy, DirectRunner.run(place)))
    assert.deepEqual([again.state, await stored()], ['done', 50])
  })
})
