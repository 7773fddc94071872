// Reads and scans while a replica lags behind its stream's leader: its consumers say that nothing is left, and that proves nothing.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Checkpoints, Coder, Encoder, PCollection, Pipeline, millis, orThrow, pipe } from 'jetbeam'
import { JetStreamIO, KvIO, StartAt, StopAt } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { NatsCluster, type RunningCluster, type RunningServer } from 'jetbeam/testing/nats-server'
import { idPrefix, outputId, shortHash } from '../../io/jetstream/output-ids.ts'
import { persistently } from '../../io/jetstream/patience.ts'
import { scanIds } from '../../io/jetstream/recovery-scan.ts'
import { acquire } from '../../io/jetstream/connections.ts'
import { StreamHistory } from '../../io/jetstream/history.ts'
import { hostContext, range, readAll, testSource } from '../support/jetstream-context.ts'
import { until } from '../support/until.ts'

const messages = 4_000
const probes = 8
/** A consumer is made on a replica by chance, so that a read meets the one that lags in every third round. */
const readsAtATime = 12
const lagMs = 1_500

describe('While a replica lags behind its stream’s leader', function () {
  this.timeout(300_000)
  let cluster: RunningCluster
  let nc: NatsConnection
  let jsm: JetStreamManager
  let folder = ''

  before(async () => {
    cluster = await NatsCluster.start()
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-lagging-'))
    nc = await connect({ servers: cluster.url.split(',') })
    jsm = await jetstreamManager(nc)
  })
  after(async () => {
    for (const server of cluster.servers) server.resume()
    await nc.close()
    await cluster.stop()
    await rm(folder, { recursive: true })
  })

  interface Lag {
    readonly stream: string
    /** All servers but the one that lags. */
    readonly servers: string
    readonly follower: RunningServer
    readonly nc: NatsConnection
  }

  const publishAll = async (connection: NatsConnection, subject: (i: number) => string, count: number): Promise<void> => {
    const js = jetstream(connection)
    for (let i = 0; i < count; i += 500)
      await Promise.all(range(i, Math.min(count, i + 500)).map(n => js.publish(subject(n), `${n}`, { timeout: 15_000 })))
  }

  /** How many consumers, made while it lags, had nothing to deliver. */
  const deceived = async ({ stream, nc: connection }: Lag): Promise<number> => {
    const made = await Promise.allSettled(
      range(0, probes).map(async i => {
        const name = `probe${i}`
        const config = {
          name,
          ack_policy: 'none',
          deliver_policy: 'all',
          num_replicas: 1,
          mem_storage: true,
          inactive_threshold: 60_000_000_000,
        }
        const request = JSON.stringify({ stream_name: stream, config })
        const answer = await connection.request(`$JS.API.CONSUMER.CREATE.${stream}.${name}`, request, { timeout: 15_000 })
        return answer.json<{ readonly num_pending?: number }>().num_pending
      }),
    )
    return made.filter(each => each.status === 'fulfilled' && each.value === 0).length
  }

  let rounds = 0
  /**
   * Fills a new stream while one of its followers is stopped, and calls `work` while it is woken again; again and again, until a consumer said
   * that nothing was there.
   */
  const whileLagging = async (
    config: (name: string) => object,
    subject: (name: string, i: number) => string,
    work: (lag: Lag) => Promise<void>,
  ): Promise<void> => {
    let bitten = 0
    await until(
      'a consumer on the replica that lags',
      async () => {
        const name = `L${++rounds}`
        const stream = (config(name) as { readonly name?: string }).name ?? name
        await jsm.streams.add({ name: stream, num_replicas: 3, ...config(name) } as Parameters<typeof jsm.streams.add>[0])
        const { cluster: of } = await jsm.streams.info(stream)
        const follower = cluster.server(of?.replicas?.[0]?.name ?? '')
        const servers = cluster.servers.flatMap(server => (server === follower ? [] : [server.url])).join(',')
        const lag: Lag = { stream, servers, follower, nc: await connect({ servers: servers.split(',') }) }
        try {
          await follower.pause()
          await publishAll(lag.nc, i => subject(name, i), messages)
          const woken = new Promise<void>(resolve => setTimeout(resolve, lagMs)).then(() => follower.resume())
          const [said] = await Promise.all([deceived(lag), work(lag), woken])
          bitten += said
        } finally {
          follower.resume()
          await lag.nc.close()
          await jsm.streams.delete(stream)
          await cluster.ready()
        }
        return bitten > 0
      },
      200_000,
    )
    assert.isAbove(bitten, 0)
  }

  const leaderName = (server: RunningServer): string => `n${cluster.servers.indexOf(server) + 1}`
  const limited = (name: string): object => ({ subjects: [`${name}.>`] })
  const one = (name: string): string => `${name}.a`
  const options = (lag: Lag, job: string) => ({
    provide: [JetStreamIO.connection({ servers: lag.servers })],
    checkpoints: Checkpoints.directory(join(folder, `${lag.stream}-${job}`), { every: millis(100) }),
    job: `${lag.stream}-${job}`,
  })

  it('a bounded read gives every message', () =>
    whileLagging(limited, one, async lag => {
      const counts = await Promise.all(
        range(0, readsAtATime).map(async () => {
          const source = await testSource(lag.stream).connect(hostContext(lag.servers))
          const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
          const read = await readAll(await source.open(split, { last: null, claimed: 0, note: null }))
          await source.close()
          return read.length
        }),
      )
      assert.deepEqual(counts, Array<number>(readsAtATime).fill(messages))
    }))

  it('an unbounded read gives every message, and is not idle before', () =>
    whileLagging(limited, one, async lag => {
      await Promise.all(
        range(0, readsAtATime).map(async () => {
          const source = await testSource(lag.stream, { stop: null }).connect(hostContext(lag.servers))
          const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
          const reader = await source.open(split, { last: null, claimed: 0, note: null })
          let read = 0
          let early = false
          await until('all messages', () => {
            for (let batch = reader.poll(500); batch !== null; batch = reader.poll(500)) read += batch.values.length
            early ||= read < messages && reader.status()._tag === 'idle'
            return read >= messages
          })
          await until('the proof that nothing is left', () => reader.status()._tag === 'idle')
          assert.deepEqual([read, early], [messages, false])
          await source.close()
        }),
      )
    }))

  it('a read of the newest message of each subject lists every subject', () =>
    whileLagging(
      limited,
      (name, i) => `${name}.${i}`,
      async lag => {
        const counts = await Promise.all(
          range(0, readsAtATime).map(async () => {
            const source = await testSource(lag.stream, { start: StartAt.lastPerSubject }).connect(hostContext(lag.servers))
            const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
            const read = await readAll(await source.open(split, { last: null, claimed: 0, note: null }))
            await source.close()
            return new Set(read.map(({ subject }) => subject)).size
          }),
        )
        assert.deepEqual(counts, Array<number>(readsAtATime).fill(messages))
      },
    ))

  it('a watch of a bucket keeps every key', () =>
    whileLagging(
      name => ({ name: `KV_${name}`, subjects: [`$KV.${name}.>`], max_msgs_per_subject: 1 }),
      (name, i) => `$KV.${name}.${i % 2_000}`,
      async lag => {
        const bucket = lag.stream.slice('KV_'.length)
        const keys = await Promise.all(
          range(0, readsAtATime).map(async i => {
            const found = new Map<string, number>()
            const pipeline = Pipeline.of(
              pipe(
                KvIO.watch({ bucket, coder: Coder.string }),
                PCollection.orFail,
                PCollection.map(({ key, revision }) => {
                  found.set(key, revision)
                  return key
                }),
                PCollection.ignore,
              ),
            )
            await orThrow(DirectRunner.run({ ...options(lag, `watch-${i}`), until: 'end' })(pipeline))
            return [found.size, Math.min(...found.values()) > 2_000] as const
          }),
        )
        assert.deepEqual(
          keys,
          range(0, readsAtATime).map(() => [2_000, true] as const),
        )
      },
    ))

  it('a look for stored outputs finds every one', () =>
    whileLagging(limited, one, async lag => {
      const prefix = idPrefix('run-1', 'write#1')
      const js = jetstream(lag.nc)
      await Promise.all(
        range(0, 100).map(i => js.publish(`${lag.stream}.b`, 'out', { msgID: outputId(prefix, shortHash('origin'), i, 0) })),
      )
      const context = hostContext(lag.servers)
      const link = await acquire(context, undefined, 'write')
      const { created } = await jsm.streams.info(lag.stream)
      const counts = await Promise.all(
        range(0, readsAtATime).map(async () => {
          let found = 0
          await scanIds({ link, context, stream: lag.stream, label: 'the test', created }, 1, () => {
            found++
          })
          return found
        }),
      )
      await link.release()
      assert.deepEqual(counts, Array<number>(readsAtATime).fill(100))
    }))

  it('a bounded read of a subject whose last message lies far from the end gives every message of it', () =>
    whileLagging(
      limited,
      (name, i) => (i < messages - 500 ? `${name}.${i % 100}` : `${name}.other`),
      async lag => {
        const counts = await Promise.all(
          range(0, readsAtATime).map(async i => {
            const pipeline = Pipeline.of(
              pipe(
                JetStreamIO.read({ stream: lag.stream, coder: Coder.string, subjects: [`${lag.stream}.7`], stop: StopAt.end }),
                PCollection.orFail,
                PCollection.ignore,
              ),
            )
            return (await orThrow(DirectRunner.run(options(lag, `rare-${i}`))(pipeline))).metrics.elementsRead
          }),
        )
        assert.deepEqual(counts, Array<number>(readsAtATime).fill((messages - 500) / 100))
      },
    ))

  it('a comparison with what was read waits for the present leader, and does not take a former one’s end for a loss', async () => {
    const told: number[] = []
    await until(
      'an answer of a former leader',
      async () => {
        const name = `L${++rounds}`
        await jsm.streams.add({ name, subjects: [`${name}.>`], num_replicas: 3 })
        await publishAll(nc, () => `${name}.a`, 100)
        const leader = cluster.server((await jsm.streams.info(name)).cluster?.leader ?? '')
        const place = { context: hostContext(leader.url), stream: name, label: 'the test' }
        const link = await acquire(place.context, undefined, 'read')
        const others = await connect({ servers: cluster.servers.flatMap(server => (server === leader ? [] : [server.url])) })
        const otherJsm = await jetstreamManager(others, { checkAPI: false })
        const stale = await link.jsm.streams.info(name)
        await leader.pause()
        try {
          await until('another leader', async () => {
            const info = await otherJsm.streams.info(name).catch(() => null)
            return (info?.cluster?.leader ?? leaderName(leader)) !== leaderName(leader)
          })
          await publishAll(others, () => `${name}.a`, 500)
          const last = await otherJsm.streams.getMessage(name, { seq: 600 })
          const history = new StreamHistory({ link, ...place }, place.context.log)
          history.received(600, last?.time.getTime() ?? assert.fail('no message'))
          const before = link.jsm.streams.info(name)
          const { signal } = place.context
          const verified = persistently({ what: 'the test', signal, link }, () => history.verify(stale))
          await new Promise(resolve => setTimeout(resolve, 50))
          // What is asked between two stale answers is answered by the former leader as well.
          const behind = link.jsm.streams.info(name)
          await new Promise(resolve => setTimeout(resolve, 50))
          leader.resume()
          const [one, other] = await Promise.all([before, behind, verified])
          const end = Math.max(one.state.last_seq, other.state.last_seq)
          told.push(end)
          return end < 600
        } finally {
          leader.resume()
          await others.close()
          await link.release()
          await cluster.ready()
          await until('a deleted stream', () => jsm.streams.delete(name).catch(() => false))
        }
      },
      200_000,
    )
    assert.isTrue(
      told.some(end => end < 600),
      'a former leader answered',
    )
  })

  it('a relay that begins then stores each message once', () =>
    whileLagging(limited, one, async lag => {
      const out = `${lag.stream}_OUT`
      await jsm.streams.add({ name: out, subjects: [out], num_replicas: 3 })
      const pipeline = Pipeline.of(
        pipe(
          JetStreamIO.read({ stream: lag.stream, coder: Coder.string, stop: StopAt.end }),
          PCollection.orFail,
          JetStreamIO.write({ stream: out, subject: out, coder: Encoder.text() }),
        ),
      )
      await orThrow(DirectRunner.run(options(lag, 'relay'))(pipeline))
      assert.strictEqual((await jsm.streams.info(out)).state.messages, messages)
    }))
})
