// A server for the tests of one describe, and a stream of its own for each store they ask for.
import type { NatsConnection } from '@nats-io/nats-core'
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { after, before } from 'mocha'
import { NatsServer, type RunningServer, type StartOptions } from 'jetbeam/testing/nats-server'
import type { CheckpointStore, JetStreamStoreOptions } from '../../../runners/checkpoint/index.ts'
import { steadyConnection } from '../../support/steady-connection.ts'
import { storeAt } from './store-at.ts'

interface Made {
  readonly server: RunningServer
  readonly nc: NatsConnection
  readonly jsm: JetStreamManager
}

/** Call it in a `describe`; what it gives may be asked from its tests on. */
export const streams = (options: StartOptions = {}) => {
  let made: Made | null = null
  let count = 0
  const get = (): Made => {
    if (made === null) throw new Error('nothing is there before the tests begin')
    return made
  }
  before(async () => {
    const server = await NatsServer.start(options)
    const nc = await steadyConnection(server.url)
    made = { server, nc, jsm: await jetstreamManager(nc) }
  })
  after(async () => {
    const { server, nc } = get()
    await nc.close()
    await server.stop()
  })
  const fresh = (): string => `CHECKPOINTS_${process.pid}_${++count}`
  return {
    server: () => get().server,
    nc: () => get().nc,
    jsm: () => get().jsm,
    /** The name of a stream that nobody has used. */
    fresh,
    store: (o: Partial<JetStreamStoreOptions> = {}): CheckpointStore => storeAt(`${get().server.url}/${fresh()}`, o),
    /** As `storeAt` and checkpoint-process.ts take it. */
    place: (stream: string) => `${get().server.url}/${stream}`,
    /** The subjects that there are messages on, without what all of them begin with. */
    subjects: async (stream: string): Promise<ReadonlyArray<string>> => {
      const { state } = await get().jsm.streams.info(stream, { subjects_filter: '>' })
      return Object.keys(state.subjects ?? {})
        .map(subject => subject.slice(`$JETBEAM.${stream}.`.length))
        .sort()
    },
  }
}
