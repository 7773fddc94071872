// Ways to disturb a cluster without losing a server for good, each with the sign that it has had its effect: without it, a round shows nothing.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { NatsConnection } from '@nats-io/nats-core'
import type { RunningCluster, RunningServer } from 'jetbeam/testing/nats-server'
import type { PipelineName } from './kills.ts'

export type Disturbance = 'followerStops' | 'leaderStops' | 'followerRestarts' | 'rollingRestart' | 'consumerPaused'

/** Of what is read. */
const stream = 'EVENTS'
const queueConsumer = 'sums'
const longestMs = 60_000
const probes = 8
/** So many messages more make a replica lag. */
const lagMessages = 150

export const disturbancesOf = (pipeline: PipelineName): ReadonlyArray<Disturbance> => [
  'followerStops',
  'leaderStops',
  'followerRestarts',
  'rollingRestart',
  ...(pipeline === 'queue' ? (['consumerPaused'] as const) : []),
]

export interface Disturbed {
  readonly kind: Disturbance
  /** Whether it had the effect that it was to have. */
  readonly bitten: boolean
}

export interface DisturbedPlace {
  readonly cluster: RunningCluster
  /** Of the feed: the server that it is connected to is spared where that is possible. */
  readonly nc: NatsConnection
  /** Begins the pipeline's process anew, so that it makes consumers meanwhile. */
  readonly beginAgain: () => Promise<void>
}

export const disturb = async (kind: Disturbance, place: DisturbedPlace): Promise<Disturbed> => {
  switch (kind) {
    case 'followerStops':
      return {
        kind,
        bitten: await followerLags(
          place,
          follower => follower.pause(),
          async follower => follower.resume(),
        ),
      }
    case 'followerRestarts':
      return {
        kind,
        bitten: await followerLags(
          place,
          follower => follower.kill(),
          follower => follower.restart(),
        ),
      }
    case 'leaderStops':
      return { kind, bitten: await leaderStops(place) }
    case 'rollingRestart':
      return { kind, bitten: await rollingRestart(place) }
    case 'consumerPaused':
      return { kind, bitten: await consumerPaused(place) }
  }
}

interface State {
  readonly leader: string
  readonly followers: ReadonlyArray<string>
  readonly last: number
  readonly messages: number
}

const stateOf = async (jsm: JetStreamManager): Promise<State | null> => {
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

const until = async <A>(what: string, ask: () => Promise<A | null>): Promise<A> => {
  for (const deadline = Date.now() + longestMs; ;) {
    const found = await ask()
    if (found !== null) return found
    if (Date.now() > deadline) throw new Error(`${what}: not within ${longestMs} ms`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** Through the servers that are not disturbed. */
const besides = async <A>(
  { cluster }: DisturbedPlace,
  server: RunningServer,
  work: (nc: NatsConnection, jsm: JetStreamManager) => Promise<A>,
): Promise<A> => {
  const nc = await connect({ servers: cluster.servers.flatMap(other => (other === server ? [] : [other.url])) })
  try {
    return await work(nc, await jetstreamManager(nc, { checkAPI: false }))
  } finally {
    await nc.close()
  }
}

/** Whether a consumer said less than the leader had, while the follower came back. */
const followerLags = async (
  place: DisturbedPlace,
  stop: (follower: RunningServer) => Promise<void>,
  comeBack: (follower: RunningServer) => Promise<void>,
): Promise<boolean> => {
  const { cluster, nc } = place
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const before = await until('a leader', () => stateOf(jsm))
  const own = nc.info?.server_name
  const follower = cluster.server(before.followers.find(name => name !== own) ?? before.followers[0] ?? '')
  await stop(follower)
  return besides(place, follower, async (other, otherJsm) => {
    await until('more messages', async () => {
      const state = await stateOf(otherJsm)
      return state !== null && state.last >= before.last + lagMessages ? state : null
    })
    const again = place.beginAgain()
    const counts = Array.from({ length: probes }, (_, i) => pendingOfProbe(other, i))
    await comeBack(follower)
    const [{ messages }, ...found] = await Promise.all([until('a leader', () => stateOf(otherJsm)), ...counts])
    await again
    await cluster.ready()
    // A few may have come between the counts.
    return found.some(pending => pending !== null && pending <= messages - lagMessages / 2)
  })
}

/** What a new consumer of all messages counts; null where the server gave no answer. */
const pendingOfProbe = async (nc: NatsConnection, i: number): Promise<number | null> => {
  const name = `probe${i}-${Date.now()}`
  const config = { name, ack_policy: 'none', deliver_policy: 'all', num_replicas: 1, mem_storage: true, inactive_threshold: 5_000_000_000 }
  const request = JSON.stringify({ stream_name: stream, config })
  try {
    const answer = await nc.request(`$JS.API.CONSUMER.CREATE.${stream}.${name}`, request, { timeout: 20_000 })
    return answer.json<{ readonly num_pending?: number }>().num_pending ?? null
  } catch {
    return null
  }
}

/** Whether another server led the stream when the former leader woke. */
const leaderStops = async (place: DisturbedPlace): Promise<boolean> => {
  const { cluster, nc } = place
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const { leader } = await until('a leader', () => stateOf(jsm))
  const server = cluster.server(leader)
  await server.pause()
  try {
    return await besides(place, server, async (_, otherJsm) => {
      const next = await until('another leader', async () => {
        const state = await stateOf(otherJsm)
        return state !== null && state.leader !== leader ? state : null
      })
      await until('more messages', async () => ((await stateOf(otherJsm))?.last ?? 0) >= next.last || null)
      const again = place.beginAgain()
      server.resume()
      await again
      return true
    })
  } finally {
    server.resume()
    await cluster.ready()
  }
}

/** Whether each server was restarted, and the leader of what is read changed meanwhile. */
const rollingRestart = async ({ cluster, nc }: DisturbedPlace): Promise<boolean> => {
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const leaders = new Set<string>()
  for (const server of cluster.servers) {
    leaders.add((await until('a leader', () => stateOf(jsm))).leader)
    await server.kill()
    await server.restart()
    await cluster.ready()
  }
  leaders.add((await until('a leader', () => stateOf(jsm))).leader)
  return leaders.size > 1
}

/** Whether messages lay behind the consumer while it was paused. */
const consumerPaused = async ({ nc }: DisturbedPlace): Promise<boolean> => {
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  /** The pipeline may not have made it yet. */
  const pause = (isPaused: boolean): Promise<true> =>
    until(`a consumer that is ${isPaused ? 'paused' : 'resumed'}`, async () => {
      const request = isPaused ? { pause_until: new Date(Date.now() + 2 * longestMs).toISOString() } : {}
      const subject = `$JS.API.CONSUMER.PAUSE.${stream}.${queueConsumer}`
      const answer = await nc.request(subject, JSON.stringify(request), { timeout: 5_000 }).catch(() => null)
      const { error, paused = false } = answer?.json<{ readonly error?: unknown; readonly paused?: boolean }>() ?? { error: 'none' }
      return error === undefined && paused === isPaused ? true : null
    })
  await pause(true)
  const pending = await until('messages behind the consumer', async () => {
    const info = await jsm.consumers.info(stream, queueConsumer).catch(() => null)
    return info?.paused === true && info.num_pending >= lagMessages ? info.num_pending : null
  })
  await pause(false)
  return pending >= lagMessages
}

const names: Readonly<Record<Disturbance, string>> = {
  followerStops: 'a follower that is stopped (SIGSTOP) and wakes',
  leaderStops: 'a leader that is stopped (SIGSTOP) and wakes',
  followerRestarts: 'a follower that restarts and catches up',
  rollingRestart: 'a rolling restart',
  consumerPaused: 'a paused consumer',
}

/** Figures as a line has them: `2 of 3 a rolling restart`, of which only the first count. */
export const describeDisturbed = (disturbed: ReadonlyArray<Disturbed>): string =>
  (Object.keys(names) as ReadonlyArray<Disturbance>) // of a constant: it has no other keys
    .map(kind => [disturbed.filter(each => each.kind === kind), names[kind]] as const)
    .filter(([tried]) => tried.length > 0)
    .map(([tried, name]) => `${tried.filter(({ bitten }) => bitten).length} of ${tried.length} with ${name}`)
    .join(', ')
