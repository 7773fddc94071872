// A process that cannot confirm its lease, beside its successor: cut off from its checkpoint store alone, or stopped beyond its lease and
// woken up while the store is silent. Its data server answers all the time, and forgets message ids after a second. Then all is counted.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { NatsServer, type RunningServer } from 'jetbeam/testing/nats-server'
import { streamTexts } from '../support/read-stream.ts'
import { steadyConnection } from '../support/steady-connection.ts'
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.ts'
import type { LeaseTold } from './lease-program.ts'

export type Disturbance = 'cutOff' | 'stopped'

export interface LeasePlan {
  readonly disturbance: Disturbance
  /** null: the direct runner. */
  readonly workers: number | null
  readonly leaseMs: number
  readonly rounds: number
  /** So many rounds at a time: most of each is waiting. */
  readonly atOnce: number
}

export interface LeaseResult {
  readonly rounds: number
  readonly events: number
  readonly lost: number
  /** By the first process beside its successor, or by the successor. */
  readonly repeated: number
  /** What a process had handed to its connection when it was stopped leaves when it wakes up: see the README. */
  readonly handedOver: number
  /** Sent by the first process while its lease was in doubt. */
  readonly sentInDoubt: number
  readonly examples: ReadonlyArray<string>
}

const backlogOf = (leaseMs: number): number => 8_000 + 2 * leaseMs
const spinMs = 0.4
const longestMs = 180_000
const duplicateWindowMs = 1_000

export const runLeaseScenario = async (plan: LeasePlan, log: (line: string) => void): Promise<LeaseResult> => {
  const [data, store] = await Promise.all([NatsServer.start(), NatsServer.start()])
  const nc = await steadyConnection(data.url)
  const rounds = Array.from({ length: plan.rounds }, (_, i) => i)
  const results: LeaseResult[] = []
  try {
    const next = async (): Promise<void> => {
      for (let round = rounds.shift(); round !== undefined; round = rounds.shift()) {
        const result = await new Round(plan, { data, store, nc }, round).run()
        results.push(result)
        log(`round ${round + 1}: ${showLeases(result)}`)
      }
    }
    await Promise.all(Array.from({ length: plan.atOnce }, next))
  } finally {
    await nc.close()
    await Promise.all([data.stop(), store.stop()])
  }
  const sum = (figure: Exclude<keyof LeaseResult, 'examples'>): number => results.reduce((total, one) => total + one[figure], 0)
  return {
    rounds: sum('rounds'),
    events: sum('events'),
    lost: sum('lost'),
    repeated: sum('repeated'),
    handedOver: sum('handedOver'),
    sentInDoubt: sum('sentInDoubt'),
    examples: results.flatMap(({ examples }) => examples),
  }
}

export const showLeases = ({ rounds, events, lost, repeated, handedOver, sentInDoubt }: LeaseResult): string =>
  `${rounds} rounds, ${events} events: lost ${lost}, repeated ${repeated}, sent in doubt ${sentInDoubt}; ${handedOver} more had been handed to a connection before its process was stopped`

interface Servers {
  readonly data: RunningServer
  readonly store: RunningServer
  readonly nc: NatsConnection
}

class Round {
  readonly #plan: LeasePlan
  readonly #servers: Servers
  readonly #name: string
  readonly #processes: Process[] = []

  constructor(plan: LeasePlan, servers: Servers, round: number) {
    this.#plan = plan
    this.#servers = servers
    this.#name = String(round)
  }

  async run(): Promise<LeaseResult> {
    const proxy = await tcpProxy(this.#servers.store.port)
    const expected = await this.#makeStreams()
    try {
      return await this.#played(proxy, expected)
    } catch (error) {
      const published = await this.#published()
      const { lost } = this.#countOf(await this.#texts())
      const said = [`${published} published, ${lost} lost`, ...this.#processes.map(process => process.describe())].join('\n')
      throw new Error(`round ${this.#name}: ${error instanceof Error ? error.message : String(error)}\n${said}`, { cause: error })
    } finally {
      for (const process of this.#processes) await process.kill()
      await proxy.close()
      const jsm = await jetstreamManager(this.#servers.nc)
      for (const stream of ['IN', 'OUT']) await jsm.streams.delete(stream + this.#name)
    }
  }

  async #played(proxy: TcpProxy, expected: number): Promise<LeaseResult> {
    const { disturbance } = this.#plan
    const first = this.#start(proxy.port)
    await until('the first process publishes', async () => (await this.#published()) >= 500, first)
    if (disturbance === 'stopped') first.signal('SIGSTOP')
    proxy.stall(true)
    const second = this.#start(this.#servers.store.port)
    await until('the second process begins', () => second.has('SinkOpened'), second)
    const before = await this.#published()
    await until('the second process publishes', async () => (await this.#published()) >= before + 1_000, second)
    if (disturbance === 'stopped') first.signal('SIGCONT')
    await until('the first process doubts its lease', () => first.has('LeaseInDoubt'), first)
    // Workers report a few times a second what they had sent.
    const told = first.sents
    await until('the first process tells what it has sent', () => first.sents >= told + 5, first)
    const sent = first.sent
    const then = await this.#published()
    await until('the second process goes on', async () => (await this.#published()) >= Math.min(expected, then + 2_000), second)
    await until('the first process tells once more what it has sent', () => first.sents >= told + 25, first)
    const sentInDoubt = first.sent - sent
    proxy.stall(false)
    await until('the first process ends', () => first.isOver, null)
    const code = await first.ended
    if (code !== 1 || !first.errors.includes('took over')) throw new Error(`the first process ended with ${String(code)}`)
    // For as long as more and more is: a busy machine takes its time.
    for (let reached = await this.#published(); this.#countOf(await this.#texts()).lost > 0; reached = await this.#published())
      await until('more is published', async () => (await this.#published()) > reached, second)
    second.signal('SIGTERM')
    if ((await second.ended) !== 0) throw new Error('the second process did not end as it should')
    const counts = this.#countOf(await this.#texts(), first.pid, expected)
    return { ...counts, rounds: 1, events: expected, sentInDoubt }
  }

  #countOf(texts: ReadonlyArray<string>, first = 0, expected = backlogOf(this.#plan.leaseMs)) {
    const copies = new Map<string, string[]>()
    for (const text of texts) {
      const [number = '', process = ''] = text.split(' ')
      const others = copies.get(number)
      if (others === undefined) copies.set(number, [process])
      else others.push(process)
    }
    let [repeated, handedOver] = [0, 0]
    const examples: string[] = []
    for (const [number, [, ...again]] of copies)
      for (const process of again) {
        // It can only have been on its way: while its lease was in doubt it has sent nothing.
        if (this.#plan.disturbance === 'stopped' && process === String(first)) handedOver++
        else {
          repeated++
          if (examples.length < 5)
            examples.push(`round ${this.#name}: ${number} again, by ${process === String(first) ? 'the first process' : process}`)
        }
      }
    return { lost: expected - copies.size, repeated, handedOver, examples }
  }

  #start(storePort: number): Process {
    const { workers, leaseMs } = this.#plan
    const process = new Process(
      ['--nats', this.#servers.data.url, '--store', `nats://127.0.0.1:${storePort}`, '--lease-ms', String(leaseMs)].concat(
        workers === null ? [] : ['--workers', String(workers)],
      ),
      { JETBEAM_LEASE_ROUND: this.#name, JETBEAM_LEASE_SPIN_MS: String(spinMs) },
    )
    this.#processes.push(process)
    return process
  }

  async #makeStreams(): Promise<number> {
    const { nc } = this.#servers
    const jsm = await jetstreamManager(nc)
    const storage = StorageType.Memory
    await jsm.streams.add({ name: `IN${this.#name}`, subjects: [`in${this.#name}`], storage })
    const duplicate_window = duplicateWindowMs * 1_000_000
    await jsm.streams.add({ name: `OUT${this.#name}`, subjects: [`out${this.#name}`], storage, duplicate_window })
    const js = jetstream(nc)
    const count = backlogOf(this.#plan.leaseMs)
    for (let from = 0; from < count; from += 1_000)
      await Promise.all(Array.from({ length: Math.min(1_000, count - from) }, (_, i) => js.publish(`in${this.#name}`, String(from + i))))
    return count
  }

  async #published(): Promise<number> {
    return (await (await jetstreamManager(this.#servers.nc)).streams.info(`OUT${this.#name}`)).state.messages
  }

  #texts(): Promise<ReadonlyArray<string>> {
    return streamTexts(this.#servers.nc, `OUT${this.#name}`)
  }
}

const program = fileURLToPath(new URL('./lease-program.ts', import.meta.url))

class Process {
  readonly #child: ChildProcess
  readonly ended: Promise<number | null>
  readonly #events = new Set<string>()
  errors = ''
  sent = 0
  isInDoubt = false
  /** How often it has told what it sent. */
  sents = 0

  constructor(args: ReadonlyArray<string>, environment: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, ['--import', 'tsx', '-C', 'jetbeam-source', program, ...args], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, ...environment },
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.errors += chunk.toString()))
    this.#child.on('message', message => this.#hear(message as LeaseTold)) // it sends nothing else
    this.ended = once(this.#child, 'close').then(() => this.#child.exitCode)
  }

  #hear(told: LeaseTold): void {
    if (told._tag === 'Event') this.#events.add(told.event)
    else {
      this.sent = told.sent
      this.isInDoubt = told.inDoubt
      this.sents++
    }
  }

  describe(): string {
    return `process ${this.pid} has sent ${this.sent}, ${this.isInDoubt ? '' : 'not '}in doubt, and written: ${this.errors}`
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  has(event: string): boolean {
    return this.#events.has(event)
  }

  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void {
    this.#child.kill(name)
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
  }
}

/** Rejects where `process` ends before it holds, or within a time that is never needed. */
const until = async (what: string, holds: () => boolean | Promise<boolean>, process: Process | null): Promise<void> => {
  for (const deadline = Date.now() + longestMs; !(await holds());) {
    if (process?.isOver === true) throw new Error(`${what}: process ${process.pid} has ended before`)
    if (Date.now() > deadline) throw new Error(`${what}: not within ${longestMs} ms`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
