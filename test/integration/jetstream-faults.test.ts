// Reading through faults: a killed server, a cut connection, a connection through which nothing passes.
import { readFile } from 'node:fs/promises'
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { SplitBy } from '../../io/jetstream/index.ts'
import type { StreamMessage } from '../../io/jetstream/message.ts'
import { pullDefaults } from '../../io/jetstream/pull-window.ts'
import type { SourceOptions } from '../../io/jetstream/source.ts'
import { hostContext, outputs, range, readAll, rejection, sinkContext, testSink, testSource, wait } from '../support/jetstream-context.ts'
import { NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'
import type { SplitReader } from '../../sdk/splittable/source.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'

const messages = 30_000
const asking = '$JS.API.CONSUMER.MSG.NEXT.FAULTS.'

describe('JetStreamIO.read, through faults', () => {
  let server: RunningServer

  before(async () => {
    server = await NatsServer.start({ control: true })
    const nc = await connect({ servers: server.url })
    await (await jetstreamManager(nc)).streams.add({ name: 'FAULTS', subjects: ['faults'] })
    const js = jetstream(nc)
    const payload = new Uint8Array(500)
    for (let i = 0; i < messages; i += 1_000) await Promise.all(range(0, 1_000).map(() => js.publish('faults', payload)))
    await nc.close()
  })
  after(() => server.stop())

  const pull = { ...pullDefaults, heartbeatMs: 200 }
  const readSlowly = async (url: string, disturb: (reader: SplitReader<StreamMessage>) => Promise<void>): Promise<void> => {
    const context = hostContext(url)
    const source = await testSource('FAULTS', { pull }).connect(context)
    const [split] = await source.resolve({ desired: 1, toEnd: false })
    assert.isDefined(split)
    const reader = await source.open(split, { last: null, claimed: 0, note: null })
    const head = await readAll(reader, read => read.length >= 500)
    const disturbed = disturb(reader)
    const rest = await readAll(reader)
    await disturbed
    assert.deepEqual(
      [...head, ...rest].map(m => m.sequence),
      range(1, messages + 1),
    )
    await source.close()
  }

  it('reads each message once and in order while the server is killed and started again', () =>
    readSlowly(server.url, async () => {
      await server.kill()
      await wait(300)
      await server.restart()
    }))

  it('reads each message once and in order while its connection is cut', async () => {
    const proxy = await tcpProxy(server.port)
    proxy.throttle(8_000_000)
    await readSlowly(`nats://127.0.0.1:${proxy.port}`, async () => {
      for (let i = 0; i < 5; i++) {
        proxy.cut()
        await wait(300)
      }
    })
    await proxy.close()
  })

  const renewals = (reader: SplitReader<StreamMessage>): number => reader.metrics?.()['renewals'] ?? 0

  it('begins anew by itself when nothing passes any more, though nobody closes its connection', async () => {
    const proxy = await tcpProxy(server.port)
    proxy.throttle(8_000_000)
    await readSlowly(`nats://127.0.0.1:${proxy.port}`, async reader => {
      proxy.stall(true)
      while (renewals(reader) === 0) await wait(20)
      assert.strictEqual(proxy.made(), 1)
      proxy.stall(false)
    })
    await proxy.close()
  })

  it('begins anew alone, and loses and repeats nothing, when nobody serves its consumer though the connection is well', () =>
    managing(async (jsm, nc) => {
      await jsm.streams.add({ name: 'BESIDE', subjects: ['beside'] })
      await jetstream(nc).publish('beside', 'hello')
      // As of a leader that hangs: somebody takes the requests, and does not answer.
      nc.subscribe('-JS.API.CONSUMER.MSG.NEXT.>')
      await nc.flush()
      let isSilent = false
      const proxy = await tcpProxy(server.port, request => {
        for (let at = request.indexOf(asking); isSilent && at >= 0; at = request.indexOf(asking, at + 1)) request.write('-', at)
      })
      const context = hostContext(`nats://127.0.0.1:${proxy.port}`)
      const opened = async (stream: string, o: Partial<SourceOptions>) => {
        const source = await testSource(stream, o).connect(context)
        const [split = assert.fail('no split')] = await source.resolve({ desired: 1, toEnd: false })
        return { source, reader: await source.open(split, { last: null, claimed: 0, note: null }) }
      }
      // So patient that no busy machine makes it begin anew.
      const patient = { ...pullDefaults, heartbeatMs: 60_000, expiresMs: 120_000 }
      const beside = await opened('BESIDE', { stop: null, pull: patient })
      await readAll(beside.reader, read => read.length > 0)
      const { source, reader } = await opened('FAULTS', { pull })
      const head = await readAll(reader, read => read.length >= 500)
      isSilent = true
      const resting = readAll(reader)
      while (renewals(reader) < 2) await wait(20)
      isSilent = false
      assert.deepEqual(
        [...head, ...(await resting)].map(m => m.sequence),
        range(1, messages + 1),
      )
      assert.deepEqual([proxy.made(), renewals(beside.reader)], [1, 0])
      assert.include(context.logged.join(), 'reading on with a new consumer')
      assert.include(JSON.stringify(context.fields), 'the server is silent')
      await source.close()
      await beside.source.close()
      await proxy.close()
    }))

  /** Another connection, for what an operator may do meanwhile. */
  const managing = async (manage: (jsm: JetStreamManager, nc: NatsConnection) => Promise<void>): Promise<void> => {
    const nc = await connect({ servers: server.url })
    await manage(await jetstreamManager(nc), nc).finally(() => nc.close())
  }

  const deleteConsumers = (): Promise<void> =>
    managing(async jsm => {
      for (const { name } of await jsm.consumers.list('FAULTS').next()) await jsm.consumers.delete('FAULTS', name)
    })

  it('reads each message once and in order while its consumer is deleted', async () => {
    const proxy = await tcpProxy(server.port)
    proxy.throttle(8_000_000)
    await readSlowly(`nats://127.0.0.1:${proxy.port}`, async () => {
      for (let i = 0; i < 3; i++) {
        await deleteConsumers()
        await wait(200)
      }
    })
    await proxy.close()
  })

  it('reads on with a new consumer when nothing was left to read as the old one was deleted', () =>
    managing(async (jsm, nc) => {
      await jsm.streams.add({ name: 'QUIET', subjects: ['quiet'] })
      const source = await testSource('QUIET', { stop: null }).connect(hostContext(server.url))
      const [split] = await source.resolve({ desired: 1, toEnd: false })
      assert.isDefined(split)
      const reader = await source.open(split, { last: null, claimed: 0, note: null })
      for (const { name } of await jsm.consumers.list('QUIET').next()) await jsm.consumers.delete('QUIET', name)
      await jetstream(nc).publish('quiet', 'hello')
      assert.equal((await readAll(reader, read => read.length > 0)).length, 1)
      await source.close()
    }))

  it('reads each message once and in order from a server that takes it for a slow consumer and ends its connection', async () => {
    const strict = await NatsServer.start({ control: true, config: { max_payload: 65_536, max_pending: 262_144 } })
    try {
      const proxy = await tcpProxy(strict.port)
      const nc = await connect({ servers: strict.url })
      await (await jetstreamManager(nc)).streams.add({ name: 'FAULTS', subjects: ['faults'] })
      for (let i = 0; i < 200; i++) await jetstream(nc).publish('faults', new Uint8Array(50_000))
      await nc.close()
      const context = hostContext(`nats://127.0.0.1:${proxy.port}`)
      const source = await testSource('FAULTS').connect(context)
      const [split] = await source.resolve({ desired: 1, toEnd: false })
      assert.isDefined(split)
      const read = await readAll(await source.open(split, { last: null, claimed: 0, note: null }))
      assert.deepEqual(
        read.map(m => m.sequence),
        range(1, 201),
      )
      await source.close()
      await proxy.close()
      const log = await readFile(strict.logFile ?? '', 'utf8')
      assert.match(log, /Slow Consumer/)
    } finally {
      await strict.stop()
    }
  })

  const losses: ReadonlyArray<readonly [what: string, lose: (jsm: JetStreamManager) => Promise<unknown>, error: string]> = [
    ['deleted', jsm => jsm.streams.delete('GONE'), 'StreamNotFound'],
    [
      'deleted and made anew',
      async jsm => {
        await jsm.streams.delete('GONE')
        await jsm.streams.add({ name: 'GONE', subjects: ['gone'] })
      },
      'StreamRecreated',
    ],
  ]
  for (const [what, lose, named] of losses)
    it(`fails by name when its stream is ${what}, and so does a write`, () =>
      managing(async (jsm, nc) => {
        await jsm.streams.delete('GONE').catch(() => undefined)
        await jsm.streams.add({ name: 'GONE', subjects: ['gone'] })
        await jetstream(nc).publish('gone', 'hello')
        const source = await testSource('GONE', { stop: null }).connect(hostContext(server.url))
        const [split] = await source.resolve({ desired: 1, toEnd: false })
        assert.isDefined(split)
        const reader = await source.open(split, { last: null, claimed: 0, note: null })
        await readAll(reader, read => read.length > 0)
        const sink = await testSink('GONE').connect(sinkContext(server.url))
        await lose(jsm)
        // A reader may look before there is another one.
        assert.include([named, 'StreamNotFound'], (await rejection(readAll(reader))).name)
        if (named === 'StreamNotFound') {
          sink.publish('origin', outputs('gone', [1]))
          assert.equal((await rejection(sink.flush())).name, named)
        }
        await sink.close()
        await source.close()
      }))

  it('says once, with their number, that many readers read on', async () => {
    await managing(async (jsm, nc) => {
      await jsm.streams.add({ name: 'MANY', subjects: ['many.*'] })
      for (const i of range(0, 40)) await jetstream(nc).publish(`many.${i}`, 'hello')
    })
    const context = hostContext(server.url)
    const source = await testSource('MANY', { stop: null, splitBy: SplitBy.subject() }).connect(context)
    const splits = await source.resolve({ desired: 1, toEnd: false })
    const readers = await Promise.all(splits.map(split => source.open(split, { last: null, claimed: 0, note: null })))
    await server.kill()
    await server.restart()
    await managing(async (_jsm, nc) => {
      for (const i of range(0, 40)) await jetstream(nc).publish(`many.${i}`, 'again')
    })
    for (const [i, reader] of readers.entries()) if (splits[i]?.id !== 'beginning') await readAll(reader, read => read.length > 1)
    await source.close()
    const said = context.logged.filter(line => /read(ing)? on with/.test(line))
    assert.deepEqual(said, ['JetStreamIO.read(MANY): 40 readers read on with new consumers'])
  })
})
