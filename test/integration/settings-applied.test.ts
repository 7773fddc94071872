// What a configuration says is what the server is asked for: no key is taken and then forgotten on its way.
import { type JetStreamManager, jetstreamManager, type RetentionPolicy } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { assert } from 'chai'
import { Coder, PCollection, pipe } from '../../sdk/index.ts'
import { outputIn } from '../../sdk/graph/pcollection.ts'
import type { ConnectedSink, Sink } from '../../sdk/graph/sink.ts'
import type { ConnectedSource, Source } from '../../sdk/splittable/source.ts'
import { JetStreamConfig, JetStreamIO } from '../../io/jetstream/index.ts'
import type { RunningServer } from '../../io/jetstream/testing/index.ts'
import { hostContext, outputs, range, rejection, sinkContext, wait } from '../support/jetstream-context.ts'
import { recentServer } from '../support/recent-server.ts'
import { steadyConnection } from '../support/steady-connection.ts'
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts'

const secondNs = 1_000_000_000

const sourceOf = (yaml: string): Source => {
  const read = JetStreamIO.read({ ...JetStreamConfig.read(JetStreamConfig.yaml(`source: ${yaml}`)), coder: Coder.string })
  const { transform } = outputIn(read).node
  return transform._tag === 'Read' ? transform.source : assert.fail(`it is a ${transform._tag}`)
}

const sinkOf = (yaml: string): Sink => {
  const texts = pipe(JetStreamIO.read({ stream: 'ANY', coder: Coder.string }), PCollection.orFail)
  const write = JetStreamIO.write({ ...JetStreamConfig.write(JetStreamConfig.yaml(`sink: ${yaml}`)), coder: Coder.string })
  const { transform } = write(texts).node
  return transform._tag === 'Write' ? transform.sink : assert.fail(`it is a ${transform._tag}`)
}

describe('A configuration', () => {
  let server: RunningServer
  let nc: NatsConnection
  let jsm: JetStreamManager
  let proxy: TcpProxy
  let asked = ''
  before(async () => {
    server = await recentServer()
    nc = await steadyConnection(server.url)
    jsm = await jetstreamManager(nc)
    proxy = await tcpProxy(server.port, data => (asked += data.toString('latin1')))
  })
  after(async () => {
    await proxy.close()
    await nc.close()
    await server.stop()
  })
  beforeEach(() => {
    proxy.stall(false)
    asked = ''
  })

  const newStream = (name: string, retention = 'limits') =>
    jsm.streams.add({ name, subjects: [`${name}.>`], retention: retention as RetentionPolicy })
  const place = (name?: string) => ({ servers: `nats://127.0.0.1:${proxy.port}`, ...(name === undefined ? {} : { name }) })

  const reading = async (yaml: string, use: (source: ConnectedSource<unknown>) => Promise<void>, at = place()): Promise<void> => {
    const source = await sourceOf(yaml).connect(hostContext(at))
    try {
      await use(source)
    } finally {
      await source.close()
    }
  }
  const writing = async (yaml: string, use: (sink: ConnectedSink) => Promise<void> | void, at = place()): Promise<void> => {
    const sink = await sinkOf(yaml).connect(sinkContext(at))
    try {
      await use(sink)
    } finally {
      proxy.stall(false)
      await sink.close()
    }
  }
  const open = async (source: ConnectedSource<unknown>): Promise<void> => {
    const [split = assert.fail('there is no split')] = await source.resolve({ desired: 1, toEnd: false })
    await source.open(split, { last: null, claimed: 0, note: null })
  }
  const consumer = async (stream: string, name: string) => (await jsm.consumers.info(stream, name)).config
  const firstPull = async (stream: string, name: string): Promise<unknown> => {
    const request = new RegExp(`PUB \\$JS\\.API\\.CONSUMER\\.MSG\\.NEXT\\.${stream}\\.${name} \\S+ \\d+\\r\\n(\\{.*?\\})\\r\\n`)
    for (;;) {
      const body = request.exec(asked)?.[1]
      if (body !== undefined) return JSON.parse(body)
      await wait(5)
    }
  }

  const pulls = 'batchMessages: 7, batchBytes: 5000, fetchTimeout: 3s, heartbeat: 700ms'
  const pulled = { batch: 7, max_bytes: 5_000, expires: 3 * secondNs, idle_heartbeat: 0.7 * secondNs }

  it('tells a read by position how to ask, and when its named consumer is forgotten', async () => {
    await newStream('RANGE')
    await reading(`{ stream: RANGE, consumer: named, inactiveThreshold: 77s, ${pulls} }`, async source => {
      await open(source)
      assert.strictEqual((await consumer('RANGE', 'named')).inactive_threshold, 77 * secondNs)
      assert.deepStrictEqual(await firstPull('RANGE', 'named'), pulled)
    })
  })

  it('tells a read that acknowledges what its consumer is, and how to ask it', async () => {
    await newStream('QUEUE', 'workqueue')
    const own = 'acknowledge: onCheckpoint, consumer: reader, ackWait: 17s, maxAckPending: 123, inactiveThreshold: 66s'
    await reading(`{ stream: QUEUE, ${own}, ${pulls} }`, async source => {
      await open(source)
      assert.deepInclude(await consumer('QUEUE', 'reader'), {
        ack_wait: 17 * secondNs,
        max_ack_pending: 123,
        inactive_threshold: 66 * secondNs,
        deliver_policy: 'all',
      })
      assert.deepStrictEqual(await firstPull('QUEUE', 'reader'), pulled)
    })
  })

  it('makes a read by interest begin at what is new', async () => {
    await newStream('INTEREST', 'interest')
    await reading('{ stream: INTEREST, acknowledge: onCheckpoint, consumer: reader, start: new }', async source => {
      await source.resolve({ desired: 1, toEnd: false })
      assert.strictEqual((await consumer('INTEREST', 'reader')).deliver_policy, 'new')
    })
  })

  it('says how often a read looks for subjects', async () => {
    await newStream('LOOKED')
    await reading('{ stream: LOOKED, splitBy: "subject,every:1234ms" }', source => {
      assert.strictEqual(source.discovery?.everyMs, 1_234)
      return Promise.resolve()
    })
  })

  it('says what a stream is that a write makes', async () => {
    const limits = 'createMaxAge: 1h, createMaxBytes: 1000000, createMaxMessages: 20000, createDuplicateWindow: 3m'
    const made = `createSubjects: [made.it], createStorage: memory, createAtomicBatches: true, ${limits}`
    await writing(`{ stream: MADE, subject: made.it, ${made} }`, async () => {
      const { config } = await jsm.streams.info('MADE')
      assert.deepInclude(config, {
        subjects: ['made.it', '_jetbeam.MADE.>'],
        storage: 'memory',
        max_age: 3_600 * secondNs,
        max_bytes: 1_000_000,
        max_msgs: 20_000,
        duplicate_window: 180 * secondNs,
        allow_atomic: true,
      })
    })
  })

  it('says how many replicas it has: more than one server alone can keep', async () => {
    const sink = sinkOf('{ stream: THRICE, subject: thrice, createSubjects: [thrice], createReplicas: 3 }')
    const { name, message } = await rejection(sink.connect(sinkContext(place())))
    assert.deepStrictEqual([name, /cannot be made: replicas > 1/.test(message)], ['InvalidOptions', true], message)
  })

  for (const [limit, inFlight] of [
    ['maxInFlight: 4', 4],
    ['maxInFlightBytes: 35', 5],
  ] as const)
    it(`holds what is on its way at ${limit}, and the sink counts it`, async () => {
      const stream = `FLIGHT${inFlight}`
      await newStream(stream)
      await writing(`{ stream: ${stream}, subject: ${stream}.a, delivery: messageIds, ${limit} }`, async sink => {
        proxy.stall(true)
        // Of seven bytes each.
        sink.publish('origin', outputs(`${stream}.a`, range(0, 10)))
        assert.deepStrictEqual([sink.metrics()['inFlight'], sink.congested()], [inFlight, true])
        proxy.stall(false)
        await sink.flush()
        assert.deepInclude(sink.metrics(), { inFlight: 0, published: 10 })
      })
    })

  it('names the connection of a read and of a write', async () => {
    await newStream('NAMED')
    const named = place('second')
    await reading('{ stream: NAMED, connection: second }', open, named)
    await writing('{ stream: NAMED, subject: NAMED.a, connection: second }', () => undefined, named)
    const [third, write] = ['{ stream: NAMED, connection: third }', '{ stream: NAMED, subject: NAMED.a, connection: third }']
    assert.strictEqual(sourceOf(third).identity['connection'], 'third')
    assert.strictEqual(sinkOf(write).identity['connection'], 'third')
    for (const connecting of [sourceOf(third).connect(hostContext(named)), sinkOf(write).connect(sinkContext(named))])
      assert.match((await rejection(connecting)).message, /Nothing provides the connection "third"/)
  })
})
