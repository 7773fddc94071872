// What a job must stand that runs for weeks: sinks with nothing to say, thousands of checkpoints, calls that do not answer.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { join } from 'node:path'
import { readdir } from 'node:fs/promises'
import { assert } from 'chai'
import * as N from 'fp-ts/lib/number.js'
import { Coder, Combine, Encoder, FixedWindows, millis, orThrow, PCollection, Pipeline, pipe, seconds, Window } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { natsPlace, pause } from '../support/nats-place.ts'

describe('A job that lives long', () => {
  const nats = natsPlace()

  const publish = async (subject: string, count: number): Promise<void> => {
    for (let i = 0; i < count; i += 100)
      await Promise.all(Array.from({ length: Math.min(100, count - i) }, (_, n) => jetstream(nats.nc()).publish(subject, `${i + n}`)))
  }
  const place = (job: string, everyMs = 40) => nats.options(job, millis(everyMs))

  it('starts again although others have filled and trimmed the stream of a sink that had nothing to say', async () => {
    const jsm = await jetstreamManager(nats.nc())
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
    const jsm = await jetstreamManager(nats.nc())
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
    while (job.metrics().checkpoints.completed < 200) await publish('many.in', 5)
    await orThrow(job.cancel)
    const [of] = await readdir(nats.folder('many'))
    assert.isAtMost((await readdir(join(nats.folder('many'), of ?? '', 'segments'))).length, 120)
  })

  it('takes checkpoints and can be suspended while a call does not answer, and makes the call again', async () => {
    const jsm = await jetstreamManager(nats.nc())
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
