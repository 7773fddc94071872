// What a job must stand that runs for weeks: sinks with nothing to say, thousands of checkpoints, calls that do not answer.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import * as N from 'fp-ts/lib/number.js'
import { Checkpoints, Coder, Combine, Encoder, FixedWindows, millis, orThrow, PCollection, Pipeline, pipe, seconds, Window } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { NatsServer, type RunningServer } from 'jetbeam/testing/nats-server'

describe('A job that lives long', () => {
  let server: RunningServer
  let nc: NatsConnection
  let folder: string

  before(async () => {
    server = await NatsServer.start()
    nc = await connect({ servers: server.url })
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-long-'))
  })
  after(async () => {
    await nc.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
  const publish = async (subject: string, count: number): Promise<void> => {
    for (let i = 0; i < count; i += 100)
      await Promise.all(Array.from({ length: Math.min(100, count - i) }, (_, n) => jetstream(nc).publish(subject, `${i + n}`)))
  }
  const place = (job: string, everyMs = 40) => ({
    provide: [JetStreamIO.connection({ servers: server.url })],
    checkpoints: Checkpoints.directory(join(folder, job), { every: millis(everyMs) }),
    job,
  })

  it('starts again although others have filled and trimmed the stream of a sink that had nothing to say', async () => {
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'QUIET_IN', subjects: ['quiet.in'] })
    await jsm.streams.add({ name: 'QUIET_OUT', subjects: ['quiet.out.>'] })
    const pipeline = Pipeline.of(
      pipe(
        JetStreamIO.read({ stream: 'QUIET_IN', coder: Coder.string }),
        PCollection.deadLetter(JetStreamIO.writeUndecodable({ stream: 'QUIET_OUT', subject: 'quiet.out.dead', name: 'dead' })),
        JetStreamIO.write({ stream: 'QUIET_OUT', subject: 'quiet.out.main', coder: Coder.string, name: 'main' }),
      ),
    )
    await publish('quiet.in', 2_000)
    const first = await orThrow(pipe(pipeline, DirectRunner.start(place('quiet'))))
    while ((await jsm.streams.info('QUIET_OUT')).state.messages < 2_000) await pause(20)
    // A few checkpoints with nothing new: each finds the stream where it stands.
    await pause(400)
    await orThrow(first.suspend)
    await jsm.streams.deleteMessage('QUIET_OUT', 1_000)
    await publish('quiet.in', 500)
    const rest = await orThrow(pipe(pipeline, DirectRunner.run({ ...place('quiet'), until: 'end' })))
    assert.deepEqual([rest.state, (await jsm.streams.info('QUIET_OUT')).state.messages], ['done', 2_499])
  })

  it('keeps as many segments as it needs, however many checkpoints it takes', async () => {
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'MANY_IN', subjects: ['many.in'] })
    await jsm.streams.add({ name: 'MANY_OUT', subjects: ['many.out'] })
    const pipeline = Pipeline.of(
      pipe(
        JetStreamIO.read({ stream: 'MANY_IN', coder: Coder.string }),
        PCollection.orFail,
        PCollection.keyBy(text => Number(text) % 10),
        PCollection.mapValues(() => 1),
        Window.into(FixedWindows.of(seconds(3_600))),
        Combine.perKey(N.MonoidSum),
        JetStreamIO.write({ stream: 'MANY_OUT', subject: 'many.out', coder: Encoder.json() }),
      ),
    )
    const job = await orThrow(pipe(pipeline, DirectRunner.start(place('many', 10))))
    const deadline = Date.now() + 20_000
    while (job.metrics().checkpoints.completed < 250 && Date.now() < deadline) await publish('many.in', 5)
    const { completed } = job.metrics().checkpoints
    await orThrow(job.cancel)
    assert.isAtLeast(completed, 150)
    const [of] = await readdir(join(folder, 'many'))
    assert.isAtMost((await readdir(join(folder, 'many', of ?? '', 'segments'))).length, 120)
  })

  it('takes checkpoints and can be suspended while a call does not answer, and makes the call again', async () => {
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'CALL_IN', subjects: ['call.in'] })
    await jsm.streams.add({ name: 'CALL_OUT', subjects: ['call.out'] })
    let answers = false
    const pipeline = Pipeline.of(
      pipe(
        JetStreamIO.read({ stream: 'CALL_IN', coder: Coder.string }),
        PCollection.orFail,
        PCollection.mapAsync(async text => (answers ? `${text}!` : new Promise<string>(() => undefined)), {
          concurrency: 4,
          timeout: seconds(60),
        }),
        JetStreamIO.write({ stream: 'CALL_OUT', subject: 'call.out', coder: Coder.string }),
      ),
    )
    await publish('call.in', 50)
    const job = await orThrow(pipe(pipeline, DirectRunner.start(place('call'))))
    while (job.metrics().elementsRead === 0 || job.metrics().checkpoints.completed < 3) await pause(20)
    assert.equal((await orThrow(job.suspend)).state, 'suspended')
    answers = true
    const rest = await orThrow(pipe(pipeline, DirectRunner.run({ ...place('call'), until: 'end' })))
    assert.deepEqual([rest.state, (await jsm.streams.info('CALL_OUT')).state.messages], ['done', 50])
  })
})
