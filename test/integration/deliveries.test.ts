// The ways into a stream that have no markers: a chain, at most once; and what a sink does before and beside them.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { assert } from 'chai'
import { Checkpoints, Create, Encoder, Pipeline, orThrow, pipe } from '../../sdk/index.ts'
import type { ConnectedSink, SinkContext } from '../../sdk/graph/sink.ts'
import { Delivery, JetStreamIO } from '../../io/jetstream/index.ts'
import type { NewStream } from '../../io/jetstream/create-stream.ts'
import type { SinkOptions } from '../../io/jetstream/sink.ts'
import { NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { outputs, range, rejection, sinkContext, testSink, wait } from '../support/jetstream-context.ts'
import { streamTexts } from '../support/read-stream.ts'
import { steadyConnection, whenBack } from '../support/steady-connection.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'

const window = { messages: 256, bytes: 1_000_000 }

describe('JetStreamIO.write', () => {
  let server: RunningServer
  let nc: NatsConnection
  let jsm: JetStreamManager

  before(async () => {
    server = await NatsServer.start({ control: true })
    nc = await steadyConnection(server.url)
    jsm = await jetstreamManager(nc)
  })
  after(async () => {
    await nc.close()
    await server.stop()
  })

  let streams = 0
  /** It forgets ids at once, as far as a server can. */
  const newStream = async (config: object = {}): Promise<string> => {
    const name = `W${++streams}`
    await jsm.streams.add({ name, subjects: [`${name}.>`], duplicate_window: 100_000_000, ...config })
    return name
  }
  const open = (stream: string, context: Partial<SinkContext>, o: Partial<SinkOptions<never>>, url = server.url): Promise<ConnectedSink> =>
    testSink(stream, o).connect(sinkContext(url, context))
  const stored = async (stream: string): Promise<ReadonlyArray<number>> =>
    (await streamTexts(nc, stream)).map(text => Number(text.split(' ')[1]))

  describe('in a chain', () => {
    const chain = { delivery: 'chain', window } as const

    it('stores each output once and in order while its server is killed', async () => {
      const stream = await newStream()
      const sink = await open(stream, {}, chain)
      assert.include(sink.guarantee, 'exactly once by a chain of expected sequences')
      const feeding = (async () => {
        for (let i = 0; i < 4_000; i += 100) {
          sink.publish('origin', outputs(`${stream}.a`, range(i, i + 100)))
          if (sink.congested()) await new Promise<void>(resolve => sink.onReady(resolve))
          await wait(5)
        }
      })()
      for (let i = 0; i < 2; i++) {
        await wait(100)
        await server.kill()
        await wait(150)
        await server.restart()
      }
      await feeding
      await sink.flush()
      assert.isAbove(sink.metrics()['recoveries'] ?? 0, 0)
      await sink.close()
      await whenBack(nc)
      assert.deepEqual(await stored(stream), range(0, 4_000))
    })

    it('keeps out what a process had on its way when another one took over, long after the stream has forgotten its ids', async () => {
      const stream = await newStream()
      const proxy = await tcpProxy(server.port)
      const old = await open(stream, {}, chain, `nats://127.0.0.1:${proxy.port}`)
      old.publish('origin', outputs(`${stream}.a`, range(0, 100)))
      await old.flush()
      const checkpoint = await old.flush()
      proxy.stall(true)
      old.publish('origin', outputs(`${stream}.a`, range(100, 200)))
      const successor = await open(stream, { protocol: old.protocol, restored: checkpoint }, chain)
      successor.publish('origin', outputs(`${stream}.a`, range(100, 300)))
      await successor.flush()
      await wait(300)
      proxy.stall(false)
      while (old.failure() === null) await wait(10)
      assert.equal(old.failure()?.name, 'Fenced')
      successor.publish('origin', outputs(`${stream}.a`, range(300, 310)))
      await successor.flush()
      await Promise.all([old.close(), successor.close(), proxy.close()])
      assert.deepEqual(await stored(stream), range(0, 310))
    })

    it('goes on in the middle of a checkpoint that an earlier process had published in part', async () => {
      const stream = await newStream()
      const id = { shard: 'stage/1', generation: 2, epoch: 7 }
      const first = await open(stream, { mode: 'checkpointed' }, chain)
      const checkpoint = await first.flush()
      await first.commit(id, outputs(`${stream}.a`, range(0, 300)), false)
      await first.close()
      const second = await open(stream, { mode: 'checkpointed', protocol: first.protocol, restored: checkpoint }, chain)
      await second.commit(id, outputs(`${stream}.a`, range(0, 400)), true)
      await second.commit({ ...id, epoch: 8 }, outputs(`${stream}.a`, range(400, 500)), false)
      assert.equal(second.metrics()['skipped'], 300)
      await second.close()
      assert.deepEqual(await stored(stream), range(0, 500))
    })

    it('ends, by name, where somebody else writes to its stream, and is refused where several threads would', async () => {
      const stream = await newStream()
      const sink = await open(stream, {}, chain)
      sink.publish('origin', outputs(`${stream}.a`, [1]))
      await sink.flush()
      await nc.request(`${stream}.other`)
      sink.publish('origin', outputs(`${stream}.a`, [2]))
      const error = await rejection(sink.flush())
      assert.equal(error.name, 'Fenced')
      assert.match(error.message, /somebody else has published to the stream .* \(sequence 2 at the latest\)/)
      await sink.close()
      const threads = await rejection(open(stream, { site: { generation: 1, shards: [], writers: 2, role: 'main' } }, chain))
      assert.match(
        threads.message,
        /delivery by a chain is not possible: 2 threads would write to the stream .* at once\. Run it with one worker/,
      )
    })
  })

  describe('at most once', () => {
    const atMostOnce = { delivery: 'atMostOnce', window } as const

    it('sends what a checkpoint holds, and never again what an earlier process may have sent', async () => {
      // Of limits that exactly once refuses.
      const stream = await newStream({ max_msgs: 5_000 })
      const sink = await open(stream, { mode: 'checkpointed' }, atMostOnce)
      await sink.commit({ shard: 's', generation: 1, epoch: 1 }, outputs(`${stream}.a`, range(0, 600)), true)
      await sink.commit({ shard: 's', generation: 1, epoch: 2 }, outputs(`${stream}.a`, range(600, 1_200)), false)
      assert.deepInclude(sink.metrics(), { published: 600, givenUp: 600 })
      const stray = await rejection(sink.commit({ shard: 's', generation: 1, epoch: 3 }, outputs('nobody.takes.this', [1]), false))
      assert.equal(stray.name, 'SubjectNotInStream')
      await sink.close()
      await nc.flush()
      assert.deepEqual(await stored(stream), range(600, 1_200))
    })

    it('repeats nothing where its connection is cut', async () => {
      const stream = await newStream()
      const proxy = await tcpProxy(server.port)
      const sink = await open(stream, { mode: 'checkpointed' }, atMostOnce, `nats://127.0.0.1:${proxy.port}`)
      const sending = (async () => {
        for (let epoch = 0; epoch < 20; epoch++)
          await sink.commit({ shard: 's', generation: 1, epoch }, outputs(`${stream}.a`, range(epoch * 500, (epoch + 1) * 500)), false)
      })()
      for (let i = 0; i < 3; i++) {
        await wait(30)
        proxy.cut()
      }
      await sending
      await sink.close()
      await proxy.close()
      const all = await stored(stream)
      assert.lengthOf(new Set(all), all.length)
    })
  })

  describe('to a stream that is not there', () => {
    const create: NewStream = {
      subjects: ['made.*'],
      storage: 'memory',
      replicas: 1,
      maxAgeMs: 3_600_000,
      maxBytes: 10_000_000,
      maxMessages: 50_000,
      duplicateWindowMs: 60_000,
      atomicBatches: false,
    }

    it('makes it as it is told to, and leaves one that is there as it is', async () => {
      const look = await open('MADE', { site: { generation: 0, shards: [], writers: 1, role: 'look' } }, { create })
      assert.include(look.guarantee, 'MADE')
      await look.close()
      assert.equal((await rejection(jsm.streams.info('MADE'))).name, 'StreamNotFoundError', 'explaining a pipeline makes no stream')
      const sink = await open('MADE', {}, { create })
      sink.publish('origin', outputs('made.a', [1]))
      await sink.flush()
      await sink.close()
      const { config } = await jsm.streams.info('MADE')
      assert.deepInclude(config, {
        subjects: ['made.*'],
        storage: 'memory',
        retention: 'limits',
        max_age: 3_600_000_000_000,
        max_bytes: 10_000_000,
        max_msgs: 50_000,
        duplicate_window: 60_000_000_000,
      })
      await (await open('MADE', {}, { create: { ...create, maxMessages: 20_000 } })).close()
      assert.equal((await jsm.streams.info('MADE')).config.max_msgs, 50_000)
    })

    it('says why it cannot be made', async () => {
      const error = await rejection(open('TWICE', {}, { create: { ...create, subjects: ['made.x'] } }))
      assert.equal(error.name, 'InvalidOptions')
      assert.match(error.message, /the stream TWICE is missing and cannot be made: subjects overlap/)
    })
  })

  it('drops an element whose id the stream knows, from this run or another, where the pipeline names them', async () => {
    for (const delivery of [Delivery.atLeastOnce, Delivery.atMostOnce]) {
      const stream = await newStream({ duplicate_window: 120_000_000_000 })
      const write = async (values: ReadonlyArray<string>, id: ((value: string) => string) | undefined): Promise<void> => {
        const folder = await mkdtemp(join(tmpdir(), 'jetbeam-ids-'))
        const pipeline = Pipeline.of(
          pipe(Create.of(values), JetStreamIO.write({ stream, subject: `${stream}.a`, coder: Encoder.text(), delivery, id })),
        )
        try {
          const provide = [JetStreamIO.connection({ servers: server.url })]
          await orThrow(DirectRunner.run({ provide, checkpoints: Checkpoints.directory(folder), job: basename(folder) })(pipeline))
        } finally {
          await rm(folder, { recursive: true })
        }
      }
      await write(['a 1', 'b 1', 'a 2'], value => value.slice(0, 1))
      await write(['a 3', 'c 1'], value => value.slice(0, 1))
      assert.deepEqual(await streamTexts(nc, stream), ['a 1', 'b 1', 'c 1'], delivery._tag)
      await write(['a 4', 'a 4'], undefined)
      assert.lengthOf(await streamTexts(nc, stream), 5, 'without ids nothing is dropped')
      const error = await rejection(write(['a 5', 'd\n1'], value => value))
      assert.match(
        error.message,
        /JetStreamIO.write\(.*#1: .*id: what it gave for this element has a control character.*while it processed "d/s,
      )
    }
  })

  it('has no more on its way than it may', async () => {
    const stream = await newStream()
    const proxy = await tcpProxy(server.port)
    const sink = await open(stream, {}, { window: { messages: 10, bytes: 1_000_000 } }, `nats://127.0.0.1:${proxy.port}`)
    proxy.stall(true)
    sink.publish('origin', outputs(`${stream}.a`, range(0, 9)))
    assert.isFalse(sink.congested())
    sink.publish('origin', outputs(`${stream}.a`, range(9, 100)))
    assert.isTrue(sink.congested())
    proxy.stall(false)
    await sink.flush()
    await sink.close()
    const narrow = await open(stream, {}, { window: { messages: 4_096, bytes: 20 } })
    narrow.publish('origin', outputs(`${stream}.a`, range(100, 103)))
    assert.isTrue(narrow.congested(), 'three of nine bytes are more than twenty')
    await narrow.flush()
    await narrow.close()
    await proxy.close()
    assert.deepEqual(await stored(stream), range(0, 103))
  })
})
