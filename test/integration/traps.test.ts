// Traps that other connectors fell into, by name: those that no other test shows. `io/jetstream/TRAPS.md` has them all.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { headers as makeHeaders } from '@nats-io/nats-core'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Checkpoints, Decoder, orThrow, pipe } from '../../sdk/index.ts'
import type { OutputBatch, SinkContext } from '../../sdk/graph/sink.ts'
import type { SplitReader } from '../../sdk/splittable/source.ts'
import { JetStreamIO, StopAt } from '../../io/jetstream/index.ts'
import type { StreamMessage } from '../../io/jetstream/message.ts'
import type { SinkOptions } from '../../io/jetstream/sink.ts'
import type { SourceOptions } from '../../io/jetstream/source.ts'
import type { RunningServer } from '../../io/jetstream/testing/index.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { batchRelay } from '../support/batch-programs.ts'
import { hostContext, outputs, range, readAll, rejection, sinkContext, testSink, testSource, wait } from '../support/jetstream-context.ts'
import { recentServer } from '../support/recent-server.ts'

const shard = 'stage@0'
const heartbeatNs = 1_000_000_000

describe('A trap', () => {
  let server: RunningServer
  let nc: NatsConnection
  let jsm: JetStreamManager
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-test-'))
    // Small limits of batches are reached soon.
    server = await recentServer({
      config: { jetstream: { limits: { batch: { timeout: '1s', max_msgs: 300, max_inflight_per_stream: 2 } } } },
    })
    nc = await connect({ servers: server.url })
    jsm = await jetstreamManager(nc)
  })
  after(async () => {
    await nc.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  let streams = 0
  const newStream = async (config: object = {}): Promise<string> => {
    const name = `T${++streams}`
    await jsm.streams.add({ name, subjects: [`${name}.>`], ...config })
    return name
  }
  const publish = async (stream: string, count: number, subject = 'a'): Promise<void> => {
    for (const i of range(0, count)) await jetstream(nc).publish(`${stream}.${subject}`, `${i}`)
  }
  /** A reader of all of a stream, or of its only split. */
  const reading = async <A>(
    stream: string,
    o: Partial<SourceOptions>,
    work: (reader: SplitReader<StreamMessage>) => Promise<A>,
  ): Promise<A> => {
    const source = await testSource(stream, o).connect(hostContext(server.url))
    try {
      const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
      return await work(await source.open(split, { last: null, claimed: 0, note: null }))
    } finally {
      await source.close()
    }
  }
  const batched = { mode: 'checkpointed', site: { generation: 1, shards: [shard], writers: 1, role: 'main' } } as const
  const sinkTo = (stream: string, context: Partial<SinkContext> = {}, o: Partial<SinkOptions<never>> = {}) =>
    testSink(stream, o).connect(sinkContext(server.url, context))
  /** What is sent to such subjects while `work` goes on. */
  const sentTo = async (subjects: string, work: () => Promise<void>): Promise<ReadonlyArray<string>> => {
    const seen: string[] = []
    const all = nc.subscribe(subjects, { callback: (_, message) => void seen.push(`${message.subject} ${message.string()}`) })
    await nc.flush()
    await work()
    await nc.flush()
    all.unsubscribe()
    return seen
  }
  const relayOptions = (job: string) => ({
    provide: [JetStreamIO.connection({ servers: server.url })],
    checkpoints: Checkpoints.directory(join(folder, job)),
    job,
    until: 'end' as const,
    log: (): void => undefined,
  })
  beforeEach(async () => {
    await jsm.streams.add({ name: 'IN', subjects: ['in'] })
    await jsm.streams.add({ name: 'OUT', subjects: ['out.*'], allow_atomic: true })
  })
  afterEach(async () => {
    for (const stream of ['IN', 'OUT']) await jsm.streams.delete(stream)
  })
  const textsIn = async (stream: string): Promise<ReadonlyArray<string>> =>
    (await reading(stream, {}, reader => readAll(reader))).map(({ payload }) => new TextDecoder().decode(payload))

  describe('of the client', () => {
    it('that no heartbeat is asked for, so that a consumer whose leader changed stands still for a minute: each pull asks for one a second, and ends after four', async () => {
      const stream = await newStream()
      await publish(stream, 10)
      const pulls = await sentTo(`$JS.API.CONSUMER.MSG.NEXT.${stream}.>`, () =>
        reading(stream, {}, async reader => {
          await readAll(reader)
        }),
      )
      assert.isNotEmpty(pulls)
      for (const pull of pulls) {
        const { idle_heartbeat: heartbeat, expires } = JSON.parse(pull.slice(pull.indexOf(' '))) as Readonly<Record<string, number>>
        assert.deepEqual([heartbeat, expires], [heartbeatNs, 4 * heartbeatNs])
      }
    })

    it('that payloads lie in the frame of their socket: bytes that are read have memory of their own', async () => {
      const stream = await newStream()
      await publish(stream, 100)
      const [first] = await reading(stream, {}, reader => readAll(reader))
      const bytes = Decoder.bytes.decode(first?.payload ?? assert.fail('nothing was read'))
      assert.equal(bytes._tag === 'Right' ? bytes.right.buffer.byteLength : 0, 1)
    })
  })

  describe('of reading', () => {
    it('that a filter which selects most of a stream is slow on the server: only a rare one is given to it', async () => {
      const stream = await newStream()
      for (let i = 0; i < 6_000; i++) nc.publish(`${stream}.often`)
      await publish(stream, 2, 'rare')
      const filterOf = (subject: string): Promise<unknown> =>
        reading(stream, { filters: [`${stream}.${subject}`], stop: null }, async () => {
          const [consumer] = await jsm.consumers.list(stream).next()
          return consumer?.config.filter_subject
        })
      assert.equal(await filterOf('rare'), `${stream}.rare`)
      assert.isUndefined(await filterOf('often'))
    })

    it('that a consumer is forgotten by its inactive threshold while nobody asks it: it is made anew, and nothing is lost', async () => {
      const stream = await newStream()
      await publish(stream, 300)
      await reading(
        stream,
        { durable: 'slow', inactiveMs: 300, pull: { batch: 10, maxBytes: 65_536, expiresMs: 1_000, heartbeatMs: 500 } },
        async reader => {
          const head = await readAll(reader, read => read.length > 0, 1)
          while ((await jsm.consumers.list(stream).next()).length > 0) await wait(50)
          const rest = await readAll(reader)
          assert.deepEqual(
            [...head, ...rest].map(({ sequence }) => sequence),
            range(1, 301),
          )
          assert.isAbove(reader.metrics?.()['renewals'] ?? 0, 0)
        },
      )
    })

    for (const retention of ['workqueue', 'interest'] as const)
      it(`that a bounded read waits for ever where fewer messages are there than its bound: of ${retention} retention it ends at what is there`, async () => {
        const stream = await newStream({ retention })
        const consumer = { consumer: 'bounded', ackWaitMs: 30_000, maxAckPending: 1_000, inactiveMs: null }
        const count = { consumer, stop: StopAt.count(100) }
        // Interest begins with the consumer.
        await reading(stream, count, reader => readAll(reader))
        await publish(stream, 3)
        assert.lengthOf(await reading(stream, count, reader => readAll(reader)), 3)
      })
  })

  describe('of the duplicate window', () => {
    it('that ids are known to the whole stream: two outputs of one message, on two subjects, are two', async () => {
      const stream = await newStream()
      const sink = await sinkTo(stream)
      const rows = outputs(`${stream}.a`, [7, 7])
      sink.publish('origin', { ...rows, destinations: [`${stream}.a`, `${stream}.b`], ordinals: [0, 1] })
      await sink.flush()
      await sink.close()
      assert.lengthOf(await textsIn(stream), 2)
    })
  })

  describe('of atomic batches', () => {
    const atomic = { allow_atomic: true, allow_direct: true }
    const commit = async (stream: string, epoch: number, rows: OutputBatch, context: Partial<SinkContext> = {}) => {
      const sink = await sinkTo(stream, { ...batched, ...context })
      await sink.commit({ shard, generation: 1, epoch }, rows, false).finally(() => sink.close())
      return { checkpoint: await sink.flush(), metrics: sink.metrics() }
    }

    it('that a replica answers a direct get with an old marker: the leader of the stream is asked', async () => {
      const stream = await newStream(atomic)
      const asked = await sentTo('$JS.API.>', async () => {
        await commit(stream, 1, outputs(`${stream}.a`, [1]))
      })
      assert.isTrue(asked.some(request => request.startsWith(`$JS.API.STREAM.MSG.GET.${stream} `)))
      assert.isFalse(asked.some(request => request.startsWith('$JS.API.DIRECT.')))
    })

    it('that a server loses what it had acknowledged: a marker behind its checkpoint ends the run, and nothing is published', async () => {
      const stream = await newStream(atomic)
      const { checkpoint } = await commit(stream, 1, outputs(`${stream}.a`, [1]))
      const { messages, last_seq: marker } = (await jsm.streams.info(stream)).state
      await jsm.streams.deleteMessage(stream, marker)
      const error = await rejection(sinkTo(stream, { ...batched, restored: checkpoint }))
      assert.equal(error.name, 'RecoveryImpossible')
      assert.match(
        error.message,
        new RegExp(`was message ${marker} of the stream ${stream}, and now is message 1: .*lost what it had acknowledged`),
      )
      assert.equal((await jsm.streams.info(stream)).state.messages, messages - 1)
    })

    it('that one id which the stream knows rejects a whole batch: a message that is passed on leaves its id behind', async () => {
      await jetstream(nc).publish('out.b', 'before', { msgID: 'known' })
      for (const id of ['known', 'other']) await jetstream(nc).publish('in', id, { msgID: id })
      await orThrow(pipe(batchRelay(), DirectRunner.run(relayOptions('ids'))))
      assert.deepEqual(await textsIn('OUT'), ['before', 'known', 'other'])
    })

    it('that a server takes smaller batches than a thousand: they are halved until it takes them', async () => {
      const stream = await newStream(atomic)
      const { metrics } = await commit(stream, 1, outputs(`${stream}.a`, range(0, 700)))
      assert.isAbove(metrics['recoveries'] ?? 0, 0)
      assert.deepEqual(
        await textsIn(stream),
        range(0, 700).map(i => `value ${i}`),
      )
    })

    it('that others have as many batches open as a stream has room for, until it abandons them: it is tried again', async () => {
      const stream = await newStream(atomic)
      const open = async (id: string): Promise<void> => {
        const control = makeHeaders()
        control.set('Nats-Batch-Id', id)
        control.set('Nats-Batch-Sequence', '1')
        await nc.request(`${stream}.a`, 'never stored', { headers: control, timeout: 5_000 })
      }
      const sink = await sinkTo(stream, batched)
      await Promise.all(['one', 'two'].map(open))
      await sink.commit({ shard, generation: 1, epoch: 1 }, outputs(`${stream}.a`, [1, 2]), false)
      assert.isAbove(sink.metrics()['recoveries'] ?? 0, 0)
      await sink.close()
      assert.deepEqual(await textsIn(stream), ['value 1', 'value 2'])
    })
  })

  describe('of many readers', () => {
    it('that idle ones burn a core: each asks a few times a second at most, and is woken by nothing', async () => {
      const stream = await newStream()
      const source = await testSource(stream, { stop: null }).connect(hostContext(server.url))
      const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
      const readers = await Promise.all(range(0, 20).map(() => source.open(split, { last: null, claimed: 0, note: null })))
      let woken = 0
      for (const reader of readers) reader.onChange(() => woken++)
      const [began, before] = [performance.now(), process.cpuUsage()]
      const pulls = await sentTo(`$JS.API.CONSUMER.MSG.NEXT.${stream}.>`, () => wait(1_500))
      const { user, system } = process.cpuUsage(before)
      const idleMs = performance.now() - began
      // A pull ends after four seconds, and a heartbeat a second tells that nothing is there.
      const most = readers.length * (2 + idleMs / 500)
      assert.isBelow(pulls.length, most)
      assert.isBelow(woken, most)
      assert.isBelow((user + system) / 1_000, idleMs / 2, 'milliseconds of processor time')
      await source.close()
    })
  })
})
