// A program that gets SIGTERM ends within its shutdown timeout, whatever does not answer, and says what it waited for.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { assert } from 'chai'
import { NatsServer, type RunningServer } from 'jetbeam/testing/nats-server'
import { type Program, startProgram } from '../support/program.ts'
import { streamTexts } from '../support/read-stream.ts'
import { steadyConnection } from '../support/steady-connection.ts'
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts'

/** Shutdown timeout of the programs here. */
const timeoutMs = 5_000
/** Beyond it: what a busy machine may take to hear of the signal and to end a process. */
const slackMs = 4_000

describe('A program that gets SIGTERM', function () {
  this.timeout(120_000)
  let data: RunningServer
  let store: RunningServer
  let nc: NatsConnection
  let toData: TcpProxy
  let toStore: TcpProxy
  let folder: string
  const programs: Program[] = []

  beforeEach(async () => {
    ;[data, store] = await Promise.all([NatsServer.start(), NatsServer.start()])
    nc = await steadyConnection(data.url)
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'NUMBERS', subjects: ['numbers'] })
    await jsm.streams.add({ name: 'RELAYED', subjects: ['relayed'] })
    ;[toData, toStore] = await Promise.all([tcpProxy(data.port), tcpProxy(store.port)])
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-shutdown-'))
  })
  afterEach(async () => {
    for (const program of programs.splice(0)) {
      program.signal('SIGKILL')
      await program.ended
    }
    await nc.close()
    await Promise.all([toData.close(), toStore.close()])
    await Promise.all([data.stop(), store.stop()])
    await rm(folder, { recursive: true, force: true })
  })

  const start = (...more: ReadonlyArray<string>): Program => {
    const places = ['--nats', `nats://127.0.0.1:${toData.port}`, '--checkpoints', `nats://127.0.0.1:${toStore.port}/STATE`]
    const limit = ['--shutdown-timeout', `${timeoutMs}ms`, '--every', '200ms']
    const program = startProgram('./relay-process.ts', [...places, ...limit, '--quiet', ...more])
    programs.push(program)
    return program
  }
  const publish = async (from: number, count: number): Promise<void> => {
    for (let i = from; i < from + count; i++) await jetstream(nc).publish('numbers', String(i))
  }
  const relayed = async (): Promise<number> => (await (await jetstreamManager(nc)).streams.info('RELAYED')).state.messages
  const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
    for (const deadline = Date.now() + 60_000; !(await holds());) {
      if (Date.now() > deadline) assert.fail(`${what}: ${programs.map(program => program.errors()).join('\n')}`)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  /** Its exit code, and how long it took. */
  const ended = async (program: Program): Promise<{ readonly code: number | null; readonly ms: number }> => {
    const sinceMs = performance.now()
    program.signal('SIGTERM')
    const code = await program.ended
    return { code, ms: performance.now() - sinceMs }
  }
  const requireInTime = (ms: number): void => assert.isBelow(ms, timeoutMs + slackMs)

  for (const workers of [[], ['--workers', '2']] as const) {
    const on = workers.length === 0 ? '' : ' on 2 worker threads'

    it(`suspends at once where all answer${on}`, async () => {
      await publish(0, 10)
      const program = start(...workers)
      await until('all is relayed', async () => (await relayed()) === 10)
      const { code, ms } = await ended(program)
      assert.strictEqual(code, 0, program.errors())
      requireInTime(ms)
    })

    it(`ends in time and by name where its store is silent${on}, and the next start loses and repeats nothing`, async () => {
      await publish(0, 10)
      const first = start(...workers)
      await until('all is relayed', async () => (await relayed()) === 10)
      toStore.stall(true)
      const { code, ms } = await ended(first)
      requireInTime(ms)
      assert.strictEqual(code, 1)
      assert.match(first.errors(), /did not finish within the shutdown timeout of 5 s: (checkpoint \d+ was not finished|its lease)/)
      toStore.stall(false)
      await publish(10, 10)
      const second = start(...workers)
      await until('the rest is relayed', async () => (await relayed()) >= 20)
      assert.strictEqual((await ended(second)).code, 0, second.errors())
      assert.sameMembers(
        [...(await streamTexts(nc, 'RELAYED'))],
        Array.from({ length: 20 }, (_, i) => String(i)),
      )
    })

    it(`ends in time and by name where the server of its data is silent${on}`, async () => {
      await publish(0, 10)
      const program = start(...workers)
      await until('all is relayed', async () => (await relayed()) === 10)
      toData.stall(true)
      const { ms } = await ended(program)
      requireInTime(ms)
    })

    it(`ends in time and by name while it opens and its store is silent${on}`, async () => {
      toStore.stall(true)
      const program = start(...workers)
      await until('it reaches for its store', () => toStore.made() > 0)
      const { code, ms } = await ended(program)
      requireInTime(ms)
      assert.strictEqual(code, 1)
      assert.match(program.errors(), /relay-process failed: (Could not reach|the run was asked to end)/)
    })

    it(`ends in time and by name while it waits for the lease of a process that is stopped${on}`, async () => {
      const first = start()
      await publish(0, 10)
      await until('all is relayed', async () => (await relayed()) === 10)
      first.signal('SIGSTOP')
      const made = toStore.made()
      const second = start(...workers)
      await until('it reaches for its store', () => toStore.made() > made)
      const { code, ms } = await ended(second)
      requireInTime(ms)
      assert.strictEqual(code, 1)
      assert.include(second.errors(), 'it was still opening its checkpoint store, sources and sinks')
    })
  }

  it('ends in time and by name while its lease is in doubt', async () => {
    await publish(0, 10)
    const program = start('--log', 'text')
    await until('all is relayed', async () => (await relayed()) === 10)
    toStore.stall(true)
    await until('its lease is in doubt', () => program.errors().includes('the lease is in doubt'))
    const { code, ms } = await ended(program)
    requireInTime(ms)
    assert.strictEqual(code, 1)
    assert.match(program.errors(), /its lease has been in doubt for [\d.]+ s, so no checkpoint could be taken/)
  })
})
