// Servers for tests: they start, survive what tests do to them, and leave nothing behind.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect as connectTo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { NatsServer, NatsServerFailed, NatsServerNotControllable, type RunningServer } from '../../io/jetstream/testing/index.ts'

describe('A nats-server for tests', function () {
  // The first start may have to build one.
  this.timeout(700_000)
  const running: Array<RunningServer> = []
  const start = async (...options: Parameters<typeof NatsServer.start>): Promise<RunningServer> => {
    const server = await NatsServer.start({ control: true, ...options[0] })
    running.push(server)
    return server
  }
  afterEach(async () => {
    for (const server of running.splice(0)) await server.stop()
  })

  it('takes what is published and gives it back', async () => {
    const server = await start()
    await publish(server, 'first', 'second')
    assert.deepEqual(await readAll(server), ['first', 'second'])
  })

  it('keeps its port and its store when it is killed and started again', async () => {
    const server = await start()
    await publish(server, 'before')
    const { port, pid } = server
    await server.kill()
    assert.isNull(server.pid)
    assert.isFalse(await listens(port))
    await server.restart()
    assert.equal(server.port, port)
    assert.notEqual(server.pid, pid)
    assert.deepEqual(await readAll(server), ['before'])
  })

  it('has the pid of the server itself, so that a test can kill it by that too', async () => {
    const server = await start()
    await publish(server, 'before')
    process.kill(server.pid ?? assert.fail('it has no pid'), 'SIGKILL')
    await server.restart()
    assert.deepEqual(await readAll(server), ['before'])
  })

  it('restarts gracefully while it runs', async () => {
    const server = await start()
    await publish(server, 'before')
    await server.restart()
    assert.deepEqual(await readAll(server), ['before'])
  })

  it('does not answer while it is paused, and goes on afterwards', async () => {
    const server = await start()
    const connection = await connect({ servers: server.url })
    await server.pause()
    const outcome = await Promise.race([connection.flush().then(() => 'answered'), setTimeout(300, 'silent')])
    server.resume()
    await connection.flush()
    await connection.close()
    assert.equal(outcome, 'silent')
  })

  it('stops though it is paused', async () => {
    const server = await start()
    await server.pause()
    await server.stop()
    assert.isFalse(await listens(server.port))
  })

  it('removes its temporary store when it stops, and stops twice without complaint', async () => {
    const server = await start()
    const storeDir = stored(server)
    await publish(server, 'gone')
    assert.isTrue(existsSync(storeDir))
    await server.stop()
    await server.stop()
    assert.isFalse(existsSync(dirname(storeDir)))
    await rejects(server.restart(), NatsServerNotControllable, /was stopped/)
  })

  it('keeps a store that it was given, for the next one', async () => {
    const storeDir = await mkdtemp(join(tmpdir(), 'jetbeam-given-'))
    try {
      const first = await start({ storeDir })
      await publish(first, 'kept')
      await first.stop()
      assert.deepEqual(await readAll(await start({ storeDir })), ['kept'])
    } finally {
      for (const server of running.splice(0)) await server.stop()
      await rm(storeDir, { recursive: true })
    }
  })

  it('is configured by data or by lines', async () => {
    const byData = await start({ config: { max_payload: 4096, jetstream: { max_file_store: 1_000_000 } } })
    const byLines = await start({ config: 'max_payload: 2048\n' })
    const limits = await Promise.all(
      [byData, byLines].map(async ({ url }) => {
        const connection = await connect({ servers: url })
        const limit = connection.info?.max_payload
        await connection.close()
        return limit
      }),
    )
    assert.deepEqual(limits, [4096, 2048])
    assert.include(await readFile(byData.logFile ?? '', 'utf8'), '976.56 KB')
  })

  it('runs without JetStream on request', async () => {
    const server = await start({ jetstream: false })
    const connection = await connect({ servers: server.url })
    assert.isNotTrue(connection.info?.jetstream)
    await connection.close()
  })

  it('is disposed of by `await using`', async () => {
    const server = await start()
    await server[Symbol.asyncDispose]()
    assert.isFalse(await listens(server.port))
  })

  it('starts many at a time, each on its own port', async () => {
    const servers = await Promise.all(Array.from({ length: 6 }, () => start()))
    assert.equal(new Set(servers.map(({ port }) => port)).size, 6)
  })

  it('shows the end of its log when it cannot start', async () => {
    await rejects(
      start({ config: 'no_such_field: 1\n' }),
      NatsServerFailed,
      /ended with 1 before it was ready[^]*unknown field "no_such_field"/,
    )
  })

  it('says so when it is not ready in time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'jetbeam-slow-'))
    const binary = join(folder, 'nats-server')
    await writeFile(binary, '#!/bin/sh\necho still thinking\nsleep 60\n', { mode: 0o755 })
    await rejects(start({ binary, readyLimitMs: 200 }), NatsServerFailed, /not ready within 0\.2 s: it does not listen[^]*still thinking/)
    await rm(folder, { recursive: true })
  })

  for (const [ending, signal, title] of [
    ['wait', 'SIGKILL', 'is killed with SIGKILL'],
    ['wait', 'SIGTERM', 'is told to end'],
    ['throw', null, 'throws'],
    ['return', null, 'has nothing left to do'],
  ] as const)
    it(`ends, and its temporary store vanishes, when the process that started it ${title}`, async () => {
      const owner = spawn(
        process.execPath,
        ['--import', 'tsx', fileURLToPath(new URL('./nats-server-owner.ts', import.meta.url)), ending],
        {
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      )
      const { port, storeDir } = await told(owner)
      if (signal !== null) {
        assert.isTrue(await listens(port))
        assert.isTrue(existsSync(storeDir))
        owner.kill(signal)
      }
      const folder = dirname(storeDir)
      await eventually(async () => !(await listens(port)) && !existsSync(folder) && !existsSync(`${folder}.gone`))
    })

  describe('that JETBEAM_NATS_URL names', () => {
    const before = process.env['JETBEAM_NATS_URL']
    afterEach(() => {
      if (before === undefined) delete process.env['JETBEAM_NATS_URL']
      else process.env['JETBEAM_NATS_URL'] = before
    })

    it('is used, and left as it is', async () => {
      const server = await start()
      process.env['JETBEAM_NATS_URL'] = server.url
      const used = await NatsServer.start({ minimumVersion: '2.2' })
      assert.deepEqual([used.url, used.port, used.version, used.pid, used.storeDir], [server.url, server.port, server.version, null, null])
      await rejects(used.kill(), NatsServerNotControllable, /JETBEAM_NATS_URL/)
      await rejects(used.pause(), NatsServerNotControllable, /JETBEAM_NATS_URL/)
      assert.throws(used.resume, NatsServerNotControllable)
      await used.stop()
      assert.isTrue(await listens(server.port))
    })

    it('is not used by a test that kills or configures its server', async () => {
      process.env['JETBEAM_NATS_URL'] = 'nats://127.0.0.1:1'
      assert.isNotNull((await start({ control: true })).pid)
      assert.isNotNull((await start({ control: undefined, config: { max_payload: 4096 } })).pid)
    })

    it('must be there, and new enough', async () => {
      const server = await start()
      process.env['JETBEAM_NATS_URL'] = server.url
      await rejects(NatsServer.start({ minimumVersion: '99.0' }), Error, /that server is .*, and 99\.0 or later is needed/)
      process.env['JETBEAM_NATS_URL'] = 'nats://127.0.0.1:1'
      await rejects(NatsServer.start(), Error, /no NATS server can be reached there/)
    })
  })
})

const publish = async ({ url }: RunningServer, ...texts: ReadonlyArray<string>): Promise<void> => {
  const connection = await connect({ servers: url })
  await (await jetstreamManager(connection)).streams.add({ name: 'WORDS', subjects: ['words'] })
  for (const text of texts) await jetstream(connection).publish('words', text)
  await connection.close()
}

const readAll = async ({ url }: RunningServer): Promise<ReadonlyArray<string>> => {
  const connection = await connect({ servers: url })
  const { state } = await (await jetstreamManager(connection)).streams.info('WORDS')
  const consumer = await jetstream(connection).consumers.get('WORDS')
  const texts: Array<string> = []
  for await (const message of await consumer.fetch({ max_messages: state.messages })) texts.push(message.string())
  await connection.close()
  return texts
}

const listens = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connectTo(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

const stored = ({ storeDir }: RunningServer): string => storeDir ?? assert.fail('it has no store directory')

interface Told {
  readonly port: number
  readonly storeDir: string
}

const told = async (owner: ChildProcess): Promise<Told> => {
  const { stdout } = owner
  assert.isNotNull(stdout)
  for await (const line of createInterface({ input: stdout })) return JSON.parse(line) as Told
  return assert.fail('the process ended without a word')
}

const eventually = async (holds: () => Promise<boolean>): Promise<void> => {
  for (let i = 0; i < 200; i++) {
    if (await holds()) return
    await setTimeout(50)
  }
  assert.fail('not within 10 s')
}

type ErrorKind = typeof Error | typeof NatsServerFailed | typeof NatsServerNotControllable

const rejects = async (promise: Promise<unknown>, kind: ErrorKind, message: RegExp): Promise<void> => {
  const error: unknown = await promise.then(
    () => assert.fail('it did not reject'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof kind)) throw error
  assert.match(error.message, message)
}
