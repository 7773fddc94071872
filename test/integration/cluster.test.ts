// A relay through streams with three replicas, while their leaders are lost in every way there is: nothing is lost, nothing is repeated.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { headers as makeHeaders } from '@nats-io/nats-core'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Checkpoints, Coder, PCollection, Pipeline, millis, orThrow, pipe } from 'jetbeam'
import { JetStreamIO, StopAt } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { NatsCluster, type RunningCluster, type RunningServer } from 'jetbeam/testing/nats-server'
import { idPrefix, outputId, shortHash } from '../../io/jetstream/output-ids.ts'
import { hostContext, outputs, sinkContext, testSink } from '../support/jetstream-context.ts'
import { pause } from '../support/nats-place.ts'
import { readStream } from '../support/read-stream.ts'
import { steadyConnection } from '../support/steady-connection.ts'

const messages = 8_000

describe('A relay through streams with three replicas', () => {
  let cluster: RunningCluster
  let nc: NatsConnection
  let jsm: JetStreamManager
  let folder = ''

  before(async () => {
    cluster = await NatsCluster.start({ config: { lame_duck_grace_period: '1s', lame_duck_duration: '30s' } })
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-cluster-'))
    nc = await steadyConnection(cluster.url)
    jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'IN', subjects: ['in'], num_replicas: 3 })
    const payload = (i: number): string => `${i}`
    for (let i = 0; i < messages; i += 1_000)
      await Promise.all(Array.from({ length: 1_000 }, (_, k) => jetstream(nc).publish('in', payload(i + k))))
  })
  after(async () => {
    await nc.close()
    await cluster.stop()
    await rm(folder, { recursive: true })
  })

  /** While JetStream looks for a leader it does not answer. */
  const patiently = async <A>(ask: () => Promise<A>): Promise<A> => {
    for (let n = 0; ; n++)
      try {
        return await ask()
      } catch (error) {
        if (n > 100) throw error
        await pause(100)
      }
  }
  const leaderOf = async (stream: string): Promise<RunningServer> => {
    const leader = await patiently(async () => {
      const name = (await jsm.streams.info(stream)).cluster?.leader
      if (name === undefined || name === '') throw new Error(`${stream} has no leader`)
      return name
    })
    return cluster.server(leader)
  }
  const count = (stream: string): Promise<number> => patiently(async () => (await jsm.streams.info(stream)).state.messages)

  let jobs = 0
  const relay = async (disturb: (out: string) => Promise<void>): Promise<void> => {
    const out = `OUT${++jobs}`
    await patiently(() => jsm.streams.add({ name: out, subjects: [out.toLowerCase()], num_replicas: 3 }))
    const pipeline = Pipeline.of(
      pipe(
        JetStreamIO.read({ stream: 'IN', coder: Coder.bytes, stop: StopAt.end }),
        PCollection.orFail,
        JetStreamIO.write({ stream: out, subject: out.toLowerCase(), coder: Coder.bytes }),
      ),
    )
    const run = orThrow(
      DirectRunner.run({
        provide: [JetStreamIO.connection({ servers: cluster.url })],
        checkpoints: Checkpoints.directory(join(folder, out), { every: millis(100) }),
      })(pipeline),
    )
    const disturbed = (async () => {
      while ((await count(out)) < 300) await pause(5)
      assert.isBelow(await count(out), messages, 'it is still at work')
      await disturb(out)
    })()
    await Promise.all([run, disturbed])
    const found = new Map<string, number>()
    await patiently(async () => {
      found.clear()
      const read = await readStream(nc, out, payload => {
        const text = Buffer.from(payload).toString()
        found.set(text, (found.get(text) ?? 0) + 1)
      })
      if (read !== (await count(out))) throw new Error('the reader of the test was disturbed')
    })
    const duplicated = [...found.values()].filter(times => times > 1).length
    assert.deepEqual({ lost: messages - found.size, duplicated }, { lost: 0, duplicated: 0 })
  }

  it('loses nothing and repeats nothing when the leaders of both are killed', () =>
    relay(async out => {
      const ofOut = await leaderOf(out)
      await ofOut.kill()
      await pause(300)
      await ofOut.restart()
      await cluster.ready()
      const ofIn = await leaderOf('IN')
      await ofIn.kill()
      await pause(300)
      await ofIn.restart()
    }))

  it('stores an output once that another process has sent, and that is still being replicated (10158)', async () => {
    await patiently(() => jsm.streams.add({ name: 'TWICE', subjects: ['twice'], num_replicas: 3 }))
    const leader = await leaderOf('TWICE')
    const followers = cluster.servers.filter(server => server !== leader)
    const direct = await connect({ servers: leader.url })
    const host = hostContext(leader.url)
    const reasons = (): string => host.fields.map(({ reason }) => String(reason)).join()
    const sink = await testSink('TWICE').connect(sinkContext(leader.url, { log: host.log }))
    const headers = makeHeaders()
    headers.set('Nats-Msg-Id', outputId(idPrefix('run-1', 'write#1'), shortHash('origin'), 7, 0))
    await Promise.all(followers.map(server => server.pause()))
    // Nobody acknowledges it: two of three do not hear of it.
    direct.publish('twice', 'value 7', { headers, reply: 'nobody' })
    await direct.flush()
    sink.publish('origin', outputs('twice', [7]))
    while (!reasons().includes('10158') && sink.failure() === null) await pause(10)
    for (const server of followers) server.resume()
    await sink.flush()
    await sink.close()
    await direct.close()
    const stored: string[] = []
    await patiently(() => readStream(nc, 'TWICE', payload => void stored.push(Buffer.from(payload).toString())))
    assert.deepEqual([...new Set(stored)], ['value 7'])
    assert.strictEqual(await count('TWICE'), 1)
    await cluster.ready()
  })

  it('loses nothing and repeats nothing when leaders step down', () =>
    relay(async out => {
      for (const stream of ['IN', out, 'IN', out]) {
        await patiently(() => nc.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, '', { timeout: 2_000 }))
        await pause(200)
      }
    }))

  it('loses nothing and repeats nothing when the server of a leader goes into lame-duck mode', async () => {
    const retired: RunningServer[] = []
    await relay(async out => {
      const server = await leaderOf(out)
      server.retire()
      retired.push(server)
    })
    for (const server of retired) {
      // Its clients are asked to leave one after the other, and it waits for the last.
      await server.kill()
      await server.restart()
    }
  })
})
