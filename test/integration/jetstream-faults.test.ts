// Reading through faults: a killed server, a cut connection, a connection through which nothing passes.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { hostContext, range, readAll, testSource, wait } from '../support/jetstream-context.ts'
import { NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'

const messages = 30_000

describe('JetStreamIO.read, through faults', function () {
  this.timeout(60_000)
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

  const readSlowly = async (url: string, disturb: () => Promise<void>): Promise<void> => {
    const context = hostContext(url)
    const source = await testSource('FAULTS').connect(context)
    const [split] = await source.resolve({ desired: 1, toEnd: false })
    assert.isDefined(split)
    const reader = await source.open(split, { last: null, claimed: 0, note: null })
    const head = await readAll(reader, read => read.length >= 500)
    const disturbed = disturb()
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

  it('notices within seconds that nothing passes any more', async () => {
    const proxy = await tcpProxy(server.port)
    proxy.throttle(8_000_000)
    await readSlowly(`nats://127.0.0.1:${proxy.port}`, async () => {
      proxy.stall(true)
      await wait(4_000)
      proxy.stall(false)
    })
    await proxy.close()
  })
})
