// A simulated stream and the sinks that publish to it by message ids, as JetStream's do: stored in a connection's order, acknowledged late,
// refused as duplicates within a window only, and searched from a recorded position when a run goes on.
import { StoredIds, idPrefix, outputId } from '../../io/jetstream/output-ids.ts'
import type { CommitId, ConnectedSink, OutputBatch, SinkContext } from '../../sdk/graph/sink.ts'
import type { HostLease } from '../../sdk/model/bindings.ts'
import type { Executor, Thread } from './executor.ts'
import type { Out } from './pipelines.ts'
import type { SimulatedProcess } from './simulated-process.ts'

export interface DestinationTraits {
  /** How slow a packet or an acknowledgment may be, in milliseconds. */
  readonly paceMs: number
  /** How often a packet, or an acknowledgment, comes very late. */
  readonly late: () => number
  readonly lateMs: number
  /** How often all that is in flight arrives at once. */
  readonly together: number
  /** The server refuses an id again for as long after it has stored it. */
  readonly duplicateWindowMs: number
  /** Share of requests and packets that fail. */
  readonly failures: () => number
  /** How many messages a connection has in flight before it asks its thread to wait. */
  readonly window: number
}

interface Row {
  readonly id: string
  readonly payload: Uint8Array
}

/** What an output belongs to. */
export interface Origin {
  readonly runId: string
  /** Of the checkpoint that holds it; null: it leaves as it comes. */
  readonly epoch: number | null
  /** The split that it was read from, and where, if it leaves as it comes. */
  readonly split: string
  readonly position: number
}

const decoder = new TextDecoder()

/** What the server has stored. */
export class Stream {
  readonly name: string
  readonly #executor: Executor
  readonly #windowMs: number
  readonly rows: Row[] = []
  readonly #known = new Map<string, { readonly sequence: number; readonly atMs: number; readonly payload: string; readonly of: Origin }>()
  readonly problems: string[] = []
  duplicates = 0

  constructor(name: string, executor: Executor, windowMs: number) {
    this.name = name
    this.#executor = executor
    this.#windowMs = windowMs
  }

  get lastSequence(): number {
    return this.rows.length
  }

  /** Gives the sequence. */
  store({ id, payload, of }: Pick<Flying, 'id' | 'payload' | 'of'>, from: string): number {
    const known = this.#known.get(id)
    const text = decoder.decode(payload)
    const { nowMs } = this.#executor
    if (known !== undefined && known.payload !== text)
      this.problems.push(`${this.name}: two outputs have the name ${id}:\n  ${known.payload}\n  ${text}`)
    if (known !== undefined && nowMs - known.atMs < this.#windowMs) {
      this.duplicates++
      return known.sequence
    }
    if (known !== undefined)
      this.problems.push(`${this.name}: ${id} is stored again, by ${from}, ${Math.round(nowMs - known.atMs)} ms later`)
    this.rows.push({ id, payload })
    this.#known.set(id, { sequence: this.rows.length, atMs: nowMs, payload: text, of })
    return this.rows.length
  }

  knows(id: string): boolean {
    return this.#known.has(id)
  }

  /** Of those that count. */
  outs(counts: (of: Origin) => boolean): ReadonlyArray<Out> {
    // Written by the scenario's own sink.
    return [...this.#known.values()].flatMap(({ payload, of }) => (counts(of) ? [JSON.parse(payload) as Out] : []))
  }
}

interface Position {
  readonly lastSequence: number
}

/** An output that was published and is not stored yet. */
export interface Flying {
  readonly id: string
  readonly of: Origin
  readonly payload: Uint8Array
  acknowledged: boolean
}

interface Waiter {
  readonly target: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export const earliest = (positions: ReadonlyArray<unknown>): unknown => {
  const all = positions as ReadonlyArray<Position> // only these sinks record them
  return { lastSequence: Math.min(...all.map(({ lastSequence }) => lastSequence)) }
}

/** One thread's connection to the stream: what the raw publisher is to JetStream. */
class Publisher {
  readonly #executor: Executor
  readonly #process: SimulatedProcess
  readonly #thread: Thread
  readonly #stream: Stream
  readonly #traits: DestinationTraits
  readonly #flight: Flying[] = []
  #tail = 0
  #waiters: Waiter[] = []
  #ready: (() => void) | null = null
  #blocked = false
  #closed = false
  /** Nothing more of what it sent gets there. */
  #cut = false
  #arrived = 0
  /** How much has left: nothing does while the lease is in doubt. */
  #departed = 0
  readonly #lease: HostLease
  #waits = false
  #arming = false
  failure: Error | null = null
  highest: number

  constructor(process: SimulatedProcess, thread: Thread, stream: Stream, traits: DestinationTraits, lease: HostLease, floor: number) {
    this.#lease = lease
    this.#executor = process.executor
    this.#process = process
    this.#thread = thread
    this.#stream = stream
    this.#traits = traits
    this.highest = floor
  }

  get size(): number {
    return this.#flight.length - this.#tail
  }

  get sent(): number {
    return this.#flight.length
  }

  get congested(): boolean {
    this.#blocked = this.size >= this.#traits.window
    return this.#blocked
  }

  onReady(callback: () => void): void {
    this.#ready = callback
  }

  enqueue(flying: Omit<Flying, 'acknowledged'>): void {
    if (this.#closed) return
    this.#flight.push({ ...flying, acknowledged: false })
    this.#depart()
  }

  #depart(): void {
    if (this.#waits) return
    if (this.#lease.held()) {
      this.#departed = this.#flight.length
      return this.#send()
    }
    this.#waits = true
    this.#lease.whenHeld().then(
      () => {
        this.#waits = false
        this.#depart()
      },
      (error: unknown) => this.#fail(error),
    )
  }

  #fail(error: unknown): void {
    this.failure ??= error instanceof Error ? error : new Error(String(error))
    for (const { reject } of this.#waiters.splice(0)) reject(this.failure)
    this.#ready?.()
  }

  /** In order: a few at a time arrive at the server. */
  #send(): void {
    if (this.#arming || this.#cut || this.#arrived === this.#departed) return
    this.#arming = true
    const { draw } = this.#executor
    this.#executor.schedule(null, 'packet', this.#wayMs(), () => {
      this.#arming = false
      const upTo = draw.chance(this.#traits.together) ? this.#departed : draw.int(this.#arrived + 1, this.#departed)
      // Of what a process had sent when it died, the first part arrives.
      const fails = !this.#process.dead && draw.chance(this.#traits.failures())
      if (fails || (this.#process.dead && draw.chance(0.5))) this.#cut = true
      while (this.#arrived < upTo && !(this.#cut && draw.chance(0.5))) this.#arrive(this.#arrived++)
      if (!this.#cut) this.#send()
      if (fails)
        this.#executor.schedule(this.#thread, 'sink failed', this.#wayMs(), () => this.#fail(new Error('simulated: the stream is gone')))
    })
  }

  #arrive(n: number): void {
    const flying = this.#flight[n]
    if (flying === undefined) return
    const sequence = this.#stream.store(flying, this.#thread.name)
    this.#executor.schedule(this.#thread, 'ack', this.#wayMs(), () => this.#onAck(n, sequence))
  }

  #wayMs(): number {
    const { draw } = this.#executor
    const lateMs = draw.chance(this.#traits.late()) ? draw.share() * this.#traits.lateMs : 0
    return lateMs + this.#executor.delay(this.#traits.paceMs)
  }

  #onAck(n: number, sequence: number): void {
    const flying = this.#flight[n]
    if (flying === undefined || flying.acknowledged) return
    flying.acknowledged = true
    this.highest = Math.max(this.highest, sequence)
    while (this.#flight[this.#tail]?.acknowledged === true) this.#tail++
    const done = this.#waiters.filter(({ target }) => target <= this.#tail)
    this.#waiters = this.#waiters.filter(({ target }) => target > this.#tail)
    for (const { resolve } of done) resolve()
    if (this.#blocked && this.size <= this.#traits.window / 2) {
      this.#blocked = false
      this.#ready?.()
    }
  }

  /** What a crash of the process may lose now. */
  lost(): ReadonlyArray<Flying> {
    return this.#flight.slice(this.#arrived).filter(({ id }) => !this.#stream.knows(id))
  }

  /** Resolves when all that was enqueued before is acknowledged. */
  settled(): Promise<void> {
    const target = this.#flight.length
    if (this.#tail >= target) return Promise.resolve()
    if (this.failure !== null) return Promise.reject(this.failure)
    return new Promise((resolve, reject) => this.#waiters.push({ target, resolve, reject }))
  }

  async close(): Promise<void> {
    this.#closed = true
    const { nowMs } = this.#executor
    while (this.size > 0 && this.failure === null && this.#executor.nowMs < nowMs + 5_000) await this.#executor.pause(10)
  }
}

/** As messageIdSink of JetStreamIO, in what it records, looks up, skips and waits for. */
export const connectedTo = async (
  stream: Stream,
  process: SimulatedProcess,
  traits: DestinationTraits,
  context: SinkContext,
  onCommit: (id: CommitId) => void,
): Promise<ConnectedSink> => {
  const { executor } = process
  const thread = executor.current ?? process.main
  const ask = <A>(what: string, answer: () => A): Promise<A> =>
    new Promise((resolve, reject) =>
      executor.schedule(null, what, executor.delay(traits.paceMs), () => {
        const fails = executor.draw.chance(traits.failures())
        const result = answer()
        const settle = (): void => (fails ? reject(new Error(`simulated: ${what}: the stream does not answer`)) : resolve(result))
        executor.schedule(thread, `${what} answered`, executor.delay(traits.paceMs), settle)
      }),
    )
  const prefix = idPrefix(context.runId, context.sinkId)
  const stood = (context.restored ?? context.protocol) as Position | null // only these sinks record them
  const start: Position = stood ?? { lastSequence: await ask('where the stream stands', () => stream.lastSequence) }
  const scan = (): Promise<StoredIds> =>
    ask('scan', () => {
      const ids = new StoredIds(prefix)
      for (let sequence = start.lastSequence + 1; sequence <= stream.lastSequence; sequence++) ids.add(stream.rows[sequence - 1]?.id ?? '')
      return ids
    })
  const eager = context.mode === 'immediate' && stood !== null && context.site.role !== 'look'
  let stored = eager ? await scan() : new StoredIds(prefix)
  let scanned = eager
  const publisher = new Publisher(process, thread, stream, traits, context.lease, start.lastSequence)

  if (context.mode === 'immediate' && context.site.role !== 'look') process.publishers.push(publisher)

  /** `epoch`: of the checkpoint that holds them. */
  const enqueue = (outputs: OutputBatch, origin: string, epoch: number | null): void => {
    const group = groupOf(origin)
    for (const [i, payload] of outputs.payloads.entries()) {
      const [position, ordinal] = epoch !== null ? [i, 0] : [outputs.positions[i] ?? 0, outputs.ordinals[i] ?? 0]
      if (!stored.isEmpty && stored.has(group, position, ordinal)) continue
      const of = { runId: context.runId, epoch, split: origin, position }
      publisher.enqueue({ id: outputId(prefix, group, position, ordinal), of, payload })
    }
  }
  const endRecovery = (): void => {
    if (context.mode !== 'checkpointed' || !scanned) return
    stored = new StoredIds(prefix)
    scanned = false
  }
  const reached = (): Position => ({ lastSequence: stored.isEmpty ? publisher.highest : start.lastSequence })
  let flushedAt = Number.NaN
  const catchUp = async (position: Position): Promise<Position> => {
    const before = publisher.sent
    const last = await ask('where the stream stands', () => stream.lastSequence)
    if (publisher.size > 0 || publisher.sent !== before) return position
    publisher.highest = Math.max(publisher.highest, last)
    flushedAt = publisher.highest
    return reached()
  }
  return {
    protocol: start,
    guarantee: 'simulated',
    publish: (origin, outputs) => enqueue(outputs, origin, null),
    passed: origins => {
      if (stored.isEmpty) return
      for (const [origin, position] of origins) stored.passed(groupOf(origin), position)
    },
    recalls: () => !stored.isEmpty,
    congested: () => publisher.congested,
    onReady: callback => publisher.onReady(callback),
    failure: () => publisher.failure,
    flush: async () => {
      endRecovery()
      const position = reached()
      if (publisher.size > 0) await publisher.settled()
      else if (stored.isEmpty && position.lastSequence === flushedAt) return catchUp(position)
      flushedAt = position.lastSequence
      return position
    },
    commit: async (id, outputs, recovering) => {
      if (!recovering) endRecovery()
      const name = commitName(id)
      onCommit(id)
      if (recovering && !scanned) {
        stored = await scan()
        scanned = true
      }
      enqueue(outputs, name, id.epoch)
      await publisher.settled()
      stored.forget(groupOf(name))
    },
    close: () => publisher.close(),
    metrics: () => ({}),
  }
}

const commitName = ({ shard, generation, epoch }: CommitId): string => `${shard}/${generation}/${epoch}`
/** Ids are cut at dots. */
const groupOf = (name: string): string => name.replaceAll('.', '_')
