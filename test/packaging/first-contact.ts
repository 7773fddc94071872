// A new user's first pipeline, from an empty folder: each way to write and start it runs on two workers against a real server.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { assert } from 'chai'
import { NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'
import { streamTexts } from '../support/read-stream.ts'
import { skip } from '../support/skip.ts'
import { type InstalledProject, installedProject, vitestWay, type Way, ways } from './installed.ts'

export interface FirstContact {
  /** Major versions of Node besides the current one. */
  readonly nodes: ReadonlyArray<number>
  readonly vitest: boolean
}

const order1 = '{"id":"1","total":120}'
const order2 = '{"id":"2","total":99}'
const order3 = '{"id":"3","total":100}'

/** Defines one test for each version of Node and way. */
export const firstContact = (title: string, { nodes, vitest }: FirstContact): void => {
  describe(title, () => {
    let project: InstalledProject | null = null
    let server: RunningServer
    let nc: NatsConnection
    let home = ''
    before(async function () {
      this.timeout(600_000)
      server = await NatsServer.start()
      nc = await connect({ servers: server.url })
      await (await jetstreamManager(nc)).streams.add({ name: 'ORDERS', subjects: ['orders.>'] })
      for (const order of [order1, order2, order3]) await jetstream(nc).publish('orders.new', order)
      home = await mkdtemp(join(tmpdir(), 'jetbeam-home-'))
      project = await installedProject({ vitest })
    })
    after(async () => {
      await nc.close()
      await server.stop()
      await rm(home, { recursive: true, force: true })
      await project?.remove()
    })

    const installed = (): InstalledProject => project ?? assert.fail('the package is not installed')
    const runsOn = (major: number, nodePath: () => string): void => {
      for (const way of [...ways, ...(vitest ? [vitestWay] : [])])
        if (major >= way.since)
          it(`as ${way.name}`, async () => {
            const { streams } = await jetstreamManager(nc)
            if (await isThere(nc, 'LARGE_ORDERS')) await streams.delete('LARGE_ORDERS')
            const { workers, text } = await start(way, nodePath())
            assert.deepEqual(await streamTexts(nc, 'LARGE_ORDERS'), [order1, order3], text)
            assert.strictEqual(workers, 2, text)
          })
    }
    const start = async ({ name, args, isProgram }: Way, node: string) => {
      const job = `${name} on ${node}`
      const options = ['--nats', server.url, '--workers', '2', '--until', 'end', '--job', job, '--json']
      // The default places, but of a user who has just come.
      const env = { HOME: home, XDG_STATE_HOME: join(home, 'state'), NATS_URL: server.url, JOB: job, NO_COLOR: '1' }
      const { stdout, stderr } = await installed().run(node, [...args, ...(isProgram ? options : [])], env)
      return { workers: workersIn(isProgram ? stderr : stdout), text: `${stdout}\n${stderr}` }
    }

    const current = Number(process.versions.node.split('.')[0])
    describe(`on Node ${current}`, () => runsOn(current, () => process.execPath))
    for (const major of nodes.filter(each => each !== current))
      describe(`on Node ${major}`, () => {
        let path = ''
        before(async function () {
          this.timeout(600_000)
          if (process.platform !== 'linux' && process.platform !== 'darwin') skip(this, `npm has no Node ${major} for ${process.platform}`)
          path = await installed().installNode(major)
        })
        runsOn(major, () => path)
      })
  })
}

const isThere = async (nc: NatsConnection, stream: string): Promise<boolean> => {
  for await (const { config } of (await jetstreamManager(nc)).streams.list()) if (config.name === stream) return true
  return false
}

/** From the last line that reports them: how many workers the run had. */
const workersIn = (text: string): number | null => {
  const line = text.split('\n').findLast(each => each.startsWith('{"') && each.includes('"workers":'))
  const workers: unknown = line === undefined ? null : (JSON.parse(line) as { readonly workers: unknown }).workers
  return Array.isArray(workers) ? workers.length : typeof workers === 'number' ? workers : null
}
