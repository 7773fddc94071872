// What each sink counts while something is on its way, and once its connection has come back.
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { assert } from 'chai'
import { coreSinkOf } from '../../io/jetstream/core-sink.ts'
import { kvSinkOf } from '../../io/jetstream/kv-sink.ts'
import { objectSinkOf } from '../../io/jetstream/object-sink.ts'
import type { RunningServer } from '../../io/jetstream/testing/index.ts'
import type { ConnectedSink, Sink } from '../../sdk/graph/sink.ts'
import { outputs, range, sinkContext, testSink, wait } from '../support/jetstream-context.ts'
import { recentServer } from '../support/recent-server.ts'
import { steadyConnection } from '../support/steady-connection.ts'
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts'

const shard = 'stage@0'
const rest = { label: 'write', connection: undefined, encode: () => undefined } as const

const sinks: ReadonlyArray<readonly [name: string, sink: Sink, subject: string, tellsFlight: boolean]> = [
  ['atomic batches', testSink('BATCHES', { delivery: 'atomicBatch' }), 'batches.a', true],
  ['message ids', testSink('IDS', { delivery: 'messageIds' }), 'ids.a', true],
  ['puts of keys', kvSinkOf<never>({ ...rest, bucket: 'flags', onConflict: 'fail' }), '$KV.flags.a', true],
  ['puts of objects', objectSinkOf<never>({ ...rest, bucket: 'images' }), 'a', false],
  ['messages at most once', testSink('IDS', { delivery: 'atMostOnce' }), 'ids.a', false],
  ['messages of core NATS', coreSinkOf<never>({ ...rest, subject: null }), 'told', false],
]

describe('A sink', () => {
  let server: RunningServer
  let nc: NatsConnection
  let proxy: TcpProxy
  before(async () => {
    server = await recentServer()
    nc = await steadyConnection(server.url)
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'BATCHES', subjects: ['batches.>'], allow_atomic: true })
    await jsm.streams.add({ name: 'IDS', subjects: ['ids.>'] })
    await jsm.streams.add({ name: 'KV_flags', subjects: ['$KV.flags.>'], max_msgs_per_subject: 1 })
    await jsm.streams.add({ name: 'OBJ_images', subjects: ['$O.images.C.>', '$O.images.M.>'], allow_rollup_hdrs: true })
    proxy = await tcpProxy(server.port)
  })
  after(async () => {
    await proxy.close()
    await nc.close()
    await server.stop()
  })

  const using = async (of: Sink, use: (sink: ConnectedSink) => Promise<void>): Promise<void> => {
    const site = { generation: 1, shards: [shard], writers: 1, role: 'main' } as const
    const sink = await of.connect(sinkContext(`nats://127.0.0.1:${proxy.port}`, { mode: 'checkpointed', site }))
    try {
      await use(sink)
    } finally {
      proxy.stall(false)
      await sink.close()
    }
  }

  for (const [name, of, subject, tellsFlight] of sinks) {
    it(`of ${name} counts how often its connection came back`, () =>
      using(of, async sink => {
        for (const times of [1, 2]) {
          assert.strictEqual(sink.metrics()['reconnects'], times - 1)
          proxy.cut()
          while (sink.metrics()['reconnects'] !== times) await wait(10)
        }
      }))

    if (tellsFlight)
      it(`of ${name} counts what is on its way, until it has arrived`, () =>
        using(of, async sink => {
          proxy.stall(true)
          const committed = sink.commit({ shard, generation: 1, epoch: 1 }, outputs(subject, range(0, 7)), false)
          while (sink.metrics()['inFlight'] !== 7) await wait(10)
          proxy.stall(false)
          await committed
          assert.strictEqual(sink.metrics()['inFlight'], 0)
        }))
  }
})
