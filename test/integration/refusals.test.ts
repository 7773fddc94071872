// What a server or a stream refuses: said at the start, by name, within seconds and with the settings that users have by default; and limits
// that a run keeps to.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConsumerConfig, type JetStreamManager, type StreamConfig, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type MsgHdrs, type NatsConnection, connect, headers } from '@nats-io/transport-node'
import { assert } from 'chai'
import {
  Checkpoints,
  Coder,
  type Duration,
  type Job,
  type PCollection as Collection,
  type PDone,
  PCollection,
  Pipeline,
  hours,
  millis,
  orThrow,
  pipe,
} from 'jetbeam'
import { Acknowledge, Delivery, JetStreamIO, KvIO, KvPut, NatsIO, type ReadSettings, StopAt } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import type { RunningServer } from 'jetbeam/testing/nats-server'
import { range, rejection } from '../support/jetstream-context.ts'
import { pause } from '../support/nats-place.ts'
import { streamTexts } from '../support/read-stream.ts'
import { recentServer } from '../support/recent-server.ts'

/** What comes later than this comes late: a run waits two minutes for a server by default. */
const secondsMs = 15_000
const log = (): void => undefined

describe('A refusal', () => {
  let server: RunningServer
  let nc: NatsConnection
  let jsm: JetStreamManager
  let folder: string
  const denied = { acks: ['$JS.ACK.>'], out: ['OUT.>', 'ATOMIC.a', 'core.>', '$KV.>'] }
  before(async () => {
    process.env['JETBEAM_TEST_PASSWORD'] = 'p'
    const users = Object.entries(denied).map(([user, deny]) => ({ user, password: 'p', permissions: { publish: { deny } } }))
    const exports = [{ service: '$JS.API.>', response_type: 'stream' }]
    const account = { jetstream: 'enabled', exports, users: [{ user: 'all', password: 'p' }, ...users] }
    // Without `$JS.ACK.>`.
    const imports = [{ service: { account: 'A', subject: '$JS.API.>' } }]
    const importing = { imports, users: [{ user: 'importing', password: 'p' }] }
    server = await recentServer({ config: { no_auth_user: 'all', accounts: { A: account, B: importing } } })
    nc = await connect({ servers: server.url })
    jsm = await jetstreamManager(nc)
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-refusals-'))
    await stream('IN')
    await fill('IN', 0, 500)
  })
  after(async () => {
    await nc.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const stream = (name: string, config: Partial<StreamConfig> = {}) => jsm.streams.add({ name, subjects: [`${name}.>`], ...config })
  const fill = async (name: string, from: number, to: number): Promise<void> => {
    for (let at = from; at < to; at += 250)
      await Promise.all(range(at, Math.min(to, at + 250)).map(n => jetstream(nc).publish(`${name}.a`, `${n}`)))
  }
  const left = async (name: string): Promise<number> => (await jsm.streams.info(name)).state.messages
  let jobs = 0
  const place = (job: string, user = 'all', every: Duration = millis(100)) => ({
    provide: [JetStreamIO.connection({ servers: server.url, user, password: '${env:JETBEAM_TEST_PASSWORD}' })],
    checkpoints: Checkpoints.directory(join(folder, job), { every }),
    job,
    log,
  })
  const refused = async (pipeline: Pipeline, user = 'all'): Promise<Error> => {
    const since = Date.now()
    const { cause } = await rejection(orThrow(pipe(pipeline, DirectRunner.run(place(`job-${++jobs}`, user)))))
    assert.isBelow(Date.now() - since, secondsMs, 'within seconds')
    if (cause instanceof Error) return cause
    throw new Error('it was refused without a cause')
  }
  const read = (name: string, o: Partial<ReadSettings> = {}): Collection<string> =>
    pipe(JetStreamIO.read({ stream: name, coder: Coder.string, stop: StopAt.end, ...o }), PCollection.orFail)
  const queue = { acknowledge: Acknowledge.onCheckpoint, consumer: 'reader' }
  const into = (sink: (texts: Collection<string>) => PDone, from = read('IN')): Pipeline => Pipeline.of(pipe(from, sink))
  const count = async (from: Collection<string>, user = 'all'): Promise<number> => {
    const pipeline = Pipeline.of(pipe(from, PCollection.ignore))
    const since = Date.now()
    const { metrics } = await orThrow(pipe(pipeline, DirectRunner.run({ ...place(`job-${++jobs}`, user), until: 'end' })))
    assert.isBelow(Date.now() - since, secondsMs)
    return metrics.elementsRead
  }

  describe('of a permission ends the run as NotPermitted, with the subject, within seconds:', () => {
    for (const [how, o] of [
      ['without an end', { stop: undefined }],
      ['to its end', {}],
    ] as const)
      it(`a read of a queue ${how} whose user may not acknowledge`, async () => {
        const name = `ACKS${++jobs}`
        await stream(name, { retention: 'workqueue' })
        await fill(name, 0, 500)
        const { name: tag, message } = await refused(Pipeline.of(pipe(read(name, { ...queue, ...o }), PCollection.ignore)), 'acks')
        assert.deepEqual([tag, message.includes(`$JS.ACK.${name}.reader.`)], ['NotPermitted', true], message)
        assert.strictEqual(await left(name), 500)
      })

    it('a read of a queue whose account imports the API of JetStream and no acknowledgments', async () => {
      const name = `ACKS${++jobs}`
      await stream(name, { retention: 'workqueue' })
      await fill(name, 0, 500)
      const { name: tag, message } = await refused(Pipeline.of(pipe(read(name, queue), PCollection.ignore)), 'importing')
      assert.deepEqual([tag, message.includes(`$JS.ACK.${name}.reader.`)], ['NotPermitted', true], message)
      assert.strictEqual(await left(name), 500)
    })

    const put = PCollection.map((text: string) => KvPut.of(text, text))
    const sinks: ReadonlyArray<readonly [what: string, subject: string, sink: (texts: Collection<string>) => PDone]> = [
      ['a write by message ids', 'OUT.a', JetStreamIO.write({ stream: 'OUT', subject: 'OUT.a', coder: Coder.string })],
      [
        'a write at most once',
        'OUT.a',
        JetStreamIO.write({ stream: 'OUT', subject: 'OUT.a', coder: Coder.string, delivery: Delivery.atMostOnce }),
      ],
      [
        'a write in atomic batches',
        'ATOMIC.a',
        JetStreamIO.write({ stream: 'ATOMIC', subject: 'ATOMIC.a', coder: Coder.string, delivery: Delivery.atomicBatch }),
      ],
      ['NatsIO.publish', 'core.a', NatsIO.publish({ subject: 'core.a', coder: Coder.string })],
      ['KvIO.write', '$KV.BUCKET.', texts => pipe(texts, put, KvIO.write({ bucket: 'BUCKET', coder: Coder.string }))],
    ]
    before(async () => {
      await stream('OUT')
      await stream('ATOMIC', { allow_atomic: true })
      await stream('KV_BUCKET', { subjects: ['$KV.BUCKET.>'], max_msgs_per_subject: 1 })
    })
    for (const [what, subject, sink] of sinks)
      it(what, async () => {
        const { name, message } = await refused(into(sink), 'out')
        assert.deepEqual([name, message.includes(`to publish to ${subject}`)], ['NotPermitted', true], message)
      })
  })

  describe('of a consumer that others have made is met at the start:', () => {
    const premade = async (config: Partial<ConsumerConfig>): Promise<string> => {
      const name = `MADE${++jobs}`
      await stream(name, { retention: 'workqueue' })
      await fill(name, 0, 600)
      const made = { durable_name: 'reader', ack_policy: 'explicit', deliver_policy: 'all', max_ack_pending: 50_000, ...config }
      const answer = await nc.request(`$JS.API.CONSUMER.DURABLE.CREATE.${name}.reader`, JSON.stringify({ stream_name: name, config: made }))
      assert.isNull(answer.string().match(/"error"/), answer.string())
      return name
    }
    for (const config of [{ max_batch: 100 }, { max_expires: 1e9 }, { max_bytes: 100_000 }, { max_waiting: 1 }] as const)
      it(`${JSON.stringify(config)} is kept to`, async () => {
        const name = await premade(config)
        assert.deepEqual([await count(read(name, queue)), await left(name)], [600, 0])
      })
    for (const [config, setting, other] of [
      [{ priority_groups: ['g'], priority_policy: 'overflow' }, 'priority_groups g (priority_policy overflow)', 'no member of a group'],
      [{ max_expires: 100e6 }, 'max_expires 100 ms', '200 ms at least'],
      [{ max_bytes: 20 }, 'its next message is larger than its max_bytes, 20', 'for 512 messages and 20 bytes'],
    ] as const)
      it(`${JSON.stringify(config)} is refused, with both values`, async () => {
        const name = await premade(config as Partial<ConsumerConfig>)
        const { name: tag, message } = await refused(Pipeline.of(pipe(read(name, queue), PCollection.ignore)))
        assert.deepEqual([tag, message.includes(setting), message.includes(other)], ['UnsuitableConsumer', true, true], message)
      })
  })

  describe('of more than a stream or a server allows is kept to:', () => {
    it("a stream's consumer_limits", async () => {
      const limits = { consumer_limits: { inactive_threshold: 10e9, max_ack_pending: 100 } }
      await stream('LIMITED', limits)
      await fill('LIMITED', 0, 300)
      assert.strictEqual(await count(read('LIMITED')), 300)
      await stream('LIMITED_QUEUE', { retention: 'workqueue', ...limits })
      await fill('LIMITED_QUEUE', 0, 300)
      assert.deepEqual([await count(read('LIMITED_QUEUE', queue)), await left('LIMITED_QUEUE')], [300, 0])
    })

    it("a server's max_request_batch and max_ack_pending, by reads and by the look of a sink that goes on", async () => {
      const small = await recentServer({ config: { jetstream: { limits: { max_request_batch: 100, max_ack_pending: 200 } } } })
      const client = await connect({ servers: small.url })
      const manager = await jetstreamManager(client)
      for (const [name, retention] of [
        ['S_IN', 'limits'],
        ['S_QUEUE', 'workqueue'],
        ['S_OUT', 'limits'],
      ] as const)
        await manager.streams.add({ name, subjects: [name], retention })
      for (const n of range(0, 300)) for (const name of ['S_IN', 'S_QUEUE']) await jetstream(client).publish(name, `${n}`)
      const at = (job: string, every: Duration = millis(100)) => ({
        ...place(job, 'all', every),
        provide: [JetStreamIO.connection({ servers: small.url })],
      })
      const drained = await orThrow(
        pipe(Pipeline.of(pipe(read('S_QUEUE', queue), PCollection.ignore)), DirectRunner.run(at('small-queue'))),
      )
      assert.strictEqual(drained.metrics.elementsRead, 300)
      const relay = Pipeline.of(
        pipe(read('S_IN', { stop: undefined }), JetStreamIO.write({ stream: 'S_OUT', subject: 'S_OUT', coder: Coder.string })),
      )
      const dying: Job = await orThrow(pipe(relay, DirectRunner.start(at('small-relay', hours(1)))))
      while ((await manager.streams.info('S_OUT')).state.messages < 300) await pause(10)
      await orThrow(dying.cancel)
      await orThrow(pipe(relay, DirectRunner.run({ ...at('small-relay'), until: 'end' })))
      const stored = await Promise.all(range(1, 301).map(seq => manager.streams.getMessage('S_OUT', { seq })))
      assert.deepEqual(
        [stored.map(message => message?.string()), (await manager.streams.info('S_OUT')).state.messages],
        [range(0, 300).map(String), 300],
      )
      await client.close()
      await small.stop()
    })
  })

  describe('of a destination', () => {
    const relay = (name: string, o: { readonly delivery?: Delivery } = {}, from = read('IN', { stop: undefined })): Pipeline =>
      into(JetStreamIO.write({ stream: name, subject: `${name}.a`, coder: Coder.string, ...o }), from)
    /** It dies once all is published and nothing is in a checkpoint. */
    const dies = async (name: string): Promise<string> => {
      const job = `job-${++jobs}`
      const running: Job = await orThrow(pipe(relay(name), DirectRunner.start(place(job, 'all', hours(1)))))
      while ((await left(name)) < 500) await pause(10)
      await orThrow(running.cancel)
      return job
    }
    const goesOn = async (name: string, job: string): Promise<void> => {
      await orThrow(pipe(relay(name), DirectRunner.run({ ...place(job), until: 'end' })))
      const texts = (await streamTexts(nc, name)).filter(text => text !== 'other')
      assert.deepEqual(texts, range(0, 500).map(String))
    }

    it('is none where another writer’s message was deleted, or has expired: the run goes on behind a crash', async () => {
      await stream('TTL', { allow_msg_ttl: true })
      const other = (headers?: MsgHdrs) =>
        nc.request('TTL.other', 'other', { timeout: 5_000, ...(headers === undefined ? {} : { headers }) })
      const job = `job-${++jobs}`
      const running: Job = await orThrow(pipe(relay('TTL'), DirectRunner.start(place(job, 'all', hours(1)))))
      while ((await left('TTL')) < 250) await pause(5)
      const first = (await other()).json<{ readonly seq: number }>().seq
      const expiring = headers()
      expiring.set('Nats-TTL', '1s')
      await other(expiring)
      while ((await left('TTL')) < 502) await pause(5)
      await orThrow(running.cancel)
      await jsm.streams.deleteMessage('TTL', first)
      while ((await left('TTL')) > 500) await pause(50)
      await goesOn('TTL', job)
    })

    it('stays where the stream itself erases single messages', async () => {
      await stream('FEW', { max_msgs_per_subject: 10_000 })
      const job = await dies('FEW')
      await jsm.streams.deleteMessage('FEW', 100)
      const { cause } = await rejection(orThrow(pipe(relay('FEW'), DirectRunner.run({ ...place(job), until: 'end' }))))
      assert.strictEqual(cause instanceof Error ? cause.name : '', 'RecoveryImpossible')
    })

    it('is said at the start of a chain where the server itself stores messages', async () => {
      await stream('MARKED', { allow_msg_ttl: true, allow_rollup_hdrs: true, subject_delete_marker_ttl: 60e9 })
      const { name, message } = await refused(relay('MARKED', { delivery: Delivery.chain }))
      assert.deepEqual([name, message.includes('subject_delete_marker_ttl')], ['UnsafeDestination', true], message)
    })

    it('that is full and discards new messages names the limit, and with room the run goes on', async () => {
      for (const delivery of [Delivery.messageIds, Delivery.chain]) {
        const name = `FULL_${delivery._tag}`
        await stream(name, { max_msgs: 300, discard: 'new' })
        const job = `job-${++jobs}`
        const { cause } = await rejection(orThrow(pipe(relay(name, { delivery }), DirectRunner.run({ ...place(job), until: 'end' }))))
        if (!(cause instanceof Error)) throw new Error('there is no cause')
        assert.deepEqual([cause.name, cause.message.includes('its limit max_msgs is reached')], ['PublishRejected', true], cause.message)
        await jsm.streams.update(name, { ...(await jsm.streams.info(name)).config, max_msgs: 1_000 })
        await orThrow(pipe(relay(name, { delivery }), DirectRunner.run({ ...place(job), until: 'end' })))
        assert.deepEqual(await streamTexts(nc, name), range(0, 500).map(String))
      }
    })
  })

  describe('of a loop is said at the start, and nothing is written:', () => {
    const loop = async (from: string, to: string): Promise<void> => {
      await fill(from, 0, 10)
      const pipeline = into(JetStreamIO.write({ stream: to, subject: `${to}.a`, coder: Coder.string }), read(from, { stop: undefined }))
      const { name, message } = await refused(pipeline)
      assert.deepEqual([name, message.includes('comes back into what it reads')], ['FeedbackLoop', true], message)
      assert.strictEqual(await left(to), 0)
    }
    it('by republishing', async () => {
      await stream('L1')
      await stream('L1_OUT', { republish: { src: 'L1_OUT.*', dest: 'L1.{{wildcard(1)}}' } })
      await loop('L1', 'L1_OUT')
    })
    it('by a source, and by a source of a source', async () => {
      await stream('L2_OUT')
      await stream('L2_BETWEEN', { sources: [{ name: 'L2_OUT' }] })
      await stream('L2', { sources: [{ name: 'L2_OUT' }] })
      await stream('L3', { sources: [{ name: 'L2_BETWEEN' }] })
      await loop('L2', 'L2_OUT')
      await loop('L3', 'L2_OUT')
    })
    it('by the transform of a source', async () => {
      await stream('L4_OUT')
      await stream('L4', { sources: [{ name: 'L4_OUT', subject_transforms: [{ src: 'L4_OUT.*', dest: 'moved.{{wildcard(1)}}' }] }] })
      await loop('L4', 'L4_OUT')
    })
    it('and none is seen where a source takes over other subjects', async () => {
      await stream('L5_OUT')
      await stream('L5', { sources: [{ name: 'L5_OUT', filter_subject: 'L5_OUT.other' }] })
      await fill('L5', 0, 10)
      await orThrow(
        pipe(
          into(JetStreamIO.write({ stream: 'L5_OUT', subject: 'L5_OUT.a', coder: Coder.string }), read('L5')),
          DirectRunner.run(place('no-loop')),
        ),
      )
      assert.strictEqual(await left('L5_OUT'), 10)
    })
  })
})
