// What the disturbances ask servers, and how they wait.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { NatsConnection } from '@nats-io/nats-core'
import type { RunningCluster, RunningServer } from 'jetbeam/testing/nats-server'

/** The stream that is read. */
export const inputStream = 'EVENTS'
export const queueConsumer = 'sums'
/** Messages that make a replica lag for some time: it applies a thousand before a consumer is created. */
export const burst = 4_000
export const longestMs = 60_000

export interface State {
  readonly leader: string
  readonly followers: ReadonlyArray<string>
  readonly last: number
  readonly messages: number
}

export const stateOf = async (jsm: JetStreamManager, stream: string): Promise<State | null> => {
  const info = await jsm.streams.info(stream).catch(() => null)
  const leader = info?.cluster?.leader ?? ''
  if (info === null || leader === '') return null
  return {
    leader,
    followers: (info.cluster?.replicas ?? []).map(({ name }) => name),
    last: info.state.last_seq,
    messages: info.state.messages,
  }
}

/** Whether each replica has what the leader has: an operator waits for that before the next restart. */
export const isCurrent = async (jsm: JetStreamManager, stream: string): Promise<true | null> => {
  const info = await jsm.streams.info(stream).catch(() => null)
  const replicas = info?.cluster?.replicas ?? []
  return (info?.cluster?.leader ?? '') !== '' && replicas.length > 0 && replicas.every(({ current }) => current) ? true : null
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export const until = async <A>(what: string, ask: () => Promise<A | null>, withinMs = longestMs): Promise<A> => {
  for (const deadline = Date.now() + withinMs; ;) {
    const found = await ask()
    if (found !== null) return found
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`)
    await pause(50)
  }
}

/** Connects to all servers but one. */
export const besides = async <A>(
  cluster: RunningCluster,
  server: RunningServer,
  work: (nc: NatsConnection, jsm: JetStreamManager) => Promise<A>,
): Promise<A> => {
  const nc = await connect({ servers: cluster.servers.flatMap(other => (other === server ? [] : [other.url])), maxReconnectAttempts: -1 })
  try {
    return await work(nc, await jetstreamManager(nc, { checkAPI: false }))
  } finally {
    await nc.close()
  }
}
