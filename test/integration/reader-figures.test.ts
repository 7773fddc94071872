// What readers and sinks tell of themselves while a job runs.
import { type JetStreamManager, jetstream, jetstreamManager, RetentionPolicy } from '@nats-io/jetstream'
import { assert } from 'chai'
import { Coder, type Job, Latency, orThrow, PCollection, Pipeline, pipe, type SplitMetrics } from 'jetbeam'
import { Acknowledge, JetStreamIO, type ReadSettings, StopAt } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { replyFor } from '../../io/jetstream/ack-subject.ts'
import { changed, hostContext, testSource } from '../support/jetstream-context.ts'
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

  it('how much there is to read, up to its end', async () => {
    await jsm.streams.add({ name: 'COUNTED', subjects: ['counted'] })
    await publish('counted', 10)
    for (const [stop, lags] of [
      [StopAt.end, [10, 6]],
      [StopAt.count(5), [5, 1]],
      [null, [15, 11]],
    ] as const) {
      const source = await testSource('COUNTED', { stop }).connect(hostContext(nats.url()))
      const [only = assert.fail('there is no split')] = await source.resolve({ desired: 1, toEnd: false })
      if (stop?._tag === 'End') await publish('counted', 5)
      const reader = await source.open(only, { last: null, claimed: 0, note: null })
      assert.strictEqual(reader.lag(), lags[0])
      for (let taken = 0; taken < 4; await changed(reader)) taken += reader.poll(4 - taken)?.values.length ?? 0
      assert.strictEqual(reader.lag(), lags[1])
      await source.close()
    }
  })

  it('what comes again, what of that is dropped, and what waits for a checkpoint', async () => {
    await publish('work', 20)
    const consumer = { consumer: 'told', ackWaitMs: 60_000, maxAckPending: 100, inactiveMs: null }
    const opened = async () => {
      const source = await testSource('WORK', { stop: null, consumer }).connect(hostContext(nats.url()))
      const [only = assert.fail('there is no split')] = await source.resolve({ desired: 1, toEnd: false })
      const reader = await source.open(only, { last: null, claimed: 0, note: null })
      const sequences: number[] = []
      for (; sequences.length < 20; await changed(reader)) sequences.push(...(reader.poll(20)?.values ?? []).map(m => m.sequence))
      return { source, reader, sequences }
    }
    const first = await opened()
    assert.deepEqual(first.reader.metrics?.(), { disconnected: 0, renewals: 0, redeliveries: 0, duplicates: 0, pendingAcks: 20 })
    await first.source.close()
    const second = await opened()
    assert.deepEqual(second.reader.metrics?.(), { disconnected: 0, renewals: 0, redeliveries: 20, duplicates: 0, pendingAcks: 20 })
    // As if its acknowledgment had been waited for in vain.
    const { delivered } = await jsm.consumers.info('WORK', 'told')
    nats.nc().publish(replyFor({ stream: 'WORK', name: 'told', label: '' }, second.sequences[0] ?? 0, delivered.consumer_seq), '-NAK')
    while (second.reader.metrics?.()['duplicates'] !== 1) await pause(10)
    assert.deepEqual(second.reader.metrics(), { disconnected: 0, renewals: 0, redeliveries: 21, duplicates: 1, pendingAcks: 20 })
    await second.source.close()
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
