// A server asked through WebSockets, plain and encrypted: all that holds of other connections holds of these, and neither kind disturbs the
// other's way back.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { assert } from 'chai'
import { Checkpoints, Coder, PCollection, Pipeline, millis, orThrow, pipe } from '../../sdk/index.ts'
import { type ConnectionOptions, JetStreamIO } from '../../io/jetstream/index.ts'
import { type ConfigurationValue, NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'
import { freePorts } from '../../io/jetstream/testing/nats-cluster.ts'
import { share } from '../../io/nats/pool.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { type Authority, hasOpenssl, makeAuthority } from '../support/authority.ts'
import { rejection } from '../support/jetstream-context.ts'
import { logins } from '../support/logins.ts'
import { streamTexts } from '../support/read-stream.ts'
import { skip } from '../support/skip.ts'
import { pause } from '../support/nats-place.ts'

const reconnect = { reconnectWait: millis(20), reconnectMaxWait: millis(100) }

describe('A connection through WebSockets', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-web-sockets-'))
    await writeFile(join(folder, 'password'), 'hunter2')
    await writeFile(join(folder, 'wrong'), 'hunter3')
  })
  after(() => rm(folder, { recursive: true }))

  const login = (file = 'password') => ({ user: 'ann', password: `\${file:${join(folder, file)}}` })

  const withServer = async (
    websocket: Readonly<Record<string, ConfigurationValue>>,
    use: (at: string, server: RunningServer) => Promise<void>,
    others: Readonly<Record<string, ConfigurationValue>> = { authorization: { user: 'ann', password: 'hunter2' } },
  ): Promise<void> => {
    const [port = 0] = await freePorts(1)
    const config = { ...others, websocket: { host: '127.0.0.1', port, ...websocket } }
    const server = await NatsServer.start({ control: true, config })
    try {
      await use(`127.0.0.1:${port}`, server)
    } finally {
      await server.stop()
    }
  }

  const connected = (options: ConnectionOptions) => {
    const bound = JetStreamIO.connection({ ...reconnect, ...options })
    return share(() => bound, undefined, 'read')
  }

  /** What is said where it is not let in. */
  const turnedAway = async (options: ConnectionOptions, named = 'CannotConnect'): Promise<string> => {
    const error = await rejection(connected(options))
    assert.strictEqual(error.name, named)
    return error.message
  }

  it('is let in by what lets others in, and by nothing else', () =>
    withServer({ no_tls: true }, async (at, { port }) => {
      const servers = `ws://${at}`
      const link = await connected({ servers, ...login() })
      await link.nc.flush()
      await link.release()
      const refused = await turnedAway({ servers, ...login('wrong') }, 'AuthenticationFailed')
      assert.include(refused, servers)
      assert.notInclude(refused, 'hunter')
      assert.include(await turnedAway({ servers: 'ws://127.0.0.1:9', ...login() }), 'ws://127.0.0.1:9: connection refused')
      assert.include(await turnedAway({ servers: `ws://127.0.0.1:${port}`, ...login() }), 'Parse Error', 'the port for others')
    }))

  for (const [way, made] of Object.entries(logins))
    it(`logs in with ${way}`, async () => {
      const { config, right, wrong } = await made(folder)
      const use = async (at: string): Promise<void> => {
        const link = await connected({ servers: `ws://${at}`, ...right })
        await link.nc.flush()
        await link.release()
        await turnedAway({ servers: `ws://${at}`, ...wrong }, 'AuthenticationFailed')
      }
      await withServer({ no_tls: true }, use, config)
    })

  it('reads and writes once, over a restart of the server, beside a connection of the other kind', () =>
    withServer({ no_tls: true }, async (at, server) => {
      const beside = await connected({ servers: server.url, ...login() })
      const [jsm, js] = [await jetstreamManager(beside.nc), jetstream(beside.nc)]
      for (const name of ['IN', 'OUT']) await jsm.streams.add({ name, subjects: [name.toLowerCase()] })
      const publish = async (from: number, to: number): Promise<void> => {
        for (let n = from; n < to; n++) await js.publish('in', n === 7 ? `7 ${'x'.repeat(900_000)}` : String(n))
      }
      const arrived = async (count: number): Promise<void> => {
        while ((await jsm.streams.info('OUT')).state.messages < count) await pause(5)
      }
      const pipeline = Pipeline.of(
        pipe(
          JetStreamIO.read({ stream: 'IN', coder: Coder.string }),
          PCollection.orFail,
          JetStreamIO.write({ stream: 'OUT', subject: 'out', coder: Coder.string }),
        ),
      )
      await publish(0, 200)
      const job = await orThrow(
        DirectRunner.start({
          provide: [JetStreamIO.connection({ servers: `ws://${at}`, ...login(), ...reconnect })],
          checkpoints: Checkpoints.directory(join(folder, 'job'), { every: millis(50) }),
          job: 'relay',
        })(pipeline),
      )
      await arrived(200)
      await server.kill()
      await server.restart()
      while (!beside.isConnected()) await pause(5)
      await publish(200, 400)
      await arrived(400)
      await orThrow(job.cancel)
      const texts = await streamTexts(beside.nc, 'OUT')
      assert.deepEqual(
        texts.map(text => Number(text.split(' ')[0])),
        Array.from({ length: 400 }, (_, n) => n),
      )
      assert.lengthOf(texts[7] ?? '', 900_002)
      await beside.release()
    }))

  it('is given up while its server says nothing', () =>
    withServer({ no_tls: true }, async (at, server) => {
      const link = await connected({ servers: `ws://${at}`, ...login() })
      await server.pause()
      const [said] = await Promise.all([turnedAway({ servers: `ws://${at}`, ...login(), inboxPrefix: 'OTHER' }), link.release()])
      assert.include(said, 'timeout')
      assert.include(said, 'listens for WebSockets')
      server.resume()
    }))

  describe('with TLS', () => {
    let authority: Authority
    before(function () {
      if (!hasOpenssl()) skip(this, 'there is no openssl here')
      authority = makeAuthority(folder)
    })

    it('trusts an authority of its own, and no other, and comes back', () => {
      const { ca, server: pair } = authority
      return withServer({ tls: { cert_file: pair.cert, key_file: pair.key } }, async (at, server) => {
        const servers = `wss://${at}`
        assert.include(await turnedAway({ servers, ...login() }), 'certificate')
        assert.include(await turnedAway({ servers, ...login(), tlsCaFile: '/nowhere' }), '/nowhere')
        const link = await connected({ servers, ...login(), tlsCaFile: ca })
        const back = new Promise<void>(resolve => link.listen(event => event === 'reconnected' && resolve()))
        await server.kill()
        await server.restart()
        await back
        await link.nc.flush()
        await link.release()
      })
    })

    it('shows a certificate to a server that asks for one', () => {
      const { ca, server: pair, client } = authority
      return withServer({ tls: { cert_file: pair.cert, key_file: pair.key, ca_file: ca, verify: true } }, async at => {
        const asked = { servers: `wss://${at}`, ...login(), tlsCaFile: ca }
        await turnedAway(asked)
        const link = await connected({ ...asked, tlsCertFile: client.cert, tlsKeyFile: client.key })
        await link.nc.flush()
        await link.release()
      })
    })
  })
})
