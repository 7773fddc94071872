// One crash test: a real server, a real process, kills of either and of single workers while messages come in; then everything is counted.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { NatsCluster, NatsServer, type RunningCluster, type RunningServer } from 'jetbeam/testing/nats-server'
import { isMarker } from '../../io/jetstream/marker-subject.ts'
import { recentBinary, recentServer } from '../support/recent-server.ts'
import { steadyConnection } from '../support/steady-connection.ts'
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts'
import { type Counts, countRelay, countWindows } from './counting.ts'
import { attempts, disturb, type Disturbance, type Disturbed } from './disturbances.ts'
import { lastEvent } from './events.ts'
import { Evidence } from './evidence.ts'
import { Feed, publishAcknowledged } from './feed.ts'
import { type Kill, killsOf, type PipelineName } from './kills.ts'
import { pause } from './stream-state.ts'
import { withSystemAccount } from './system-account.ts'
import { Victim } from './victim.ts'

export interface Plan {
  readonly pipeline: PipelineName
  /** null: the direct runner. */
  readonly workers: number | null
  /** How often the process or one of its workers is killed, in all ways that there are in turn. */
  readonly kills: number
  /** How often the server is killed, beside that. */
  readonly serverKills: number
  /** Once the server stays away for longer than its duplicate window. */
  readonly longOutage: boolean
  /** Servers that are one, and replicas of each stream: more than one, and the leader is the one that is killed. */
  readonly servers: 1 | 3
  /** How its servers are disturbed beside that, each until it has an effect. None is the default. */
  readonly disturbances?: ReadonlyArray<Disturbance>
  /** Only these, instead of all that there can be. */
  readonly ways?: ReadonlyArray<Kill>
  /** Whether the destination takes atomic batches, from a server that has them. */
  readonly batches: boolean
  /** For the moments. */
  readonly seed: number
}

export interface Result extends Counts {
  readonly kills: ReadonlyArray<Kill>
  readonly serverKills: number
  readonly disturbed: ReadonlyArray<Disturbed>
  readonly events: number
  /** Of a queue: what is still there, although all of it was read. */
  readonly unacknowledged: number
}

/** Shorter than the long outage, longer than a restart. */
const duplicateWindowMs = 2_000
const longOutageMs = 3_500
const settleMs = 60_000

/** What is lost, repeated or wrong, and what it rejects with, comes with the folder where the evidence is kept. */
export const runScenario = async (plan: Plan, log: (line: string) => void): Promise<Result> => {
  const folder = await mkdtemp(join(tmpdir(), 'jetbeam-crash-'))
  const evidence = new Evidence(folder)
  const servers = await serversOf(plan)
  const keep = async (): Promise<string> => {
    await evidence.keepLogs(servers.logFiles)
    return `the evidence is in ${folder}`
  }
  let kept = false
  try {
    const result = await killed(plan, servers, evidence, log)
    kept = result.lost + result.duplicated + result.wrong + result.unacknowledged > 0
    return kept ? { ...result, examples: [...result.examples, await keep()] } : result
  } catch (error) {
    kept = true
    throw new Error(`${error instanceof Error ? error.message : String(error)}; ${await keep()}`, { cause: error })
  } finally {
    await servers.stop()
    if (!kept) await rm(folder, { recursive: true })
  }
}

const killed = async (plan: Plan, servers: Servers, evidence: Evidence, log: (line: string) => void): Promise<Result> => {
  const random = randomOf(plan.seed)
  const nc = await steadyConnection(servers.url)
  const checkpoints = join(evidence.folder, 'checkpoints')
  const workers = plan.workers === null ? [] : ['--workers', String(plan.workers)]
  const args = ['--pipeline', plan.pipeline, '--nats', servers.pipelineUrl, '--checkpoints', checkpoints, ...workers]
  const victim = new Victim(args, what => evidence.note(what))
  const feed = new Feed(nc)
  try {
    await patiently(() => makeStreams(nc, plan))
    victim.start()
    feed.start()
    let serverKills = 0
    const disturbed: Disturbed[] = []
    const moments = shuffled<Moment>(
      [...inTurn(plan), ...Array<'server'>(plan.serverKills).fill('server'), ...(plan.disturbances ?? []).map(kind => ({ kind }))],
      random,
    )
    for (const [i, moment] of moments.entries()) {
      await pause(pauseBefore(moment, plan, random))
      if (typeof moment === 'object') {
        const { cluster, server, proxy } = servers
        const note = (what: string): void => evidence.note(what)
        for (let left = attempts, bitten = false; left > 0 && !bitten; left--) {
          note(`to disturb: ${moment.kind}`)
          const last = await disturb(moment.kind, { pipeline: plan.pipeline, cluster, server, proxy, nc, feed, victim, random, note })
          note(`disturbed: ${last.kind}, ${last.bitten ? 'with' : 'without'} effect`)
          disturbed.push(last)
          bitten = last.bitten
        }
      } else if (moment === 'server') {
        const outageMs = plan.longOutage && serverKills === 0 ? longOutageMs : random() * 500
        const server = await servers.leader(nc)
        evidence.note(`${server.url} is killed, for ${Math.round(outageMs)} ms`)
        await killServer(server, feed, outageMs)
        evidence.note(`${server.url} is back`)
        serverKills++
      } else {
        await victim.kill(moment)
      }
      if ((i + 1) % 10 === 0) log(`${plan.pipeline}: ${i + 1} of ${moments.length} kills, ${feed.published} events so far`)
    }
    await feed.stop()
    await publishAcknowledged(nc, Buffer.from(JSON.stringify(lastEvent)), feed.published)
    const counts = await settled(() => patiently(() => count(nc, plan, feed)), victim)
    await victim.terminate()
    // What came after the last look would be a repetition as well.
    const final = await patiently(() => count(nc, plan, feed))
    await requireMarkers(nc, plan)
    const left = async (): Promise<number> => (await (await jetstreamManager(nc)).streams.info('EVENTS')).state.messages
    const unacknowledged = plan.pipeline === 'queue' ? await patiently(left) : 0
    return { ...(counts.lost > 0 ? counts : final), kills: victim.kills, serverKills, disturbed, events: feed.published, unacknowledged }
  } finally {
    await feed.stop()
    await victim.dispose()
    await nc.close()
  }
}

const count = (nc: NatsConnection, { pipeline }: Plan, { published }: Feed): Promise<Counts> =>
  pipeline === 'relay' || pipeline === 'lateRelay' ? countRelay(nc, published) : countWindows(nc, published)

/** A cluster that has just lost a leader does not answer for a while. */
const patiently = async <A>(ask: () => Promise<A>): Promise<A> => {
  for (const deadline = Date.now() + settleMs; ;)
    try {
      return await ask()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await pause(200)
    }
}

type Moment = Kill | 'server' | { readonly kind: Disturbance }

interface Servers {
  readonly url: string
  /** Through the proxy, where there is one. */
  readonly pipelineUrl: string
  readonly proxy: TcpProxy | null
  readonly cluster: RunningCluster | null
  /** The single one, or the first one of a cluster. */
  readonly server: RunningServer
  /** That of what is written. */
  readonly leader: (nc: NatsConnection) => Promise<RunningServer>
  readonly logFiles: ReadonlyArray<string | null>
  readonly stop: () => Promise<void>
}

const serversOf = async ({ servers: count, batches }: Plan): Promise<Servers> => {
  if (count === 1) {
    const server = await (batches ? recentServer() : NatsServer.start({ control: true }))
    const proxy = await tcpProxy(server.port)
    return {
      url: server.url,
      pipelineUrl: `nats://127.0.0.1:${proxy.port}`,
      proxy,
      cluster: null,
      server,
      leader: () => Promise.resolve(server),
      logFiles: [server.logFile],
      stop: async () => {
        await proxy.close()
        await server.stop()
      },
    }
  }
  const cluster = await NatsCluster.start({ size: count, config: withSystemAccount, ...(batches ? { binary: await recentBinary() } : {}) })
  const [server] = cluster.servers
  if (server === undefined) throw new Error('the cluster has no server')
  return {
    url: cluster.url,
    pipelineUrl: cluster.url,
    proxy: null,
    cluster,
    server,
    leader: nc => leaderIn(cluster, nc),
    logFiles: cluster.servers.map(({ logFile }) => logFile),
    stop: cluster.stop,
  }
}

/** Of a stream that may have just lost one. */
const leaderIn = async (cluster: RunningCluster, nc: NatsConnection): Promise<RunningServer> => {
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  for (const deadline = Date.now() + settleMs; ;) {
    const info = await jsm.streams.info('OUT').catch(() => null)
    const leader = info?.cluster?.leader ?? ''
    if (leader !== '') return cluster.server(leader)
    if (Date.now() > deadline) throw new Error(`OUT has had no leader for ${settleMs} ms`)
    await pause(100)
  }
}

const inTurn = ({ pipeline, workers, kills, ways = killsOf(pipeline, workers) }: Plan): ReadonlyArray<Kill> => {
  return Array.from({ length: kills }, (_, i) => ways[i % ways.length] ?? 'anyMoment')
}

/** Before what has a moment of its own only as long as that takes; else from before the process has begun to well into its work. */
const pauseBefore = (moment: Moment, { workers }: Plan, random: () => number): number => {
  if (typeof moment === 'string' && moment !== 'server' && moment !== 'anyMoment') return random() * 300
  // Threads of a checkout load its sources one by one, which takes longer.
  return (700 + random() * 1_500) * (workers === null ? 1 : 2)
}

/** Looks until nothing is missing, for as long as less and less is: a process that was killed again and again has much to catch up with. */
const settled = async (count: () => Promise<Counts>, victim: Victim): Promise<Counts> => {
  let least = Number.POSITIVE_INFINITY
  let deadline = 0
  for (;;) {
    const counts = await count()
    if (counts.lost < least) {
      least = counts.lost
      deadline = Date.now() + settleMs
    }
    if (counts.lost === 0 || Date.now() > deadline) return counts
    victim.checkAlive()
    await pause(300)
  }
}

/** They say that the outputs went the way that this was to show. */
const requireMarkers = async (nc: NatsConnection, { batches }: Plan): Promise<void> => {
  const { state } = await (await jetstreamManager(nc)).streams.info('OUT', { subjects_filter: 'out.>' })
  if (Object.keys(state.subjects ?? {}).some(isMarker) !== batches)
    throw new Error(`the outputs were ${batches ? 'not ' : ''}published in batches`)
}

const makeStreams = async (nc: NatsConnection, { pipeline, servers: num_replicas, batches }: Plan): Promise<void> => {
  const jsm = await jetstreamManager(nc)
  const storage = StorageType.File
  const retention = pipeline === 'queue' ? RetentionPolicy.Workqueue : RetentionPolicy.Limits
  await jsm.streams.add({ name: 'EVENTS', subjects: ['events'], storage, retention, num_replicas })
  const atomic = batches ? { allow_atomic: true } : {}
  await jsm.streams.add({
    name: 'OUT',
    subjects: ['out.>'],
    storage,
    num_replicas,
    duplicate_window: duplicateWindowMs * 1_000_000,
    ...atomic,
  })
  await jsm.streams.add({
    name: 'REJECTED',
    subjects: ['rejected'],
    storage,
    num_replicas,
    duplicate_window: duplicateWindowMs * 1_000_000,
  })
}

const killServer = async (server: RunningServer, feed: Feed, outageMs: number): Promise<void> => {
  await feed.pause()
  await server.kill()
  await pause(outageMs)
  await server.restart()
  feed.resume()
}

const randomOf = (seed: number): (() => number) => {
  let state = (seed * 2_654_435_761) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4_294_967_296
  }
}

const shuffled = <A>(items: ReadonlyArray<A>, random: () => number): ReadonlyArray<A> => {
  const keyed = items.map(item => ({ item, at: random() }))
  return keyed.sort((a, b) => a.at - b.at).map(({ item }) => item)
}
