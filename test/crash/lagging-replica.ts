// Replicas that lag: stopped or killed while the stream grows, and back while the pipeline creates consumers on them.
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import type { RunningCluster, RunningServer } from 'jetbeam/testing/nats-server'
import { ConsumerTap, ownPrefix } from './consumer-tap.ts'
import type { DisturbedPlace } from './disturbances.ts'
import { rolesIn, stepDownMeta } from './system-account.ts'
import { besides, burst, inputStream, isCurrent, pause, queueConsumer, stateOf, until } from './stream-state.ts'

/** How a server goes away and comes back. */
export type Absence = 'stop' | 'kill'

const leave = (server: RunningServer, absence: Absence): Promise<void> => (absence === 'stop' ? server.pause() : server.kill())
const comeBack = async (server: RunningServer, absence: Absence): Promise<void> => (absence === 'stop' ? server.resume() : server.restart())

/** How long the pipeline may take to create a consumer on the replica that is away. */
const longestTryMs = 15_000
/** A replica that comes back answers within that. */
const answersMs = 2_500

const clusterOf = ({ cluster }: DisturbedPlace): RunningCluster => {
  if (cluster === null) throw new Error('a single server has no replicas')
  return cluster
}

/** Whether a consumer of the pipeline counted fewer messages than the stream's leader had. */
export const followerLags = async (place: DisturbedPlace, absence: Absence): Promise<boolean> => {
  const cluster = clusterOf(place)
  const follower = await chosenFollower(place)
  const crashes = place.random() < 0.5
  const bitten = await besides(cluster, follower, async (nc, jsm) => {
    const tap = new ConsumerTap(nc)
    await place.feed.pause()
    await leave(follower, absence)
    try {
      await (crashes ? createBehindCrash(place, nc, tap) : createBehindDeletion(nc, tap))
      const waiting = tap.waiting.length
      const published = crashes ? null : place.feed.burst(nc, burst)
      // One that restarts does not answer at once.
      if (absence === 'stop') await published
      const last = await lastSequences(jsm)
      await Promise.all([published, comeBack(follower, absence)])
      for (const deadline = Date.now() + answersMs; tap.below(last).length === 0 && Date.now() < deadline;) await pause(20)
      const below = tap.below(await (absence === 'stop' ? last : lastSequences(jsm)))
      place.note(
        `${waiting} consumers waited for the replica behind ${crashes ? 'a crash' : 'a deletion'}; these count less than the leader: ${JSON.stringify(below)}`,
      )
      return below.length > 0
    } finally {
      tap.stop()
      follower.resume()
      place.feed.resume()
    }
  })
  await cluster.ready()
  return bitten
}

/** A follower that does not lead JetStream, and that the pipeline is not connected to, where there is one. */
const chosenFollower = async (place: DisturbedPlace): Promise<RunningServer> => {
  const cluster = clusterOf(place)
  const jsm = await jetstreamManager(place.nc, { checkAPI: false })
  const { leader, followers } = await until('a leader', () => stateOf(jsm, inputStream))
  const { connections, metaLeader } = await rolesIn(cluster)
  const [chosen = leader] = [...followers].sort((a, b) => (connections.get(a) ?? 0) - (connections.get(b) ?? 0))
  if (metaLeader === chosen) {
    await stepDownMeta(cluster, leader)
    await until('another leader of JetStream', async () => ((await rolesIn(cluster)).metaLeader === chosen ? null : true))
  }
  place.note(`${chosen} is disturbed; ${leader} leads the stream; connections ${JSON.stringify([...connections])}`)
  return cluster.server(chosen)
}

/** A process that dies when outputs have left behind its last checkpoint reads and looks for stored outputs anew. */
const createBehindCrash = async ({ victim, feed }: DisturbedPlace, nc: NatsConnection, tap: ConsumerTap): Promise<void> => {
  for (let left = 3; left > 0 && !tap.isWaiting(); left--) {
    await Promise.all([victim.kill('beforeManifest'), feed.burst(nc, burst)])
    const before = tap.count
    const isSettled = (): boolean => tap.count > before && tap.sinceNewestMs > 600
    for (const deadline = Date.now() + longestTryMs / 2; !tap.isWaiting() && !isSettled() && Date.now() < deadline;) await pause(50)
  }
}

/** A reader whose consumer is deleted creates another one at once, on a replica that the servers choose. */
const createBehindDeletion = async (nc: NatsConnection, tap: ConsumerTap): Promise<void> => {
  for (const deadline = Date.now() + longestTryMs; !tap.isWaiting() && Date.now() < deadline;) {
    const before = tap.count
    await deleteConsumers(nc)
    while (tap.count === before && Date.now() < deadline) await pause(20)
    await pause(300)
  }
}

const deleteConsumers = async (nc: NatsConnection): Promise<void> => {
  const ask = (subject: string): Promise<{ readonly consumers?: ReadonlyArray<string> | null } | null> =>
    nc.request(`$JS.API.CONSUMER.${subject}`, '{}', { timeout: 2_000 }).then(
      answer => answer.json(),
      () => null,
    )
  const names = (await ask(`NAMES.${inputStream}`))?.consumers ?? []
  await Promise.all(names.filter(name => name.startsWith(ownPrefix)).map(name => ask(`DELETE.${inputStream}.${name}`)))
}

const lastSequences = async (jsm: JetStreamManager): Promise<ReadonlyMap<string, number>> => {
  const streams = [inputStream, 'OUT', 'REJECTED']
  const states = await Promise.all(streams.map(stream => until('a leader', () => stateOf(jsm, stream))))
  return new Map(streams.map((stream, i) => [stream, states[i]?.last ?? 0]))
}

/**
 * Whether the queue's consumer, led by a replica that lags, counted fewer messages than the stream's leader had for it; or whether another
 * replica led it meanwhile.
 */
export const queueLeaderLags = async (place: DisturbedPlace, absence: Absence): Promise<boolean> => {
  const cluster = clusterOf(place)
  const jsm = await jetstreamManager(place.nc, { checkAPI: false })
  const name = await until('a follower of the stream that leads the consumer', async () => {
    const state = await stateOf(jsm, inputStream)
    const leader = await consumerLeader(jsm)
    if (state === null || leader === null) return null
    if (leader !== state.leader) return leader
    const body = JSON.stringify({ placement: { preferred: state.followers[0] } })
    await place.nc.request(`$JS.API.CONSUMER.LEADER.STEPDOWN.${inputStream}.${queueConsumer}`, body, { timeout: 2_000 }).catch(() => null)
    await pause(500)
    return null
  })
  const server = cluster.server(name)
  const bitten = await besides(cluster, server, async (nc, otherJsm) => {
    await place.feed.pause()
    await leave(server, absence)
    try {
      await until('a leader', () => stateOf(otherJsm, inputStream))
      await place.feed.burst(nc, burst)
      const { messages } = await until('a leader', () => stateOf(otherJsm, inputStream))
      const counted = Array.from({ length: 5 }, () => otherJsm.consumers.info(inputStream, queueConsumer).catch(() => null))
      await comeBack(server, absence)
      for (const info of await Promise.all(counted))
        if (info !== null && info.num_pending + info.num_ack_pending < messages - burst / 2) {
          place.note(`the consumer counts ${info.num_pending} and ${info.num_ack_pending} of ${messages}, led by ${info.cluster?.leader}`)
          return true
        }
      const next = await until('a leader of the consumer', () => consumerLeader(otherJsm))
      place.note(`the consumer was led by ${name}, and is led by ${next}`)
      return next !== name
    } finally {
      server.resume()
      place.feed.resume()
    }
  })
  await cluster.ready()
  return bitten
}

const consumerLeader = async (jsm: JetStreamManager): Promise<string | null> => {
  const info = await jsm.consumers.info(inputStream, queueConsumer).catch(() => null)
  const leader = info?.cluster?.leader ?? ''
  return leader === '' ? null : leader
}

/** Whether another server led the stream, and had more messages, when the former leader woke. */
export const leaderStops = async (place: DisturbedPlace): Promise<boolean> => {
  const cluster = clusterOf(place)
  const jsm = await jetstreamManager(place.nc, { checkAPI: false })
  const { leader, last } = await until('a leader', () => stateOf(jsm, inputStream))
  const server = cluster.server(leader)
  await place.feed.pause()
  await server.pause()
  try {
    return await besides(cluster, server, async (nc, otherJsm) => {
      const next = await until('another leader', async () => {
        const state = await stateOf(otherJsm, inputStream)
        return state !== null && state.leader !== leader ? state : null
      })
      await place.feed.burst(nc, burst)
      const again = place.victim.kill('anyMoment')
      server.resume()
      await again
      const now = await until('a leader', () => stateOf(otherJsm, inputStream))
      return next.leader !== leader && now.last >= last + burst
    })
  } finally {
    server.resume()
    place.feed.resume()
    await cluster.ready()
  }
}

/** Whether each server was away while the stream grew, and the stream's leader changed meanwhile. */
export const rollingRestart = async (place: DisturbedPlace): Promise<boolean> => {
  const cluster = clusterOf(place)
  const jsm = await jetstreamManager(place.nc, { checkAPI: false })
  const leaders = new Set<string>()
  for (const [i, server] of cluster.servers.entries()) {
    const { leader } = await until('a leader', () => stateOf(jsm, inputStream))
    leaders.add(leader)
    await place.feed.pause()
    await server.kill()
    await besides(cluster, server, async (nc, otherJsm) => {
      // An upgrade takes longer than an election.
      await until('another leader', async () => {
        const state = await stateOf(otherJsm, inputStream)
        return state !== null && (state.leader !== leader || leader !== `n${i + 1}`) ? state : null
      })
      if (place.pipeline !== 'queue') await deleteConsumers(nc)
      await place.feed.burst(nc, burst / 4)
      await server.restart()
    })
    place.feed.resume()
    await cluster.ready()
    for (const stream of [inputStream, 'OUT']) await until(`current replicas of ${stream}`, () => isCurrent(jsm, stream))
  }
  leaders.add((await until('a leader', () => stateOf(jsm, inputStream))).leader)
  return leaders.size > 1
}
