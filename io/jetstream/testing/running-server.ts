// A server that a test holds: it can be killed, stopped, paused and started again on the same port and store.
import { setTimeout } from 'node:timers/promises'
import { type GuardedDirectory, hasEnded } from './guarded-directory.ts'
import { standsStill } from './process-state.ts'
import { type ServerPlan, type ServerProcess, NatsServerFailed, end, endGracefully, host, logFile, startProcess } from './server-process.ts'

/** A nats-server that runs for a test. It ends with the process that started it, however that ends. */
export interface RunningServer {
  /** `nats://127.0.0.1:41234` */
  readonly url: string
  /** Of 127.0.0.1; the same after a restart. */
  readonly port: number
  /** Where JetStream stores; null for a server that was started by somebody else. */
  readonly storeDir: string | null
  /** Its log; null for a server that was started by somebody else. */
  readonly logFile: string | null
  /** As the server tells it: `2.12.1`. */
  readonly version: string
  /** Of the server itself; null while it is down, and for a server that was started by somebody else. */
  readonly pid: number | null
  /** Ends it for good: SIGTERM, and SIGKILL after 10 s. Removes its store, unless it was given. Does nothing a second time. */
  readonly stop: () => Promise<void>
  /** SIGKILL, as a crash would; `restart` brings it back. */
  readonly kill: () => Promise<void>
  /** On the same port and store: after `kill`, or else after a graceful end. */
  readonly restart: () => Promise<void>
  /** SIGSTOP: connections stay and nothing answers. Resolves when it stands still. */
  readonly pause: () => Promise<void>
  /** SIGCONT */
  readonly resume: () => void
  /** SIGUSR2, lame-duck mode: it gives its leaderships away, sends its clients elsewhere and ends in its own time; `restart` brings it back. */
  readonly retire: () => void
  /** The same as `stop`, for `await using`. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/**
 * What was asked for is not possible with this server: it is down, or was stopped for good, or JETBEAM_NATS_URL names it. Where a test must
 * control its server, start it with `control: true`.
 *
 * @example
 * const server = await NatsServer.start({ control: true })
 * await server.stop()
 * await server.restart().catch(error => error instanceof NatsServerNotControllable) // true
 */
export class NatsServerNotControllable extends Error {
  readonly _tag = 'NatsServerNotControllable'

  constructor(verb: string, why: string) {
    super(`Cannot ${verb} the NATS server: ${why}`)
    this.name = 'NatsServerNotControllable'
  }
}

/** Starts what is planned, and ends it, its directory too, if it does not become ready. */
export const runServer = async (plan: ServerPlan, firstPort: number | null): Promise<RunningServer> => {
  const first = await startProcess(plan, firstPort).catch((error: unknown) => removeAfter(plan.directory, error))
  const { port, version } = first
  let current: ServerProcess = first
  let stopped = false
  const down = (): boolean => hasEnded(current.child)
  const signal = (verb: string, name: 'SIGSTOP' | 'SIGCONT' | 'SIGUSR2'): void => {
    if (down()) throw new NatsServerNotControllable(verb, 'it is down.')
    current.child.kill(name)
  }
  const stop = async (): Promise<void> => {
    stopped = true
    await endGracefully(current.child)
    await plan.directory.remove()
  }
  return {
    url: `nats://${host}:${port}`,
    port,
    version,
    storeDir: plan.storeDir,
    logFile: logFile(plan),
    get pid() {
      return down() ? null : current.pid
    },
    stop,
    kill: () => end(current.child, 'SIGKILL'),
    restart: async () => {
      if (stopped)
        throw new NatsServerNotControllable(
          'restart',
          'it was stopped, and its store is gone. Use kill() before restart(), or restart() alone.',
        )
      await endGracefully(current.child)
      current = await startAgain(plan, port)
    },
    pause: async () => {
      signal('pause', 'SIGSTOP')
      await standsStill(current.pid)
    },
    resume: () => signal('resume', 'SIGCONT'),
    retire: () => signal('retire', 'SIGUSR2'),
    [Symbol.asyncDispose]: stop,
  }
}

/** A server that somebody else started: it can be used, and nothing else. */
export const foreignServer = (url: string, port: number, version: string): RunningServer => {
  const refuse = (verb: string) => (): never => {
    throw new NatsServerNotControllable(verb, `JETBEAM_NATS_URL names one that runs already (${url}). Start one with { control: true }.`)
  }
  const leave = (): Promise<void> => Promise.resolve()
  return {
    url,
    port,
    version,
    storeDir: null,
    logFile: null,
    pid: null,
    stop: leave,
    kill: async () => refuse('kill')(),
    restart: async () => refuse('restart')(),
    pause: async () => refuse('pause')(),
    resume: refuse('resume'),
    retire: refuse('retire'),
    [Symbol.asyncDispose]: leave,
  }
}

/** While the server is down, the system may lend its port to an outgoing connection, a reconnecting client's even: wait for it. */
const startAgain = async (plan: ServerPlan, port: number): Promise<ServerProcess> => {
  const giveUpAt = Date.now() + plan.readyLimitMs
  for (;;)
    try {
      return await startProcess(plan, port)
    } catch (error) {
      const lent = error instanceof NatsServerFailed && error.message.includes('address already in use')
      if (!lent || Date.now() > giveUpAt) throw error
      await setTimeout(portPauseMs)
    }
}

const portPauseMs = 100

const removeAfter = async (directory: GuardedDirectory, error: unknown): Promise<never> => {
  await directory.remove()
  throw error
}
