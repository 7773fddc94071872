// Each way to ask a real server, and what is said where it does not let one in: a message goes through a pipeline, or nothing does.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import { Checkpoints, Decoder, Encoder, PCollection, Pipeline, millis, orThrow, pipe } from '../../sdk/index.ts'
import { JetStreamConfig, JetStreamIO, StopAt } from '../../io/jetstream/index.ts'
import { acquire } from '../../io/jetstream/connections.ts'
import { type Configuration, NatsServer } from '../../io/jetstream/testing/index.ts'
import { DirectRunner } from '../../runners/direct/index.ts'
import { type Authority, hasOpenssl, makeAuthority } from '../support/authority.ts'
import { hostContext, rejection } from '../support/jetstream-context.ts'
import { logins } from '../support/logins.ts'
import { skip } from '../support/skip.ts'

type Keys = Readonly<Record<string, string>>

describe('A connection’s settings', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-connection-'))
  })
  after(() => rm(folder, { recursive: true }))

  const secretFile = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }

  const withServer = async (config: Configuration, use: (address: string) => Promise<void>): Promise<void> => {
    const server = await NatsServer.start({ control: true, config })
    try {
      await use(`127.0.0.1:${server.port}`)
    } finally {
      await server.stop()
    }
  }

  const bindingOf = (address: string, keys: Keys) =>
    JetStreamConfig.connection(JetStreamConfig.json(JSON.stringify({ connection: { servers: [address], ...keys } })))

  const linkTo = (address: string, keys: Keys) => {
    const bound = bindingOf(address, keys)
    return acquire({ ...hostContext(address), binding: () => bound }, undefined, 'read')
  }

  /** One message in, through a pipeline whose checkpoints are on the same server, and out. */
  const letsIn = async (address: string, keys: Keys): Promise<void> => {
    const link = await linkTo(address, keys)
    try {
      for (const name of ['IN', 'OUT']) await link.jsm.streams.add({ name, subjects: [name.toLowerCase()] })
      link.nc.publish('in', 'hello')
      await link.nc.flush()
      const pipeline = Pipeline.of(
        pipe(
          JetStreamIO.read({ stream: 'IN', coder: Decoder.text, stop: StopAt.end }),
          PCollection.orFail,
          JetStreamIO.write({ stream: 'OUT', subject: 'out', coder: Encoder.text() }),
        ),
      )
      const checkpoints = Checkpoints.jetstream({ every: millis(50) })
      await orThrow(DirectRunner.run({ provide: [bindingOf(address, keys)], checkpoints, job: 'relay' })(pipeline))
      assert.strictEqual((await link.jsm.streams.getMessage('OUT', { last_by_subj: 'out' }))?.string(), 'hello')
    } finally {
      await link.release()
    }
  }

  /** Whoever the server lets in, but not JetStream, leaves no connection behind; the wait ends with the test's. */
  const noneIsOpen = async (): Promise<void> => {
    while (process.getActiveResourcesInfo().includes('TCPSocketWrap')) await new Promise(resolve => setTimeout(resolve, 5))
  }

  /** Gives what is said. */
  const turnedAway = async (address: string, keys: Keys, named = 'CannotConnect'): Promise<string> => {
    const error = await rejection(linkTo(address, keys))
    assert.strictEqual(error.name, named)
    await noneIsOpen()
    return error.message
  }

  it('log in with a user and a password, by reference', () =>
    withServer({ authorization: { user: 'ann', password: 'hunter2' } }, async address => {
      const file = await secretFile('password', 'hunter2\n')
      await letsIn(address, { user: 'ann', password: `\${file:${file}}` })
      const wrong = await secretFile('wrong', 'hunter3')
      assert.notInclude(await turnedAway(address, { user: 'ann', password: `\${file:${wrong}}` }, 'AuthenticationFailed'), 'hunter')
      assert.include(await turnedAway(address, { user: 'ann', password: '${file:/nowhere}' }), '/nowhere')
    }))

  for (const [way, made] of Object.entries(logins))
    it(`log in with ${way}`, async () => {
      const { config, right, wrong } = await made(folder)
      await withServer(config, async address => {
        await letsIn(address, right)
        await turnedAway(address, wrong, 'AuthenticationFailed')
      })
    })

  it('take a token from the environment', () =>
    withServer({ authorization: { token: 's3cret' } }, async address => {
      process.env['JETBEAM_TEST_TOKEN'] = 's3cret'
      try {
        for (const keys of [{ token: '${env:JETBEAM_TEST_TOKEN}' }, { tokenVariable: 'JETBEAM_TEST_TOKEN' }]) {
          const link = await linkTo(address, keys)
          await link.release()
        }
      } finally {
        delete process.env['JETBEAM_TEST_TOKEN']
      }
      assert.include(await turnedAway(address, { token: '${env:JETBEAM_TEST_TOKEN}' }), 'JETBEAM_TEST_TOKEN')
      await turnedAway(address, {}, 'AuthenticationFailed')
    }))

  describe('over TLS', () => {
    let authority: Authority
    before(function () {
      if (!hasOpenssl()) skip(this, 'there is no openssl here')
      authority = makeAuthority(folder)
    })

    it('trust an authority of their own, and no other', () =>
      withServer({ tls: { cert_file: authority.server.cert, key_file: authority.server.key } }, async address => {
        await letsIn(`tls://${address}`, { tlsCaFile: authority.ca })
        await turnedAway(`tls://${address}`, {})
      }))

    it('show a certificate to a server that asks for one', () =>
      withServer(
        { tls: { cert_file: authority.server.cert, key_file: authority.server.key, ca_file: authority.ca, verify: true } },
        async address => {
          const { ca, client } = authority
          await letsIn(address, { tlsCaFile: ca, tlsCertFile: client.cert, tlsKeyFile: client.key })
          await turnedAway(address, { tlsCaFile: ca })
        },
      ))

    it('speak to no server that has none', () =>
      withServer({}, async address => {
        await turnedAway(`tls://${address}`, {})
        await turnedAway(address, { tlsCaFile: authority.ca })
      }))
  })

  it('find JetStream in its domain, or where its API is', () =>
    withServer({ jetstream: { domain: 'hub' } }, async address => {
      await letsIn(address, { domain: 'hub' })
      assert.include(await turnedAway(address, { domain: 'spoke' }), '$JS.spoke.API')
      const link = await linkTo(address, { apiPrefix: '$JS.hub.API' })
      await link.release()
    }))

  it('take answers under a prefix, for a user who may subscribe to nothing else', () =>
    withServer(
      { authorization: { users: [{ user: 'ann', password: 'p', permissions: { publish: '>', subscribe: '_INBOX_ann.>' } }] } },
      async address => {
        const password = `\${file:${await secretFile('p', 'p')}}`
        await letsIn(address, { user: 'ann', password, inboxPrefix: '_INBOX_ann' })
        await turnedAway(address, { user: 'ann', password }, 'NotPermitted')
      },
    ))

  it('come back as often as they say', async () => {
    const server = await NatsServer.start({ control: true })
    try {
      const attempts = async (keys: Keys): Promise<number> => {
        const link = await linkTo(`127.0.0.1:${server.port}`, keys)
        let count = 0
        const counted = (async () => {
          for await (const { type } of link.nc.status()) if (type === 'reconnecting') count++
        })()
        await server.kill()
        await new Promise(resolve => setTimeout(resolve, 1_500))
        await server.restart()
        await link.release()
        await counted
        return count
      }
      const eager = await attempts({ reconnectWait: '20ms', reconnectMaxWait: '20ms', reconnectJitter: '0ms' })
      const waning = await attempts({ reconnectWait: '20ms', reconnectMaxWait: '10s', reconnectJitter: '0ms' })
      const patient = await attempts({ reconnectWait: '2s', reconnectJitter: '0ms' })
      assert.isAbove(eager, waning)
      assert.isAbove(waning, patient)
    } finally {
      await server.stop()
    }
  })
})
