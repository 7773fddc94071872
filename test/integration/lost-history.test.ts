// A server that has lost what it acknowledged, as after a restore from a backup, and streams that were made again: reads and writes that had
// come further fail by name, take no other messages for those that they read, and acknowledge none of them.
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager, type RetentionPolicy, StorageType, type StreamState } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import type { ConsumerSettings } from '../../io/jetstream/durable-consumer.ts'
import { clockSkewMs } from '../../io/jetstream/clock-skew.ts'
import type { StreamMessage } from '../../io/jetstream/message.ts'
import { NatsCluster, NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'
import type { ConnectedSource, Split, SplitProgress, SplitReader } from '../../sdk/splittable/source.ts'
import {
  changed,
  hostContext,
  outputs,
  range,
  readAll,
  rejection,
  sinkContext,
  testSink,
  testSource,
  wait,
} from '../support/jetstream-context.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'

const unread: SplitProgress = { last: null, claimed: 0, note: null }
const consumer: ConsumerSettings = { consumer: 'reader', ackWaitMs: 30_000, maxAckPending: 1_000, inactiveMs: null }

/** Fails where what is waited for does not come. */
const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (const deadline = Date.now() + 20_000; !(await holds()); await wait(20))
    if (Date.now() > deadline) assert.fail(`${what}: not within 20 s`)
}

describe('A stream that has lost what was read of it', () => {
  let server: RunningServer
  let folder: string
  const store = (): string => join(folder, 'store')
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-lost-'))
    server = await NatsServer.start({ control: true, storeDir: store() })
  })
  after(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const make = async (...streams: ReadonlyArray<readonly [name: string, retention: string]>): Promise<void> => {
    const nc = await connect({ servers: server.url })
    const jsm = await jetstreamManager(nc)
    for (const [name, retention] of streams) await jsm.streams.add({ name, subjects: [name], retention: retention as RetentionPolicy })
    await nc.close()
  }
  const publish = async (stream: string, count: number): Promise<void> => {
    const nc = await connect({ servers: server.url })
    for (const i of range(0, count)) await jetstream(nc).publish(stream, `${i}`)
    await nc.close()
  }

  interface Reading {
    readonly source: ConnectedSource<StreamMessage>
    readonly split: Split
    readonly reader: SplitReader<StreamMessage>
    readonly progress: SplitProgress
  }

  /** Ten messages, and the progress behind them. */
  const readTen = async (stream: string, acknowledges: boolean, url = server.url): Promise<Reading> => {
    const source = await testSource(stream, { stop: null, consumer: acknowledges ? consumer : null }).connect(hostContext(url))
    const [split = assert.fail('there is no split')] = await source.resolve({ desired: 1, toEnd: false })
    const reader = await source.open(split, unread)
    let progress = unread
    while (progress.claimed < 10) {
      const batch = reader.poll(10)
      if (batch === null) await changed(reader)
      else progress = { last: batch.positions.at(-1) ?? null, claimed: progress.claimed + batch.values.length, note: batch.note }
    }
    return { source, split, reader, progress }
  }

  it('ends a read of it that goes on, and a start behind what is lost: by position, and by acknowledgments', async () => {
    await make(['BY_POSITION', 'limits'], ['QUEUE', 'workqueue'])
    for (const stream of ['BY_POSITION', 'QUEUE']) await publish(stream, 5)
    await server.kill()
    await cp(store(), join(folder, 'backup'), { recursive: true })
    await server.restart()
    for (const stream of ['BY_POSITION', 'QUEUE']) await publish(stream, 5)
    const readings = [await readTen('BY_POSITION', false), await readTen('QUEUE', true)]
    await server.kill()
    await rm(store(), { recursive: true })
    await cp(join(folder, 'backup'), store(), { recursive: true })
    await server.restart()
    for (const { source, split, reader, progress } of readings) {
      for (const reading of [readAll(reader), source.open(split, progress)]) {
        const { name, message } = await rejection(reading)
        assert.deepEqual([name, /ends at sequence 5, but sequence 10 was/.test(message)], ['StreamTruncated', true], message)
      }
      await source.close()
    }
  })

  /** What happens behind a backup is gone afterwards. Gives the way back. */
  const backup = async (): Promise<() => Promise<void>> => {
    const kept = join(folder, `backup-${++backups}`)
    await server.kill()
    await cp(store(), kept, { recursive: true })
    await server.restart()
    return async () => {
      await server.kill()
      await rm(store(), { recursive: true })
      await cp(kept, store(), { recursive: true })
      await server.restart()
    }
  }
  let backups = 0
  const stateOf = async (stream: string): Promise<StreamState> => {
    const nc = await connect({ servers: server.url })
    const { state } = await (await jetstreamManager(nc)).streams.info(stream)
    await nc.close()
    return state
  }

  describe('and now has other messages under their sequences', () => {
    for (const acknowledges of [false, true]) {
      const by = acknowledges ? 'by acknowledgments' : 'by position'
      it(`ends a read of it that goes on, and a start: ${by}`, async () => {
        const stream = acknowledges ? 'OTHER_QUEUE' : 'OTHER_POSITION'
        await make([stream, acknowledges ? 'workqueue' : 'limits'])
        await publish(stream, 5)
        const back = await backup()
        await publish(stream, 5)
        const proxy = await tcpProxy(server.port)
        const { source, split, reader, progress } = await readTen(stream, acknowledges, `nats://127.0.0.1:${proxy.port}`)
        proxy.stall(true)
        proxy.cut()
        await back()
        assert.strictEqual((await stateOf(stream)).last_seq, 5, 'the server is behind what was read')
        await publish(stream, 20)
        const before = (await stateOf(stream)).messages
        // What was handed on is acknowledged as soon as that is possible.
        void reader.commit?.(progress)
        proxy.stall(false)
        proxy.cut()
        const starting = async (): Promise<unknown> => {
          await source.recommit?.(split, progress)
          return source.open(split, progress)
        }
        for (const reading of [readAll(reader), starting()]) {
          const { name, message } = await rejection(reading)
          assert.deepEqual([name, /sequence 10 of the stream \w+ is a message stored at/.test(message)], ['StreamRecreated', true], message)
        }
        await source.close()
        await proxy.close()
        assert.strictEqual((await stateOf(stream)).messages, before, 'and nothing of it was acknowledged')
      })
    }

    it('ends a read of a queue that meets one of them, although the last message read is gone', async () => {
      await make(['MET', 'workqueue'])
      await publish('MET', 5)
      const back = await backup()
      await publish('MET', 5)
      const { source, split, reader, progress } = await readTen('MET', true)
      await reader.commit?.(progress)
      await source.close()
      await back()
      await publish('MET', 20)
      // As if it had been deleted: it shows nothing, and neither does another one near it.
      const nc = await connect({ servers: server.url })
      const jsm = await jetstreamManager(nc)
      for (const sequence of range(7, 11)) await jsm.streams.deleteMessage('MET', sequence)
      await nc.close()
      const again = await testSource('MET', { stop: null, consumer }).connect(hostContext(server.url))
      const { name, message } = await rejection(readAll(await again.open(split, progress)))
      assert.deepEqual([name, /sequence 6 of the stream MET is a message/.test(message)], ['StreamRecreated', true], message)
      await again.close()
      assert.strictEqual((await stateOf('MET')).messages, 16, 'all that is new is there: only what was read of the backup is acknowledged')
    })

    it('ends a read of a key-value bucket, where the last entry that was read has been replaced', async function () {
      this.timeout(30_000)
      const nc = await connect({ servers: server.url })
      const jsm = await jetstreamManager(nc)
      await jsm.streams.add({ name: 'KV_BUCKET', subjects: ['$KV.BUCKET.>'], max_msgs_per_subject: 1 })
      await nc.close()
      const put = async (keys: ReadonlyArray<number>): Promise<void> => {
        const client = await connect({ servers: server.url })
        for (const key of keys) await jetstream(client).publish(`$KV.BUCKET.${key}`, `${key}`)
        await client.close()
      }
      await put(range(0, 5))
      const back = await backup()
      await put(range(5, 10))
      const { source, split, progress } = await readTen('KV_BUCKET', false)
      await source.close()
      const readAt = Date.now()
      await back()
      assert.strictEqual((await stateOf('KV_BUCKET')).last_seq, 5)
      await until('the clocks of two servers may not differ by so much', () => Date.now() > readAt + clockSkewMs + 500)
      // Sequences 6 to 10 are others now, and the tenth is replaced by the eleventh.
      await put([100, 101, 102, 103, 104, 104])
      const again = await testSource('KV_BUCKET', { stop: null }).connect(hostContext(server.url))
      const { name, message } = await rejection(again.open(split, progress))
      assert.deepEqual([name, /sequence 9 of the stream KV_BUCKET is a message/.test(message)], ['StreamRecreated', true], message)
      await again.close()
    })

    it('ends a write to it that was begun before', async () => {
      await make(['DESTINATION', 'limits'])
      await publish('DESTINATION', 5)
      const back = await backup()
      for (const delivery of ['messageIds', 'chain', 'atLeastOnce'] as const) {
        const sink = await testSink('DESTINATION', { delivery }).connect(sinkContext(server.url))
        sink.publish('source/split', outputs('DESTINATION', range(1, 6)))
        positions.set(delivery, await sink.flush())
        await sink.close()
      }
      await back()
      assert.strictEqual((await stateOf('DESTINATION')).last_seq, 5, 'the server has lost what was written')
      await publish('DESTINATION', 50)
      for (const delivery of ['messageIds', 'chain'] as const) {
        const restored = positions.get(delivery)
        const { name } = await rejection(
          testSink('DESTINATION', { delivery }).connect(sinkContext(server.url, { restored, protocol: restored })),
        )
        assert.strictEqual(name, 'StreamRecreated', delivery)
      }
    })
    const positions = new Map<string, unknown>()
  })

  it('goes on, and counts it, where nothing is left to show whether it is the stream that was read', async () => {
    await make(['PURGED', 'limits'])
    await publish('PURGED', 10)
    const { source, split, progress } = await readTen('PURGED', false)
    await source.close()
    const nc = await connect({ servers: server.url })
    await (await jetstreamManager(nc)).streams.purge('PURGED')
    await nc.close()
    await publish('PURGED', 10)
    const context = hostContext(server.url)
    const again = await testSource('PURGED', { stop: null }).connect(context)
    const read = await readAll(await again.open(split, progress), all => all.length === 10)
    assert.deepEqual(
      read.map(({ sequence }) => sequence),
      range(11, 21),
    )
    const said = context.logged.findIndex(line => line.includes('nothing shows whether the stream is still the one that was read'))
    assert.strictEqual(context.fields[said]?.['unverified'], 1)
    await again.close()
  })

  it('sends no acknowledgment behind a reconnect before it has looked at the stream', async () => {
    await make(['AWAY', 'workqueue'])
    await publish('AWAY', 10)
    const sent: string[] = []
    const proxy = await tcpProxy(server.port, data => sent.push(...data.toString('latin1').split('\r\n')))
    const { source, reader, progress } = await readTen('AWAY', true, `nats://127.0.0.1:${proxy.port}`)
    proxy.stall(true)
    const committed = reader.commit?.(progress)
    await until('the client gives its requests to its socket', () => sent.length > 0)
    proxy.cut()
    sent.length = 0
    proxy.stall(false)
    proxy.cut()
    await committed
    const first = (what: string): number => sent.findIndex(line => line.startsWith(`PUB ${what}`))
    assert.isAbove(first('$JS.ACK.AWAY.'), -1, 'they were sent')
    assert.isAbove(first('$JS.ACK.AWAY.'), first('$JS.API.STREAM.INFO.AWAY'))
    assert.isAbove(first('$JS.ACK.AWAY.'), first('$JS.API.STREAM.MSG.GET.AWAY'))
    assert.isAbove(first('$JS.API.STREAM.MSG.GET.AWAY'), -1)
    await source.close()
    await proxy.close()
    assert.strictEqual((await stateOf('AWAY')).messages, 0)
  })

  it('because it was deleted and made again acknowledges nothing of what a checkpoint holds', async () => {
    await make(['REMADE', 'workqueue'])
    await publish('REMADE', 10)
    const { source, split, progress } = await readTen('REMADE', true)
    await source.close()
    const nc = await connect({ servers: server.url })
    const jsm = await jetstreamManager(nc)
    await jsm.streams.delete('REMADE')
    await make(['REMADE', 'workqueue'])
    await publish('REMADE', 20)
    const again = await testSource('REMADE', { stop: null, consumer }).connect(hostContext(server.url))
    await again.resolve({ desired: 1, toEnd: false })
    // They are delivered, and wait for their acknowledgments, under the sequences that the checkpoint has.
    const live = await jetstream(nc).consumers.get('REMADE', 'reader')
    for await (const message of await live.fetch({ max_messages: 20, expires: 1_000 })) assert.isAtMost(message.seq, 20)
    const { name } = await rejection(again.recommit?.(split, progress) ?? Promise.resolve())
    assert.strictEqual(name, 'StreamRecreated')
    await again.close()
    await nc.close()
    assert.strictEqual((await stateOf('REMADE')).messages, 20)
  })

  it('because it was deleted and made again ends a start of a read that acknowledges', async () => {
    await make(['AGAIN', 'workqueue'])
    await publish('AGAIN', 10)
    const { source, split, progress } = await readTen('AGAIN', true)
    const nc = await connect({ servers: server.url })
    await (await jetstreamManager(nc)).streams.delete('AGAIN')
    await nc.close()
    await make(['AGAIN', 'workqueue'])
    await publish('AGAIN', 20)
    const { name, message } = await rejection(source.open(split, progress))
    assert.deepEqual([name, message.includes('was deleted and created again')], ['StreamRecreated', true], message)
    await source.close()
  })

  it('because the server of an R1 stream in memory restarted ends a read of it, although its creation time stays', async function () {
    this.timeout(120_000)
    const cluster = await NatsCluster.start()
    const nc = await connect({ servers: cluster.url.split(','), maxReconnectAttempts: -1, reconnectTimeWait: 100 })
    try {
      const jsm = await jetstreamManager(nc, { checkAPI: false })
      await jsm.streams.add({ name: 'VOLATILE', subjects: ['VOLATILE'], storage: StorageType.Memory, num_replicas: 1 })
      const before = await jsm.streams.info('VOLATILE')
      for (const i of range(0, 10)) await jetstream(nc).publish('VOLATILE', `${i}`)
      const { source, split, progress } = await readTen('VOLATILE', false, cluster.url)
      const server = cluster.server(before.cluster?.leader ?? '')
      await server.kill()
      await server.restart()
      await cluster.ready()
      const publishing = range(0, 20).map(i => `${i}`)
      for (const text of publishing)
        await until('a publish', () =>
          jetstream(nc)
            .publish('VOLATILE', text)
            .then(
              () => true,
              () => false,
            ),
        )
      const { created, state } = await jsm.streams.info('VOLATILE')
      assert.deepEqual([created, state.last_seq >= 20], [before.created, true], 'sequences are used again')
      const { name } = await rejection(source.open(split, progress))
      assert.strictEqual(name, 'StreamRecreated')
      await source.close()
    } finally {
      await nc.close()
      await cluster.stop()
    }
  })
})
