// A job that began without an end, told later to stop at what is there.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Checkpoints, Coder, millis, orThrow, PCollection, Pipeline, pipe } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { NatsServer, type RunningServer } from 'jetbeam/testing/nats-server'

describe('A run until the end', () => {
  let server: RunningServer
  let nc: NatsConnection
  let folder: string

  before(async () => {
    server = await NatsServer.start()
    nc = await connect({ servers: server.url })
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-until-'))
  })
  after(async () => {
    await nc.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('of a job that was suspended reads what came meanwhile, and no more', async () => {
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'UNTIL_IN', subjects: ['until.in'] })
    await jsm.streams.add({ name: 'UNTIL_OUT', subjects: ['until.out'] })
    const publish = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) await jetstream(nc).publish('until.in', `${i}`)
    }
    const stored = async (): Promise<number> => (await jsm.streams.info('UNTIL_OUT')).state.messages
    const copy = Pipeline.of(
      pipe(
        JetStreamIO.read({ stream: 'UNTIL_IN', coder: Coder.string }),
        PCollection.orFail,
        JetStreamIO.write({ stream: 'UNTIL_OUT', subject: 'until.out', coder: Coder.string }),
      ),
    )
    const place = {
      provide: [JetStreamIO.connection({ servers: server.url })],
      checkpoints: Checkpoints.directory(folder, { every: millis(50) }),
      job: 'until',
    }

    await publish(20)
    const job = await orThrow(pipe(copy, DirectRunner.start(place)))
    while ((await stored()) < 20) await new Promise(resolve => setTimeout(resolve, 20))
    assert.equal((await orThrow(job.suspend)).state, 'suspended')
    await publish(30)
    const rest = await orThrow(pipe(copy, DirectRunner.run({ ...place, until: 'end' })))
    assert.deepEqual([rest.state, rest.metrics.elementsRead, await stored()], ['done', 30, 50])
    await publish(1)
    const again = await orThrow(pipe(copy, DirectRunner.run(place)))
    assert.deepEqual([again.state, await stored()], ['done', 50])
  })
})
