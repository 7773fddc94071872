// The first pipeline of the README, run as the README says, against a real server.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { assert } from 'chai'
import { NatsServer, type RunningServer } from '../../io/jetstream/testing/index.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

describe('The first pipeline of the README', () => {
  let server: RunningServer
  let folder = ''
  before(async () => {
    server = await NatsServer.start()
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-first-'))
  })
  after(async () => {
    await server.stop()
    await rm(folder, { recursive: true })
  })

  it('passes on large orders once, in one thread and then on two workers', async () => {
    const nc = await connect({ servers: server.url })
    const streams = (await jetstreamManager(nc)).streams
    await streams.add({ name: 'ORDERS', subjects: ['orders.>'] })
    const js = jetstream(nc)
    const run = (job: string, ...more: ReadonlyArray<string>) =>
      promisify(execFile)(
        process.execPath,
        [
          '--import',
          'tsx',
          '-C',
          'jetbeam-source',
          'examples/first-pipeline.ts',
          '--nats',
          server.url,
          '--until',
          'end',
          '--checkpoints',
          folder,
          '--job',
          job,
          ...more,
        ],
        { cwd: root },
      )
    for (const [id, total] of [
      ['1', 120],
      ['2', 99],
      ['3', 100],
    ] as const)
      await js.publish('orders.new', JSON.stringify({ id, total }))
    await run('one-thread')
    assert.strictEqual((await streams.info('LARGE_ORDERS')).state.messages, 2)
    await run('two-workers', '--workers', '2')
    assert.strictEqual((await streams.info('LARGE_ORDERS')).state.messages, 4, 'another job reads the orders again')
    await nc.close()
  })
})
