// Three servers that are one: streams with replicas, and leaders that can be lost.
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { type Configuration, configurationText } from './configuration.ts'
import { jetStreamAnswers } from './jetstream-answers.ts'
import { NatsServer } from './nats-server.ts'
import type { RunningServer } from './running-server.ts'
import { NatsServerFailed, host } from './server-process.ts'

/** How `NatsCluster.start` starts its servers. */
export interface ClusterOptions {
  /** More lines for the configuration of each server. Names, routes, addresses and store directories are decided here. */
  readonly config?: Configuration | undefined
  /** How many; 3 unless given. */
  readonly size?: number | undefined
  /** Refuse anything older, such as `2.12.1`. Unless given, 2.12 or later is preferred and an older one taken if there is no other. */
  readonly minimumVersion?: string | undefined
  /** The path of a server's program, instead of a search. */
  readonly binary?: string | undefined
  /** How long it may take until JetStream has a leader, in milliseconds: 30,000 unless given. */
  readonly readyLimitMs?: number | undefined
}

/** A cluster that runs for a test. It ends with the process that started it, however that ends. */
export interface RunningCluster {
  /** All addresses, with commas between them: what a client is given. */
  readonly url: string
  /** Each by itself can be killed, paused and started again. */
  readonly servers: ReadonlyArray<RunningServer>
  /** The server of this name, as a stream's `cluster.leader` tells it. Throws a RangeError where there is none. */
  readonly server: (name: string) => RunningServer
  /** Resolves when JetStream answers through every server that runs; rejects with NatsServerFailed. */
  readonly ready: () => Promise<void>
  /** Ends all of them for good. Does nothing a second time. */
  readonly stop: () => Promise<void>
  /** The same as `stop`, for `await using`. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const defaultSize = 3
const defaultReadyLimitMs = 30_000
const pollMs = 50

/** Clusters of real NATS servers for tests. */
export const NatsCluster = {
  /**
   * Starts nats-servers with JetStream as one cluster on free ports of 127.0.0.1, each with a temporary store, and waits until JetStream has
   * a leader, so that streams with as many replicas can be made. `JETBEAM_NATS_URL` is not looked at: a cluster is one's own.
   *
   * Rejects with NatsServerNotFound or NatsServerFailed, as `NatsServer.start` does.
   *
   * @example
   * const cluster = await NatsCluster.start()
   * const connection = await connect({ servers: cluster.url.split(',') })
   * await cluster.server('n1').kill()
   * await connection.flush()
   * await connection.close()
   * await cluster.stop()
   */
  start: async (options: ClusterOptions = {}): Promise<RunningCluster> => {
    const { config, size = defaultSize, minimumVersion, readyLimitMs = defaultReadyLimitMs } = options
    const binary = options.binary ?? (await NatsServer.locate({ minimumVersion })).binary
    const ports = await freePorts(size)
    const routes = ports.map(port => `nats://${host}:${port}`)
    const name = (i: number): string => `n${i + 1}`
    const started = await Promise.allSettled(
      ports.map((port, i) => {
        const own = { server_name: name(i), cluster: { name: 'jetbeam', listen: `${host}:${port}`, routes } }
        const text = configurationText(own) + (config === undefined ? '' : configurationText(config))
        return NatsServer.start({ binary, config: text, control: true, readyLimitMs })
      }),
    )
    const servers = started.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
    const stop = async (): Promise<void> => {
      await Promise.all(servers.map(server => server.stop()))
    }
    const ready = (): Promise<void> => answering(servers, readyLimitMs)
    const failed = started.find(each => each.status === 'rejected')
    try {
      if (failed !== undefined) throw failed.reason
      await ready()
    } catch (error) {
      await stop()
      throw error
    }
    return {
      url: servers.map(({ url }) => url).join(','),
      servers,
      server: wanted => {
        const found = servers.find((_, i) => name(i) === wanted)
        if (found === undefined)
          throw new RangeError(`No server of the cluster is called '${wanted}': there are ${servers.map((_, i) => name(i)).join(', ')}.`)
        return found
      },
      ready,
      stop,
      [Symbol.asyncDispose]: stop,
    }
  },
} as const

const answering = async (servers: ReadonlyArray<RunningServer>, limitMs: number): Promise<void> => {
  const giveUpAt = Date.now() + limitMs
  for (const { port, pid } of servers) {
    if (pid === null) continue
    while (!(await jetStreamAnswers(host, port))) {
      if (Date.now() > giveUpAt) throw new NatsServerFailed(`had no JetStream leader within ${limitMs / 1000} s`, '')
      await setTimeout(pollMs)
    }
  }
}

/** Asked for all at once, so that they differ. Somebody else may take one before the server does: the start then fails, and says so. */
export const freePorts = async (count: number): Promise<ReadonlyArray<number>> => {
  const listeners = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    listeners.map(
      listener =>
        new Promise<number>((resolve, reject) => {
          listener.once('error', reject).listen(0, host, () => {
            const address = listener.address()
            resolve(typeof address === 'object' && address !== null ? address.port : 0)
          })
        }),
    ),
  )
  await Promise.all(listeners.map(listener => new Promise(resolve => listener.close(resolve))))
  return ports
}
