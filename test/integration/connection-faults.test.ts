// What ends a read and a write at once because waiting would not mend it; and what is waited for, for as long as the connection says.
import { writeFile } from 'node:fs/promises'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { millis, seconds } from '../../sdk/index.ts'
import { JetStreamIO } from '../../io/jetstream/index.ts'
import { type Configuration, NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'
import { type At, hostContext, outputs, readAll, rejection, sinkContext, testSink, testSource } from '../support/jetstream-context.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'

const admin = { user: 'admin', password: 'a' }
const ann = (permissions?: object) => ({ user: 'ann', password: 'p', ...(permissions === undefined ? {} : { permissions }) })
const users = (...others: ReadonlyArray<object>): Configuration => ({
  authorization: { users: [admin, ...others].map(user => ({ ...user })) },
})

describe('A connection', () => {
  let server: RunningServer

  before(async () => {
    server = await NatsServer.start({ control: true, config: users(ann()) })
    const asAdmin = await connect({ servers: server.url, user: 'admin', pass: 'a' })
    await (await jetstreamManager(asAdmin)).streams.add({ name: 'S', subjects: ['s.>'] })
    await jetstream(asAdmin).publish('s.a', 'hello')
    await asAdmin.close()
  })
  after(() => server.stop())

  const annAt = (o: object = {}): At => ({ servers: server.url.replace('//', '//ann:p@'), reconnectWait: millis(20), ...o })

  const restartWith = async (config: Configuration, whileDown: () => Promise<void> = () => Promise.resolve()): Promise<void> => {
    await server.kill()
    const text = Object.entries(config).map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
    await writeFile(server.logFile?.replace('.log', '.conf') ?? '', text.join(''))
    await whileDown()
    await server.restart()
  }

  /** A reader that has read all there is, and waits. */
  const waiting = async (at: At) => {
    const source = await testSource('S', { stop: null }).connect(hostContext(at))
    try {
      const [split] = await source.resolve({ desired: 1, toEnd: false })
      assert.isDefined(split)
      const reader = await source.open(split, { last: null, claimed: 0, note: null })
      await readAll(reader, read => read.length > 0)
      return { source, reader, fails: () => rejection(readAll(reader)) }
    } catch (error) {
      await source.close()
      throw error
    }
  }

  it('with wrong credentials is refused at once, by name, and nothing secret is said', async () => {
    for (const login of ['ann:hunter2', 'nobody:hunter2']) {
      const error = await rejection(testSource('S').connect(hostContext(server.url.replace('//', `//${login}@`))))
      assert.equal(error.name, 'AuthenticationFailed')
      assert.include(error.message, `127.0.0.1:${server.port} does not let this user in`)
      assert.notInclude(error.message, 'hunter2')
    }
    const error = await rejection(testSink('S').connect(sinkContext(server.url)))
    assert.equal(error.name, 'AuthenticationFailed')
  })

  it('whose credentials are no longer taken ends who uses it', async () => {
    const { source, fails } = await waiting(annAt())
    const sink = await testSink('S').connect(sinkContext(annAt()))
    await restartWith(users(), () => {
      sink.publish('origin', outputs('s.b', [1]))
      return Promise.resolve()
    })
    for (const error of [await fails(), await rejection(sink.flush())]) {
      assert.equal(error.name, 'AuthenticationFailed')
      assert.match(error.message, /JetStreamIO.*does not let this user in.*from its checkpoint/)
    }
    await source.close()
    await sink.close()
    await restartWith(users(ann()))
  })

  it('that was closed ends who uses it, and says by whom', async () => {
    const nc = await connect({ servers: server.url, user: 'ann', pass: 'p' })
    const bound = JetStreamIO.existingConnection(nc)
    const context = { ...sinkContext(server.url), binding: () => bound }
    const source = await testSource('S', { stop: null }).connect(context)
    const [split] = await source.resolve({ desired: 1, toEnd: false })
    assert.isDefined(split)
    const reader = await source.open(split, { last: null, claimed: 0, note: null })
    const sink = await testSink('S').connect(context)
    await nc.close()
    const failures = [await rejection(readAll(reader)), sink.failure(), await rejection(source.resolve({ desired: 1, toEnd: false }))]
    for (const error of failures) {
      assert.equal(error?.name, 'ConnectionClosed')
      assert.include(error?.message, 'was closed, by this program')
    }
    await source.close()
    await sink.close()
  })

  it('comes back, and reading and writing go on, when its server does', async () => {
    const { source, reader } = await waiting(annAt())
    const sink = await testSink('S').connect(sinkContext(annAt()))
    await restartWith(users(ann()), () => {
      sink.publish('origin', outputs('s.b', [1]))
      return Promise.resolve()
    })
    await sink.flush()
    assert.equal((await readAll(reader, read => read.length > 0))[0]?.subject, 's.b')
    await source.close()
    await sink.close()
  })

  it('is made again where a server dies while it greets, long before reconnectFor is over', async () => {
    // The second connection is cut once its client has answered the greeting.
    const proxy = await tcpProxy(server.port, () => {
      if (proxy.made() === 2) proxy.cut()
    })
    const at = { servers: `nats://ann:p@127.0.0.1:${proxy.port}`, reconnectWait: millis(20), reconnectFor: seconds(12) }
    const { source, reader } = await waiting(at)
    proxy.cut()
    const sink = await testSink('S').connect(sinkContext(annAt()))
    sink.publish('origin', outputs('s.c', [3]))
    await sink.flush()
    assert.equal((await readAll(reader, read => read.some(({ subject }) => subject === 's.c'))).at(-1)?.subject, 's.c')
    assert.isAbove(proxy.made(), 2)
    await sink.close()
    await source.close()
    await proxy.close()
  })

  it('is waited for as long as reconnectFor says, and no longer', async () => {
    const at = annAt({ reconnectFor: millis(400) })
    const { source, fails } = await waiting(at)
    const sink = await testSink('S').connect(sinkContext(at))
    await restartWith(users(ann()), async () => {
      sink.publish('origin', outputs('s.b', [2]))
      for (const error of [await fails(), await rejection(sink.flush())]) {
        assert.equal(error.name, 'ServerUnavailable')
        assert.match(error.message, /for 0.4 s.*from its checkpoint/)
      }
    })
    await source.close()
    await sink.close()
  })

  const denied: ReadonlyArray<readonly [what: string, permissions: object, said: RegExp]> = [
    ['ask for messages', { publish: { deny: '$JS.API.CONSUMER.MSG.NEXT.>' } }, /to publish to \$JS.API.CONSUMER.MSG.NEXT.S/],
    ['look at streams', { publish: { deny: '$JS.API.STREAM.INFO.>' } }, /to publish to \$JS.API.STREAM.INFO.S/],
    ['take answers', { subscribe: { deny: '_INBOX.*.*' } }, /to subscribe to _INBOX/],
  ]
  for (const [what, permissions, said] of denied)
    it(`whose user may not ${what} ends a read at once`, async () => {
      await restartWith(users(ann(permissions)))
      const error = await rejection(waiting(annAt()))
      assert.equal(error.name, 'NotPermitted')
      assert.match(error.message, said)
      await restartWith(users(ann()))
    })

  it('whose user may not publish to a subject ends a write at once', async () => {
    await restartWith(users(ann({ publish: { deny: 's.secret' } })))
    const sink = await testSink('S').connect(sinkContext(annAt()))
    sink.publish('origin', outputs('s.open', [1]))
    await sink.flush()
    sink.publish('origin', outputs('s.secret', [2]))
    const error = await rejection(sink.flush())
    assert.equal(error.name, 'NotPermitted')
    assert.include(error.message, 'to publish to s.secret')
    await sink.close()
    await restartWith(users(ann()))
  })

  it('through which nothing that is asked for comes lets a reader begin again, so often and no more', async () => {
    await restartWith({ ...(users(ann()) as object), mappings: { '$JS.API.CONSUMER.MSG.NEXT.>': 'nowhere.>' } })
    const error = await rejection(waiting(annAt({ reconnectFor: millis(500) })))
    assert.equal(error.name, 'ReaderStalled')
    assert.include(error.message, 'JetStreamIO.read(S): for 0.5 s it began again')
    await restartWith(users(ann()))
  })
})
