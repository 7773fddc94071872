// Copies of key-value buckets, begun while the servers of the bucket are disturbed. Each round has a new bucket, and all keys are counted.
import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { Checkpoints, millis, orThrow } from 'jetbeam'
import { JetStreamIO } from 'jetbeam/io/jetstream'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { NatsCluster, NatsServer, type RunningCluster, type RunningServer } from 'jetbeam/testing/nats-server'
import { steadyConnection } from '../support/steady-connection.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { ConsumerTap } from './consumer-tap.ts'
import { messagesOf } from './counting.ts'
import type { Disturbance, Disturbed } from './disturbances.ts'
import { copyBucket } from './kv-program.ts'
import { lostHistory } from './lost-history.ts'
import { besides, isCurrent, pause, stateOf, until } from './stream-state.ts'
import { rolesIn, stepDownMeta, withSystemAccount } from './system-account.ts'

export type KvDisturbance = Exclude<Disturbance, 'consumerPaused'>
const inCluster: ReadonlyArray<KvDisturbance> = ['followerStops', 'followerRestarts', 'leaderStops', 'rollingRestart']
const ofOneServer: ReadonlyArray<KvDisturbance> = ['cutScan', 'olderStore']

export interface KvPlan {
  /** null: the direct runner. */
  readonly workers: number | null
  /** Rounds of each disturbance, each with effect. */
  readonly rounds: number
}

export interface KvResult {
  readonly disturbed: ReadonlyArray<Disturbed>
  readonly copies: number
  readonly keys: number
  readonly lost: number
  readonly duplicated: number
  readonly wrong: number
  readonly examples: ReadonlyArray<string>
}

const keys = 2_000
const attempts = 6
const throttledBytes = 300_000
/** How long a copy may take to create its consumers. */
const createsMs = 8_000

interface Place {
  readonly plan: KvPlan
  readonly nc: NatsConnection
  readonly jsm: JetStreamManager
  readonly folder: string
  /** One of the two. */
  readonly cluster: RunningCluster | null
  readonly server: RunningServer | null
}

export const runKvScenario = async (plan: KvPlan, log: (line: string) => void): Promise<KvResult> => {
  const results: KvResult[] = []
  const cluster = await NatsCluster.start({ config: withSystemAccount })
  const server = await NatsServer.start({ control: true })
  const folder = await mkdtemp(join(tmpdir(), 'jetbeam-crash-kv-'))
  try {
    for (const [kinds, at] of [
      [inCluster, { cluster, server: null }],
      [ofOneServer, { cluster: null, server }],
    ] as const) {
      const nc = await steadyConnection((at.cluster ?? at.server).url)
      const jsm = await jetstreamManager(nc, { checkAPI: false })
      const place: Place = { plan, nc, jsm, folder, ...at }
      await makeStream(place, 'OUT', { subjects: ['out.>'] })
      await makeStream(place, 'KV_COPY', { subjects: ['$KV.COPY.>'], max_msgs_per_subject: 1 })
      for (let i = 0; i < plan.rounds; i++)
        for (const kind of kinds)
          for (let left = attempts, bitten = false; left > 0 && !bitten; left--) {
            const round = new Round(place, results.length)
            bitten = await round.run(kind)
            results.push(await round.count(kind, bitten))
            log(`${kind}: ${bitten ? 'with' : 'without'} effect; ${showKv(sumOf(results))}`)
          }
      await nc.close()
    }
  } finally {
    await Promise.all([cluster.stop(), server.stop()])
    await rm(folder, { recursive: true })
  }
  return sumOf(results)
}

const sumOf = (results: ReadonlyArray<KvResult>): KvResult => {
  const sum = (figure: 'copies' | 'keys' | 'lost' | 'duplicated' | 'wrong'): number => results.reduce((all, one) => all + one[figure], 0)
  return {
    disturbed: results.flatMap(({ disturbed }) => disturbed),
    copies: sum('copies'),
    keys: sum('keys'),
    lost: sum('lost'),
    duplicated: sum('duplicated'),
    wrong: sum('wrong'),
    examples: results.flatMap(({ examples }) => examples).slice(0, 10),
  }
}

export const showKv = ({ copies, keys: all, lost, duplicated, wrong }: KvResult): string =>
  `${copies} copies, ${all} entries: lost ${lost}, duplicated ${duplicated}, wrong ${wrong}`

const makeStream = ({ jsm, cluster }: Place, name: string, config: object): Promise<unknown> =>
  until(`the stream ${name}`, () => jsm.streams.add({ name, num_replicas: cluster === null ? 1 : 3, ...config }).catch(() => null))

class Round {
  readonly #place: Place
  readonly #bucket: string
  readonly #stream: string
  readonly #values = new Map<string, string>()
  readonly #copies: string[] = []
  readonly #running: Promise<unknown>[] = []
  #ended = 0

  constructor(place: Place, round: number) {
    this.#place = place
    this.#bucket = `B${round}`
    this.#stream = `KV_${this.#bucket}`
  }

  async run(kind: KvDisturbance): Promise<boolean> {
    await makeStream(this.#place, this.#stream, { subjects: [`$KV.${this.#bucket}.>`], max_msgs_per_subject: 1 })
    const bitten = await this.#disturb(kind)
    await Promise.all(this.#running)
    return bitten
  }

  #disturb(kind: KvDisturbance): Promise<boolean> {
    switch (kind) {
      case 'followerStops':
        return this.#followerLags('stop')
      case 'followerRestarts':
        return this.#followerLags('kill')
      case 'leaderStops':
        return this.#leaderStops()
      case 'rollingRestart':
        return this.#rollingRestart()
      case 'cutScan':
        return this.#cutListing()
      case 'olderStore':
        return this.#olderStore()
    }
  }

  get #cluster(): RunningCluster {
    const { cluster } = this.#place
    if (cluster === null) throw new Error('a single server has no replicas')
    return cluster
  }

  get #server(): RunningServer {
    const { server } = this.#place
    if (server === null) throw new Error('a cluster is no single server')
    return server
  }

  async count(kind: KvDisturbance, bitten: boolean): Promise<KvResult> {
    const { nc, jsm } = this.#place
    const copied = new Map((await messagesOf(nc, 'KV_COPY')).map(({ subject, text }) => [subject, text]))
    const emitted = await messagesOf(nc, 'OUT')
    const lost: string[] = []
    const wrong: string[] = []
    for (const copy of this.#copies) {
      const texts = new Set(emitted.filter(({ subject }) => subject === `out.${copy}`).map(({ text }) => text.replace(/ \d+ /, ' ')))
      for (const [key, value] of this.#values) {
        const found = copied.get(`$KV.COPY.${copy}.${key}`)
        if (found === undefined || !texts.has(`${key} ${value}`)) lost.push(`${copy}.${key}`)
        else if (found !== value) wrong.push(`${copy}.${key}`)
      }
    }
    const once = new Set(emitted.map(({ subject, text }) => `${subject} ${text}`))
    await until('an empty copy', () => jsm.streams.purge('KV_COPY').catch(() => null))
    await until('an empty stream', () => jsm.streams.purge('OUT').catch(() => null))
    await until('the end of the bucket', () => jsm.streams.delete(this.#stream).catch(() => null))
    return {
      disturbed: [{ kind, bitten }],
      copies: this.#copies.length,
      keys: this.#copies.length * this.#values.size,
      lost: lost.length,
      duplicated: emitted.length - once.size,
      wrong: wrong.length,
      examples: [...lost.slice(0, 3).map(key => `lost: ${key} (${kind})`), ...wrong.slice(0, 3).map(key => `wrong: ${key} (${kind})`)],
    }
  }

  async #put(nc: NatsConnection, from: number, to: number): Promise<void> {
    const js = jetstream(nc)
    for (let i = from; i < to; i += 500)
      await Promise.all(
        Array.from({ length: Math.min(500, to - i) }, async (_, k) => {
          const key = `k${i + k}`
          this.#values.set(key, `v${i + k}`)
          await until(`a put of ${key}`, () => js.publish(`$KV.${this.#bucket}.${key}`, `v${i + k}`, { timeout: 5_000 }).catch(() => null))
        }),
      )
  }

  /** Begins copies of the bucket, which end with what is there now. Several in one thread; on workers, few: each takes a second of a core. */
  #begin(
    servers: string,
    count: number | null = null,
    more: { readonly signal: AbortSignal; readonly log: (text: string) => void } | null = null,
  ): void {
    const { plan, folder } = this.#place
    const { workers } = plan
    for (let i = 0; i < (count ?? (workers === null ? 3 : 2)); i++) {
      const copy = `${this.#bucket}x${this.#copies.length}`
      this.#copies.push(copy)
      const options = {
        job: copy,
        provide: [JetStreamIO.connection({ servers })],
        checkpoints: Checkpoints.directory(join(folder, copy), { every: millis(150) }),
        restart: { attempts: 1_000, initial: millis(50), max: millis(500) },
        log: (_level: string, text: string) => more?.log(text),
        ...(more === null ? { until: 'end' as const } : { signal: more.signal }),
      }
      const pipeline = copyBucket({ bucket: this.#bucket, copy })
      const task = workers === null ? DirectRunner.run(options)(pipeline) : WorkerThreadsRunner.run({ ...options, workers })(pipeline)
      const ended = orThrow(task).then(() => {
        this.#ended++
      })
      // Where the disturbance fails first, its error is the one to show.
      ended.catch(() => undefined)
      this.#running.push(ended)
    }
  }

  async #followerLags(absence: 'stop' | 'kill'): Promise<boolean> {
    const cluster = this.#cluster
    const { jsm } = this.#place
    const { leader, followers } = await until('a leader', () => stateOf(jsm, this.#stream))
    const { metaLeader } = await rolesIn(cluster)
    const name = followers.find(each => each !== metaLeader) ?? leader
    if (name === metaLeader) await stepDownMeta(cluster, leader)
    const follower = cluster.server(name)
    const bitten = await besides(cluster, follower, async nc => {
      const tap = new ConsumerTap(nc)
      if (absence === 'stop') await follower.pause()
      else await follower.kill()
      try {
        await this.#put(nc, 0, keys)
        const copies = absence === 'kill' && this.#place.plan.workers === null ? 6 : null
        this.#begin(cluster.servers.flatMap(server => (server === follower ? [] : [server.url])).join(','), copies)
        // One that restarts does not answer at once.
        const asked = absence === 'stop' ? this.#copies.length : 1
        for (const deadline = Date.now() + createsMs; tap.count < asked && Date.now() < deadline;) await pause(20)
        if (absence === 'kill') await follower.restart()
        else {
          await pause(300)
          follower.resume()
        }
        await Promise.all(this.#running)
        return tap.created.some(
          ({ stream, from, pending }) => stream === this.#stream && from === null && pending !== null && pending < keys,
        )
      } finally {
        tap.stop()
        follower.resume()
      }
    })
    await cluster.ready()
    return bitten
  }

  /** Whether another server led the bucket's stream when the former leader woke, while copies ran. */
  async #leaderStops(): Promise<boolean> {
    const cluster = this.#cluster
    const { jsm } = this.#place
    await this.#put(this.#place.nc, 0, keys / 2)
    const { leader } = await until('a leader', () => stateOf(jsm, this.#stream))
    const server = cluster.server(leader)
    await server.pause()
    try {
      return await besides(cluster, server, async (nc, otherJsm) => {
        await until('another leader', async () => {
          const state = await stateOf(otherJsm, this.#stream)
          return state !== null && state.leader !== leader ? true : null
        })
        await this.#put(nc, keys / 2, keys)
        const tap = new ConsumerTap(nc)
        this.#begin(cluster.url)
        for (const deadline = Date.now() + createsMs; tap.count === 0 && Date.now() < deadline;) await pause(20)
        tap.stop()
        const running = this.#copies.length - this.#ended
        server.resume()
        await Promise.all(this.#running)
        return running > 0
      })
    } finally {
      server.resume()
      await cluster.ready()
    }
  }

  /** Whether the leader of the bucket's stream changed while each server was restarted, and a copy began beside each. */
  async #rollingRestart(): Promise<boolean> {
    const cluster = this.#cluster
    const { jsm } = this.#place
    const leaders = new Set<string>()
    const share = Math.ceil(keys / cluster.servers.length)
    for (const [i, server] of cluster.servers.entries()) {
      const { leader } = await until('a leader', () => stateOf(jsm, this.#stream))
      leaders.add(leader)
      await server.kill()
      await besides(cluster, server, async (nc, otherJsm) => {
        await until('another leader', async () => {
          const state = await stateOf(otherJsm, this.#stream)
          return state !== null && (state.leader !== leader || leader !== `n${i + 1}`) ? state : null
        })
        await this.#put(nc, i * share, (i + 1) * share)
      })
      // What a copy began with must be all that is counted.
      if (i === cluster.servers.length - 1) this.#begin(cluster.url)
      await server.restart()
      await cluster.ready()
      await until(`current replicas of ${this.#stream}`, () => isCurrent(jsm, this.#stream))
    }
    await Promise.all(this.#running)
    leaders.add((await until('a leader', () => stateOf(jsm, this.#stream))).leader)
    return leaders.size > 1
  }

  /** Whether the connection was cut behind the first entry of a list, and before its last. */
  async #cutListing(): Promise<boolean> {
    const server = this.#server
    const { nc, jsm } = this.#place
    await this.#put(nc, 0, keys)
    const proxy = await tcpProxy(server.port)
    try {
      proxy.throttle(throttledBytes)
      this.#begin(`nats://127.0.0.1:${proxy.port}`, 1)
      const listed = async (): Promise<number | null> => {
        for await (const { config, delivered } of jsm.consumers.list(this.#stream))
          if (config.deliver_policy === 'last_per_subject' && delivered.consumer_seq > 0) return delivered.consumer_seq
        return null
      }
      await until('a list', listed)
      proxy.cut()
      const reached = await listed()
      proxy.throttle(null)
      await Promise.all(this.#running)
      return reached !== null && reached < keys
    } finally {
      await proxy.close()
    }
  }

  /** Whether the older store really was older, and the copy refused it. */
  async #olderStore(): Promise<boolean> {
    const server = this.#server
    const { nc, jsm } = this.#place
    const store = server.storeDir
    if (store === null) throw new Error('a store can be replaced only where this process started the server')
    const [older, newer] = [`${store}-older`, `${store}-newer`]
    const last = (): Promise<number> =>
      until('a server', async () => (await jsm.streams.info(this.#stream).catch(() => null))?.state.last_seq ?? null)
    const copied = (count: number): Promise<unknown> =>
      until(`${count} entries in the copy`, async () => {
        const info = await jsm.streams.info('KV_COPY').catch(() => null)
        return info !== null && info.state.messages >= count ? info : null
      })
    const stop = new AbortController()
    let refused = false
    this.#begin(server.url, 1, { signal: stop.signal, log: text => (refused ||= lostHistory.test(text)) })
    await this.#put(nc, 0, keys / 2)
    await copied(keys / 2)
    await server.kill()
    await cp(store, older, { recursive: true })
    await server.restart()
    await this.#put(nc, keys / 2, keys)
    await copied(keys)
    const newest = await last()
    // Its position is in a checkpoint by then, and later than the older store's end.
    await pause(500)
    await server.kill()
    await rename(store, newer)
    await rename(older, store)
    await server.restart()
    const restored = await last()
    for (let i = 0; i < keys; i++) await jetstream(nc).publish(`$KV.${this.#bucket}.foreign${i}`, 'foreign', { retries: 20 })
    await until('a refusal', () => Promise.resolve(refused || null))
    await server.kill()
    await rm(store, { recursive: true })
    await rename(newer, store)
    await server.restart()
    await this.#put(nc, keys, keys + 100)
    await copied(keys + 100)
    stop.abort()
    await Promise.all(this.#running)
    return restored < newest
  }
}
