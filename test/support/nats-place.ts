// A server, a connection and a folder for the tests of one describe: made before them, gone after them.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { Checkpoints, type Duration, millis } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { NatsServer, type RunningServer } from 'jetbeam/testing/nats-server'

interface Made {
  readonly server: RunningServer
  readonly nc: NatsConnection
  readonly folder: string
}

/** To be called inside a describe; what it gives may be asked from its tests on. */
export const natsPlace = () => {
  let made: Made | null = null
  const get = (): Made => {
    if (made === null) throw new Error('nothing is there before the tests begin')
    return made
  }
  before(async () => {
    const server = await NatsServer.start()
    made = { server, nc: await connect({ servers: server.url }), folder: await mkdtemp(join(tmpdir(), 'jetbeam-test-')) }
  })
  after(async () => {
    const { server, nc, folder } = get()
    await nc.close()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    nc: () => get().nc,
    url: () => get().server.url,
    folder: (job: string) => join(get().folder, job),
    /** Where a job runs: its own checkpoints on this server. */
    options: (job: string, every: Duration = millis(50)) => ({
      provide: [JetStreamIO.connection({ servers: get().server.url })],
      checkpoints: Checkpoints.directory(join(get().folder, job), { every }),
      job,
    }),
  }
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
