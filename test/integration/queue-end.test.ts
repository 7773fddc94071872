// Where a read of a work queue ends, and when it is idle, while its consumer sends heartbeats and no messages. With the defaults of users.
import { type JetStreamManager, jetstream, jetstreamManager, type RetentionPolicy } from '@nats-io/jetstream'
import { assert } from 'chai'
import { Coder, Count, FixedWindows, Instant, minutes, millis, orThrow, PCollection, Pipeline, pipe, seconds, Window } from 'jetbeam'
import { Acknowledge, JetStreamIO, StopAt, Watermark } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { range } from '../support/jetstream-context.ts'
import { natsPlace } from '../support/nats-place.ts'
import { until } from '../support/until.ts'

describe('A read of a work queue', () => {
  const nats = natsPlace()
  let jsm: JetStreamManager
  before(async () => {
    jsm = await jetstreamManager(nats.nc())
  })

  const queue = async (name: string, retention: 'workqueue' | 'interest' = 'workqueue'): Promise<void> => {
    await jsm.streams.add({ name, subjects: [`${name}.>`], retention: retention as RetentionPolicy })
  }
  const publish = async (name: string, count: number): Promise<void> => {
    const js = jetstream(nats.nc())
    for (let i = 0; i < count; i += 500) await Promise.all(range(i, Math.min(count, i + 500)).map(n => js.publish(`${name}.a`, `${n}`)))
  }
  /** A consumer that delivers nothing until it is resumed. */
  const paused = async (stream: string): Promise<void> => {
    const config = {
      durable_name: 'reader',
      ack_policy: 'explicit',
      deliver_policy: 'all',
      max_ack_pending: 50_000,
      pause_until: new Date(Date.now() + 3_600_000).toISOString(),
    }
    const request = JSON.stringify({ stream_name: stream, config })
    const answer = await nats.nc().request(`$JS.API.CONSUMER.DURABLE.CREATE.${stream}.reader`, request)
    assert.isTrue(answer.json<{ readonly paused?: boolean }>().paused, 'the consumer is paused')
  }
  const resume = (stream: string): Promise<unknown> => nats.nc().request(`$JS.API.CONSUMER.PAUSE.${stream}.reader`, '{}')
  const acknowledged = { acknowledge: Acknowledge.onCheckpoint, consumer: 'reader', coder: Coder.string } as const
  const logged: string[] = []
  const options = (job: string) => ({
    ...nats.options(job, millis(200)),
    log: (_level: string, message: string) => void logged.push(message),
  })

  for (const [retention, how, stop] of [
    ['workqueue', 'a run until the end', undefined],
    ['workqueue', 'StopAt.end', StopAt.end],
    ['interest', 'a run until the end', undefined],
  ] as const)
    it(`with ${retention} retention and ${how} waits for a consumer that is paused, and says so`, async () => {
      const name = `P${retention}${stop === undefined ? '' : 'END'}`
      await queue(name, retention)
      await paused(name)
      await publish(name, 500)
      const read: string[] = []
      const pipeline = Pipeline.of(
        pipe(
          JetStreamIO.read({ ...acknowledged, stream: name, ...(stop === undefined ? {} : { stop }) }),
          PCollection.orFail,
          PCollection.map(text => read.push(text)),
          PCollection.ignore,
        ),
      )
      const end = stop === undefined ? { until: 'end' as const } : {}
      const run = orThrow(DirectRunner.run({ ...options(name), ...end })(pipeline))
      const says = new RegExp(`of the stream ${name} has not been delivered to this read, .* reader is paused until`)
      await until('a warning', () => says.test(logged.join('\n')))
      assert.lengthOf(read, 0)
      await resume(name)
      const { state } = await run
      assert.deepEqual([state, read.length, (await jsm.streams.info(name)).state.messages], ['done', 500, 0])
    })

  it('ends behind all of it where few may be unacknowledged, and a checkpoint takes longer than a heartbeat', async () => {
    await queue('FEW')
    await publish('FEW', 300)
    let most = 0
    const pipeline = Pipeline.of(
      pipe(
        JetStreamIO.read({ ...acknowledged, stream: 'FEW', maxAckPending: 40 }),
        PCollection.orFail,
        PCollection.mapAsync(text => new Promise<string>(resolve => setTimeout(() => resolve(text), 200)), {
          concurrency: 4,
          timeout: seconds(30),
        }),
        PCollection.ignore,
      ),
    )
    const looking = setInterval(() => {
      void jsm.consumers.info('FEW', 'reader').then(
        info => void (most = Math.max(most, info.num_ack_pending)),
        () => undefined,
      )
    }, 100)
    const result = await orThrow(DirectRunner.run({ ...options('few'), until: 'end' })(pipeline))
    clearInterval(looking)
    assert.deepEqual([result.metrics.elementsRead, (await jsm.streams.info('FEW')).state.messages], [300, 0])
    assert.strictEqual(most, 40, 'the consumer could deliver no more')
  })

  it('lets event time go on for no consumer that is paused, however soon a read is idle', async () => {
    await queue('IDLE')
    await paused('IDLE')
    await publish('IDLE', 100)
    const t0 = Date.parse('2026-01-01T00:00:00Z')
    const pipeline = Pipeline.of(
      pipe(
        JetStreamIO.read({
          ...acknowledged,
          stream: 'IDLE',
          timestamp: text => Instant.ofMillis(t0 + Number(text) * 1_000),
          watermark: Watermark.boundedOutOfOrderness(seconds(10), { idleAfter: millis(500) }),
        }),
        PCollection.orFail,
        Window.into(FixedWindows.of(minutes(1))),
        PCollection.keyBy(() => 'all'),
        Count.perKey,
        PCollection.ignore,
      ),
    )
    const job = await orThrow(DirectRunner.start(options('idle'))(pipeline))
    // Longer than it takes to be idle, and to look again.
    const began = Date.now()
    await until('several heartbeats', () => Date.now() - began > 4_000)
    await resume('IDLE')
    await until('all messages', () => job.metrics().elementsRead === 100)
    assert.strictEqual(job.metrics().droppedLate, 0)
    await orThrow(job.suspend)
  })
})
