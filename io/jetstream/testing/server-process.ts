// One run of a nats-server: from its start until it is ready, and to its end.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type GuardedDirectory, hasEnded } from './guarded-directory.ts'
import { errorText } from './obtainer.ts'
import { serverInfo } from './server-info.ts'

/** All that a server is started with, again and again on the same port once it has one. */
export interface ServerPlan {
  readonly binary: string
  readonly directory: GuardedDirectory
  readonly storeDir: string
  readonly jetstream: boolean
  /** A configuration file; null: none. */
  readonly configurationFile: string | null
  readonly readyLimitMs: number
}

/** A server that takes connections. */
export interface ServerProcess {
  readonly child: ChildProcess
  readonly pid: number
  readonly port: number
  readonly version: string
}

/**
 * nats-server did not become ready. `message` ends with the last lines of its log: mend the `config`, or give it a longer `readyLimitMs`.
 *
 * @example
 * const started = NatsServer.start({ config: { max_payload: 'much' } })
 * await started.catch(error => error instanceof NatsServerFailed) // true
 */
export class NatsServerFailed extends Error {
  readonly _tag = 'NatsServerFailed'

  constructor(reason: string, logTail: string) {
    super(`nats-server ${reason}. The end of its log:\n${logTail}`)
    this.name = 'NatsServerFailed'
  }
}

export const host = '127.0.0.1'

const pollMs = 10
const stopLimitMs = 10_000
const logTailLines = 20

export const logFile = (plan: ServerPlan): string => join(plan.directory.path, 'nats-server.log')

/** Starts the server and waits until it is ready, JetStream too. `port` null: a free one, chosen by the server, so that nobody can take it in between. */
export const startProcess = async (plan: ServerPlan, port: number | null): Promise<ServerProcess> => {
  const giveUpAt = Date.now() + plan.readyLimitMs
  const { child, pid } = await spawnServer(plan, port)
  const fail = async (reason: string): Promise<never> => {
    child.kill('SIGKILL')
    throw new NatsServerFailed(reason, await logTail(plan))
  }
  let last = 'it does not listen'
  while (Date.now() < giveUpAt) {
    if (hasEnded(child)) return fail(`ended with ${child.exitCode ?? child.signalCode} before it was ready`)
    const listening = await listeningPort(plan, pid)
    if (listening !== null) {
      const info = await serverInfo(host, listening).catch((error: unknown) => errorText(error))
      if (typeof info !== 'string' && info.jetstream === plan.jetstream) return { child, pid, port: listening, version: info.version }
      last = typeof info === 'string' ? info : 'JetStream is not enabled'
    }
    await setTimeout(pollMs)
  }
  return fail(`was not ready within ${plan.readyLimitMs / 1000} s: ${last}`)
}

/** SIGTERM, and SIGKILL where that takes longer than 10 s. */
export const endGracefully = async (child: ChildProcess): Promise<void> => {
  const ended = end(child, 'SIGTERM')
  // One that a test has paused would not hear it.
  child.kill('SIGCONT')
  const deadline = new AbortController()
  const late = setTimeout(stopLimitMs, null, { signal: deadline.signal }).then(
    () => end(child, 'SIGKILL'),
    () => undefined,
  )
  await Promise.race([ended, late])
  deadline.abort()
}

/** Sends a signal that ends it, and waits for the end. */
export const end = async (child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
  if (hasEnded(child)) return
  // Else this process could end before what it waits for.
  child.ref()
  child.kill(signal)
  await once(child, 'exit')
}

const spawnServer = async (plan: ServerPlan, port: number | null): Promise<{ readonly child: ChildProcess; readonly pid: number }> => {
  const ports = portsFolder(plan)
  await mkdir(ports, { recursive: true })
  const log = await open(logFile(plan), 'a')
  try {
    const args = ['--addr', host, '--port', String(port ?? -1), '--ports_file_dir', ports]
    if (plan.jetstream) args.push('--jetstream', '--store_dir', plan.storeDir)
    if (plan.configurationFile !== null) args.push('--config', plan.configurationFile)
    const child = plan.directory.spawn(plan.binary, args, { stdio: ['ignore', log.fd, log.fd] })
    if (child.pid === undefined) throw new Error('sh did not start')
    return { child, pid: child.pid }
  } finally {
    await log.close()
  }
}

const portsFolder = (plan: ServerPlan): string => join(plan.directory.path, 'ports')

/** The server writes `<program>_<pid>.ports` once it listens; one that was killed leaves its own behind. */
const listeningPort = async (plan: ServerPlan, pid: number): Promise<number | null> => {
  const name = (await readdir(portsFolder(plan))).find(each => each.endsWith(`_${pid}.ports`))
  if (name === undefined) return null
  const text = await readFile(join(portsFolder(plan), name), 'utf8')
  const found = /"nats":\s*\["[a-z]+:\/\/[^"]*:(\d+)"/.exec(text)?.[1]
  return found === undefined ? null : Number(found)
}

const logTail = async (plan: ServerPlan): Promise<string> =>
  (await readFile(logFile(plan), 'utf8')).trim().split('\n').slice(-logTailLines).join('\n')
