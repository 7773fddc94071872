// Failures with a marked secret in each place where one can be: no log, event, metric, error, checkpoint or folder name holds a mark.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { headers as makeHeaders } from '@nats-io/nats-core'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { assert } from 'chai'
import { Checkpoints, millis, prometheusText } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { type WorkerThreadsOptions, WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { NatsServer, type RunningServer } from 'jetbeam/testing/nats-server'
import { start } from '../runners/cli/child.ts'
import { logins } from '../support/logins.ts'
import { type Failing, failingIn, mark, marked } from '../support/marked-program.ts'

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

  const runners = {
    'the direct runner': DirectRunner,
    'worker threads': {
      run: (o: WorkerThreadsOptions) => WorkerThreadsRunner.run({ ...o, workers: 2 }),
      explain: (o: WorkerThreadsOptions) => WorkerThreadsRunner.explain({ ...o, workers: 2 }),
    },
  }
  type Runner = keyof typeof runners

  /** All that leaves a run, as text; fails where the run does not. */
  const leaving = async (
    failing: Failing,
    settings: Parameters<typeof JetStreamIO.connection>[0],
    runner: Runner = 'the direct runner',
  ): Promise<string> => {
    const told: unknown[] = []
    const checkpoints = join(folder, 'state')
    const provide = [JetStreamIO.connection(settings)]
    const log = (...record: ReadonlyArray<unknown>): void => void told.push(record)
    const { run, explain } = runners[runner]
    const ended = await run({
      job: 'marked',
      beginAnew: true,
      until: 'end',
      provide,
      checkpoints: Checkpoints.directory(checkpoints, { every: millis(20) }),
      restart: { attempts: 1, initial: millis(1) },
      log,
      onEvent: event => void told.push(event),
      onProgress: metrics => void told.push(metrics, prometheusText(metrics, { address: `nats://ann:${mark}@host` })),
    })(marked({ failing }))()
    assert.strictEqual(ended._tag, 'Left', 'the run did not fail')
    const explained = await explain({ provide, log })(marked({ failing }))()
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
        holdsNone(await leaving('relay', settings))
    } finally {
      delete process.env['JETBEAM_TEST_MARK']
    }
  })

  it('is in no text of a server that refuses the login', async () => {
    for (const login of Object.values(logins)) {
      const { config, wrong } = await login(folder)
      const guarded = await NatsServer.start({ control: true, config })
      try {
        const text = await leaving('relay', { servers: guarded.url, ...wrong })
        assert.include(text, 'does not let this user in')
        holdsNone(text)
      } finally {
        await guarded.stop()
      }
    }
  })

  for (const runner of ['the direct runner', 'worker threads'] as const)
    for (const failing of failingIn)
      it(`is in no text of a run on ${runner} that fails for a message with secrets in its payload and headers (${failing})`, async () => {
        const text = await leaving(failing, { servers: server.url }, runner)
        assert.match(text, /UserCodeFailed|AssertionFailed|IoFailed/)
        holdsNone(text)
      })

  describe('in a program', () => {
    const program = new URL('../support/marked-program.ts', import.meta.url)
    const away = `nats://${mark}-user:${mark}-pass@127.0.0.1:1`
    const checkpoints = (): ReadonlyArray<string> => ['--checkpoints', join(folder, 'state')]
    const cases: Readonly<Record<string, () => ReadonlyArray<string>>> = {
      'that fails, as text': () => ['--failing', 'function', '--nats', server.url, ...checkpoints()],
      'that fails, as lines of JSON': () => ['--failing', 'metric', '--nats', server.url, '--json', ...checkpoints()],
      'that fails on worker threads, as records of a log': () => [
        '--failing',
        'shuffled',
        '--nats',
        server.url,
        '--workers',
        '2',
        '--log',
        'json',
        ...checkpoints(),
      ],
      'that cannot connect': () => ['--failing', 'relay', '--nats', away, '--json', ...checkpoints()],
      'that shows its plan': () => ['--failing', 'metric', '--nats', server.url, '--explain'],
      'that is given a wrong address for checkpoints': () => ['--failing', 'relay', '--checkpoints', `ws://ann:${mark}@host/x`],
      'that is given a stray argument': () => ['--failing', 'relay', `nats://ann:${mark}@host`],
    }
    for (const [name, args] of Object.entries(cases))
      it(`is in none of the output and files of one ${name}`, async () => {
        const env = { JETBEAM_RECONNECT_FOR: '1', XDG_STATE_HOME: folder }
        const { code, stdout, stderr } = await start(program, args(), env).ended
        assert.notEqual(`${stdout}${stderr}`, '')
        assert.strictEqual(code === 0, name === 'that shows its plan', stderr)
        holdsNone(`${stdout}\n${stderr}\n${await textsBelow(folder)}`)
      })
  })
})
