// What readers and sinks tell of themselves while a job runs.
import { type JetStreamManager, jetstream, jetstreamManager, RetentionPolicy } from '@nats-io/jetstream'
import { assert } from 'chai'
import { Coder, type Job, Latency, orThrow, PCollection, Pipeline, pipe, type SplitMetrics } from 'jetbeam'
import { Acknowledge, JetStreamIO, type ReadSettings } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { natsPlace, pause } from '../support/nats-place.ts'

describe('A job on JetStream tells', () => {
  const nats = natsPlace()
  let jsm: JetStreamManager
  before(async () => {
    jsm = await jetstreamManager(nats.nc())
    await jsm.streams.add({ name: 'TOLD', subjects: ['told'] })
    await jsm.streams.add({ name: 'OUT', subjects: ['out'] })
    await jsm.streams.add({ name: 'WORK', subjects: ['work'], retention: RetentionPolicy.Workqueue })
  })
  const publish = async (subject: string, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await jetstream(nats.nc()).publish(subject, `${i}`)
  }
  const start = (job: string, read: ReadSettings): Promise<Job> =>
    orThrow(
      pipe(
        JetStreamIO.read({ ...read, coder: Coder.string }),
        PCollection.orFail,
        JetStreamIO.write({ stream: 'OUT', subject: 'out', coder: Coder.string }),
        Pipeline.of,
        DirectRunner.start({ ...nats.options(job), log: () => undefined }),
      ),
    )
  const split = (job: Job): SplitMetrics => job.metrics().splits[0] ?? assert.fail('there is no split')
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await pause(20)
  }

  it('how long ago what waits was published, and nothing once all is read', async () => {
    await publish('told', 3)
    await pause(300)
    const job = await start('lag', { stream: 'TOLD', rateLimit: 5 })
    await until(() => (split(job).lagMs ?? 0) > 0)
    assert.isAtLeast(split(job).lagMs ?? 0, 300)
    await until(() => split(job).lagMs === 0)
    assert.strictEqual(split(job).elements, 3)
    assert.strictEqual(split(job).reader['renewals'], 0)
    await orThrow(job.suspend)
  })

  it('what is not acknowledged yet, what came again, and what of that was dropped', async () => {
    await publish('work', 40)
    const job = await start('acks', { stream: 'WORK', acknowledge: Acknowledge.onCheckpoint, consumer: 'told' })
    await until(() => split(job).elements === 40 && split(job).reader['pendingAcks'] === 0)
    assert.deepInclude(split(job).reader, { redeliveries: 0, duplicates: 0 })
    await orThrow(job.suspend)
    const sink = Object.values(job.metrics().sinks)[0]
    assert.deepInclude(sink, { published: 40, inFlight: 0 })
    const latency = Object.values(job.metrics().publishLatency)[0] ?? assert.fail('the sink tells no latency')
    assert.isAbove(Latency.quantile(latency, 0.5) ?? 0, 0)
  })

  it('that a reader was served anew', async () => {
    const job = await start('anew', { stream: 'TOLD' })
    await until(() => split(job).elements === 3)
    for await (const { name } of jsm.consumers.list('TOLD')) await jsm.consumers.delete('TOLD', name)
    await publish('told', 1)
    await until(() => split(job).elements === 4)
    assert.isAbove(split(job).reader['renewals'] ?? 0, 0)
    await orThrow(job.suspend)
  })
})
