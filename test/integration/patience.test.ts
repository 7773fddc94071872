// How long a server that does not answer is waited for: as long as the connection says, by each sink, and at the start of a run.
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Checkpoints, millis, orThrow, pipe, seconds } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { acquire } from '../../io/jetstream/connections.ts'
import { kvSinkOf } from '../../io/jetstream/kv-sink.ts'
import { objectSinkOf } from '../../io/jetstream/object-sink.ts'
import { NatsCluster, type RunningCluster } from '../../io/jetstream/testing/index.ts'
import { deathVariable, dyingRelay, reached } from '../support/dying-relay.ts'
import { hostContext, outputs, rejection, sinkContext, testSink } from '../support/jetstream-context.ts'
import { pause } from '../support/nats-place.ts'
import { streamTexts } from '../support/read-stream.ts'
import { recentServer } from '../support/recent-server.ts'
import { until } from '../support/until.ts'

describe('Each sink', () => {
  it('waits for its server as long as reconnectFor says, and no longer', async () => {
    const server = await recentServer()
    const nc = await connect({ servers: server.url })
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'OUT', subjects: ['out.>'], allow_atomic: true })
    await jsm.streams.add({ name: 'KV_flags', subjects: ['$KV.flags.>'], allow_rollup_hdrs: true })
    await jsm.streams.add({ name: 'OBJ_files', subjects: ['$O.files.>'], allow_rollup_hdrs: true })
    await nc.close()
    const site = { generation: 1, shards: ['s'], writers: 1, role: 'main' } as const
    const context = sinkContext({ servers: server.url, reconnectFor: millis(300) }, { mode: 'checkpointed', site })
    const place = { label: 'write', connection: undefined, encode: () => undefined }
    const sinks = await Promise.all([
      testSink('OUT', { delivery: 'atomicBatch' }).connect(context),
      testSink('OUT', { delivery: 'messageIds' }).connect(context),
      kvSinkOf<never>({ ...place, bucket: 'flags', onConflict: 'fail' }).connect(context),
      objectSinkOf<never>({ ...place, bucket: 'files' }).connect(context),
    ])
    const destinations = ['out.a', 'out.b', '$KV.flags.a', 'a']
    await server.kill()
    const commit = (i: number) => sinks[i]?.commit({ shard: 's', generation: 1, epoch: 1 }, outputs(destinations[i] ?? '', [1]), false)
    const errors = await Promise.all(sinks.map((_, i) => rejection(Promise.resolve(commit(i)))))
    for (const { name, message } of errors) {
      assert.strictEqual(name, 'ServerUnavailable')
      assert.include(message, 'for 0.3 s')
    }
    await Promise.all(sinks.map(sink => sink.close()))
    await server.stop()
  })
})

describe('A server that was there before', () => {
  it('is waited for where another connection is made while it is away, and one that never was is not', async () => {
    const server = await recentServer()
    const context = hostContext({ servers: server.url })
    await (await acquire(context, undefined, 'read')).release()
    await server.kill()
    const again = acquire(context, undefined, 'write')
    while (!context.logged.some(line => line.includes('it is waited for'))) await pause(10)
    await server.restart()
    const link = await again
    assert.isTrue(link.isConnected())
    await link.release()
    await server.stop()
    const never = await rejection(acquire(hostContext({ servers: 'nats://127.0.0.1:9' }), undefined, 'read'))
    assert.strictEqual(never.name, 'CannotConnect')
  })

  it('is logged as lost and as back, once however many sources and sinks share its connection', async () => {
    const server = await recentServer()
    const context = hostContext({ servers: server.url })
    const links = await Promise.all(['first', 'second', 'third'].map(() => acquire(context, undefined, 'read')))
    await links[0]?.release()
    await server.kill()
    await until('the loss is noticed', () => links[1]?.isConnected() === false)
    await server.restart()
    await until('the connection is back', () => links[1]?.isConnected() === true)
    await Promise.all(links.map(link => link.release()))
    await server.stop()
    assert.lengthOf(context.logged, 2)
    assert.match(context.logged[0] ?? '', /^The connection to nats:\/\/127\.0\.0\.1:\d+ was lost: reconnecting$/)
    assert.match(context.logged[1] ?? '', /^The connection to nats:\/\/127\.0\.0\.1:\d+ is back after [\d.]+ s$/)
  })

  it('is waited for by a run whose worker died while it was away, however few attempts the run has', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jetbeam-test-'))
    const file = join(folder, 'down')
    const server = await recentServer()
    const before = await connect({ servers: server.url })
    for (const name of ['IN', 'OUT']) await (await jetstreamManager(before)).streams.add({ name, subjects: [name.toLowerCase()] })
    for (let i = 0; i < 20; i++) await jetstream(before).publish('in', `${i}`)
    await before.close()
    process.env[deathVariable] = file
    const logged: string[] = []
    const job = await orThrow(
      pipe(
        dyingRelay(),
        WorkerThreadsRunner.start({
          workers: 2,
          provide: [JetStreamIO.connection({ servers: server.url })],
          checkpoints: Checkpoints.directory(join(folder, 'checkpoints'), { every: millis(50) }),
          restart: { attempts: 1, initial: millis(10) },
          log: (_, message) => void logged.push(message),
        }),
      ),
    )
    // A worker that has not read its fatal element cannot die of it once the server is away.
    await until('the worker is at its fatal element', () => existsSync(reached(file)))
    await server.kill()
    await writeFile(file, '')
    await until('the run waits for its server', () => logged.some(line => line.includes('it is waited for')) || job.state() === 'failed')
    assert.notStrictEqual(job.state(), 'failed')
    await server.restart()
    const nc = await connect({ servers: server.url })
    const jsm = await jetstreamManager(nc)
    await until('all is relayed', async () => (await jsm.streams.info('OUT')).state.messages >= 20)
    assert.deepStrictEqual(
      await streamTexts(nc, 'OUT'),
      Array.from({ length: 20 }, (_, i) => `${i}`),
    )
    assert.strictEqual(job.metrics().restarts, 1)
    await orThrow(job.suspend)
    Reflect.deleteProperty(process.env, deathVariable)
    await nc.close()
    await server.stop()
    await rm(folder, { recursive: true })
  })

  it('is given up after reconnectFor', async () => {
    const server = await recentServer()
    const context = hostContext({ servers: server.url, reconnectFor: millis(300) })
    await (await acquire(context, undefined, 'read')).release()
    await server.stop()
    assert.strictEqual((await rejection(acquire(context, undefined, 'read'))).name, 'CannotConnect')
  })
})

describe('A run whose cluster looks for a leader', () => {
  let cluster: RunningCluster

  before(async () => {
    cluster = await NatsCluster.start({ size: 2 })
    // One of two elects nobody.
    await Promise.all(cluster.servers.map(server => server.kill()))
    await cluster.servers[0]?.restart()
  })
  after(() => cluster.stop())

  it('ends when there is none for as long as reconnectFor says', async () => {
    const error = await rejection(acquire(hostContext({ servers: cluster.url, reconnectFor: millis(300) }), undefined, 'read'))
    assert.strictEqual(error.name, 'ServerUnavailable')
    assert.match(error.message, /The connection to .*for 0.3 s/)
  })

  it('begins when there is one, and says what it waits for', async () => {
    const context = hostContext({ servers: cluster.url, reconnectFor: seconds(50) })
    const log: typeof context.log = (level, message) => {
      context.log(level, message)
      if (context.logged.length === 1) void cluster.servers[1]?.restart()
    }
    const link = await acquire({ ...context, log }, undefined, 'read')
    assert.match(context.logged[0] ?? '', /its JetStream has yet to answer/)
    await link.release()
  })
})
