// What waits for a slow sink is bounded: 600,000 messages go through a process that stays small, and none is lost or repeated.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { NatsServer, type RunningServer } from 'jetbeam/testing/nats-server'
import { expectedSums, fillStream, indexOf, messageCount } from '../support/many-messages.ts'
import { readStream } from '../support/read-stream.ts'
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts'

const megabyte = 1_048_576
const mostBytes = 350 * megabyte
const slowMs = 8_000
/** An acknowledgment is some 100 bytes: this lets about 20,000 through in a second. */
const slowBytesPerSecond = 2 * megabyte

interface Report {
  readonly maxRss: number
  readonly elementsRead: number
  readonly elementsWritten: number
  readonly state?: string
}

describe('Memory', function () {
  this.timeout(300_000)
  let server: RunningServer
  let nc: NatsConnection
  let proxy: TcpProxy
  let folder: string
  let child: ChildProcess | null = null

  before(async () => {
    server = await NatsServer.start({ control: true })
    nc = await connect({ servers: server.url, noAsyncTraces: true })
    proxy = await tcpProxy(server.port)
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-memory-'))
    await fillStream(nc)
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'RELAYED', subjects: ['relayed'] })
    await jsm.streams.add({ name: 'SUMMED', subjects: ['summed.>'] })
  })
  afterEach(() => {
    child?.kill('SIGKILL')
    child = null
  })
  after(async () => {
    await nc.close()
    await proxy.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** Runs it with a slow sink, then with a fast one, to its end. */
  const run = async (kind: 'relay' | 'windows'): Promise<{ readonly slow: Report; readonly end: Report }> => {
    const program = fileURLToPath(new URL('../support/memory-program.ts', import.meta.url))
    proxy.throttle(slowBytesPerSecond)
    child = fork(program, [kind, server.url, `nats://127.0.0.1:${proxy.port}`, folder], {
      // Newer versions of Node let young objects take more of the memory that there is.
      execArgv: ['--max-semi-space-size=16', '--import', 'tsx', '-C', 'jetbeam-source'],
    })
    const reports: Report[] = []
    child.on('message', (report: Report) => reports.push(report))
    const exited = once(child, 'exit')
    const reported = once(child, 'message')
    await Promise.race([Promise.all([reported, new Promise(resolve => setTimeout(resolve, slowMs))]), exited])
    const slow = reports.at(-1) ?? assert.fail('it never reported')
    proxy.throttle(null)
    const [code] = (await exited) as [number | null]
    assert.strictEqual(code, 0)
    const end = reports.at(-1) ?? assert.fail('it never reported')
    for (const [when, report] of Object.entries({ slow, end }))
      console.log(
        `      ${kind}, ${when}: ${Math.round(report.maxRss / megabyte)} MB at most, ${report.elementsRead} read, ${report.elementsWritten} written`,
      )
    return { slow, end }
  }

  it('stays below 350 MB while 600,000 messages are relayed to a slow stream, and each arrives once', async () => {
    const { end } = await run('relay')
    const seen = new Uint8Array(messageCount)
    const count = await readStream(nc, 'RELAYED', payload => (seen[indexOf(payload)] = 1))
    assert.deepStrictEqual([end.state, count, seen.reduce((sum, one) => sum + one, 0)], ['done', messageCount, messageCount])
    assert.isBelow(end.maxRss, mostBytes)
  })

  it('stays below 350 MB while the sums of 600,000 messages wait for checkpoints and a slow stream, and each arrives once', async () => {
    const { end } = await run('windows')
    const missing = new Set(expectedSums())
    const expected = missing.size
    const count = await readStream(nc, 'SUMMED', payload => missing.delete(Buffer.from(payload).toString().trimEnd()))
    assert.deepStrictEqual([end.state, count, missing.size], ['done', expected, 0])
    assert.isBelow(end.maxRss, mostBytes)
  })
})
