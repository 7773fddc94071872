// Failures with a marked secret in each place where one can be: no log, event, metric, error, checkpoint or folder name holds a mark.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { headers as makeHeaders } from '@nats-io/nats-core'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Checkpoints, Coder, Decoder, Encoder, millis, PCollection, type PDone, Pipeline, pipe } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { NatsServer, type RunningServer } from 'jetbeam/testing/nats-server'
import { z } from 'zod'
import { logins } from '../support/logins.ts'

const mark = 'm4rk3d'
const seed = 'SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY'
const marks = new RegExp(`${mark}|${seed}|s3crets?\\b`, 'i')

const textsBelow = async (path: string): Promise<string> => {
  if (!(await stat(path)).isDirectory()) return `${path}\n${await readFile(path, 'latin1')}`
  const names = await readdir(path)
  return [path, ...(await Promise.all(names.map(name => textsBelow(join(path, name)))))].join('\n')
}

describe('A marked secret', () => {
  let server: RunningServer
  let nc: NatsConnection
  let folder: string

  before(async () => {
    server = await NatsServer.start({ control: true })
    nc = await connect({ servers: server.url })
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'IN', subjects: ['in.>'] })
    await jsm.streams.add({ name: 'OUT', subjects: ['out.>'] })
    const headers = makeHeaders()
    headers.set('Authorization', `Bearer ${mark}-1.header`)
    headers.set('X-Api-Key', `${mark}-2`)
    const payload = { n: 1, password: `${mark}-3`, nested: { apiKey: `${mark}-4`, url: `nats://ann:${mark}/5@host` } }
    await jetstream(nc).publish('in.a', JSON.stringify(payload), { headers })
  })
  after(async () => {
    await nc.close()
    await server.stop()
  })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-marks-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const anything = Decoder.json(z.record(z.string(), z.unknown()))
  const read = () => pipe(JetStreamIO.readMessages({ stream: 'IN', coder: anything }), PCollection.orFail)
  const relay = () => pipe(read(), JetStreamIO.writeMessages({ stream: 'OUT', coder: Encoder.json() }))

  /** All that leaves a run, as text; fails where the run does not. */
  const leaving = async (leaf: () => PDone, settings: Parameters<typeof JetStreamIO.connection>[0]): Promise<string> => {
    const told: unknown[] = []
    const checkpoints = join(folder, 'state')
    const ended = await DirectRunner.run({
      job: 'marked',
      beginAnew: true,
      until: 'end',
      provide: [JetStreamIO.connection(settings)],
      checkpoints: Checkpoints.directory(checkpoints, { every: millis(20) }),
      restart: { attempts: 1, initial: millis(1) },
      log: (...record) => void told.push(record),
      onEvent: event => void told.push(event),
      onProgress: metrics => void told.push(metrics),
    })(Pipeline.of(leaf()))()
    assert.strictEqual(ended._tag, 'Left', 'the run did not fail')
    const explained = await DirectRunner.explain({ provide: [JetStreamIO.connection(settings)] })(Pipeline.of(leaf()))()
    const kept = await textsBelow(checkpoints).catch(() => '')
    return `${inspect([ended, explained, told], { depth: 30, showHidden: true, maxStringLength: null, maxArrayLength: null })}\n${kept}`
  }
  const holdsNone = (text: string): void => {
    const found = marks.exec(text)
    assert.isNull(found, `found in: ${text.slice(Math.max(0, (found?.index ?? 0) - 200), (found?.index ?? 0) + 100)}`)
  }
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(folder, name), content)
    return join(folder, name)
  }

  it('is in no text of a connection that cannot be made, whichever setting holds it', async () => {
    const away = 'nats://127.0.0.1:1'
    process.env['JETBEAM_TEST_MARK'] = `${mark}-env`
    try {
      for (const settings of [
        { servers: `nats://${mark}-user:${mark}-pass/word@127.0.0.1:1` },
        { servers: `nats://${mark}-token@127.0.0.1:1` },
        { servers: [away, `nats://ann:${mark}@127.0.0.1:2`] },
        { servers: away, user: `${mark}-user`, password: '${env:JETBEAM_TEST_MARK}' },
        { servers: away, token: `\${env:${mark}Token}` },
        { servers: away, token: `\${file:${await file('token', `${mark}-in-file`)}}` },
        { servers: away, tokenVariable: `${mark}Token` },
        { servers: away, nkeySeed: `\${file:${await file('nk', seed)}}` },
        { servers: away, nkeySeed: `\${file:${seed}}` },
        { servers: away, credentialsFile: await file('app.creds', `-----BEGIN X-----\n${mark}\n`) },
        {
          servers: away,
          tlsKeyFile: await file('key.pem', `-----BEGIN PRIVATE KEY-----\n${mark}\n`),
          tlsCertFile: await file('c.pem', mark),
        },
        { servers: away, tlsCaFile: await file('ca.pem', `-----BEGIN CERTIFICATE-----\n${mark}\n-----END CERTIFICATE-----\n`) },
      ])
        holdsNone(await leaving(relay, settings))
    } finally {
      delete process.env['JETBEAM_TEST_MARK']
    }
  })

  it('is in no text of a server that refuses the login', async () => {
    for (const login of Object.values(logins)) {
      const { config, wrong } = await login(folder)
      const guarded = await NatsServer.start({ control: true, config })
      try {
        const text = await leaving(relay, { servers: guarded.url, ...wrong })
        assert.include(text, 'does not let this user in')
        holdsNone(text)
      } finally {
        await guarded.stop()
      }
    }
  })

  it('is in no text of a function, a coder or a sink that fails for a message with secrets in its payload and headers', async () => {
    const servers = server.url
    const failing: ReadonlyArray<() => PDone> = [
      () =>
        pipe(
          read(),
          PCollection.map((message): number => {
            throw new Error(`no answer from nats://ann:${mark}@host`, { cause: message.headers })
          }),
          PCollection.ignore,
        ),
      () => pipe(JetStreamIO.readMessages({ stream: 'IN', coder: Coder.json(z.number()) }), PCollection.orFail, PCollection.ignore),
      () =>
        pipe(
          read(),
          PCollection.map(({ value }) => ({ subject: 'out..x', value })),
          JetStreamIO.writeMessages({ stream: 'OUT', coder: Encoder.json() }),
        ),
      () =>
        pipe(
          read(),
          PCollection.map(({ value }) => ({ ...value, broken: NaN })),
          JetStreamIO.write({ stream: 'OUT', subject: 'out.x', coder: Encoder.json() }),
        ),
    ]
    for (const leaf of failing) {
      const text = await leaving(leaf, { servers })
      assert.include(text, 'processed')
      holdsNone(text)
      await rm(join(folder, 'state'), { recursive: true, force: true })
    }
  })
})
