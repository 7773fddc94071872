// The workers of a run as its conductor sees them: what one is told all are told, and an answer is complete when it has come from each.
import { Coder } from '../../sdk/coders/index.ts'
import type { AssertedElement } from '../../sdk/graph/node.ts'
import { othersIn, othersOf } from '../engine/origins.ts'
import { taskName } from '../engine/task-name.ts'
import type { SnapshotScope } from '../engine/messages.ts'
import { decodeOutputs, statesIn, type WritableSnapshot } from '../host/checkpoint-content.ts'
import type { Crew } from '../host/conductor.ts'
import type { Dealt } from '../host/discovery-watch.ts'
import { RemoteFailure } from '../host/errors.ts'
import { LoopMeter } from '../host/loop-meter.ts'
import type { LoopReport } from '../host/metrics.ts'
import type { Opened, Place } from '../host/opening.ts'
import { Sinks } from '../host/sinks.ts'
import { taskNamesOf } from '../host/task-set.ts'
import { isHome } from './home-sinks.ts'
import type { Gathered, ToMain, ToWorker, WorkerSetup } from './protocol.ts'
import { sharedAmong, SharingCrew } from './sharing-crew.ts'
import type { PeerPort, Threads, WorkerThread } from './port.ts'

export interface CrewListener {
  readonly onSnapshot: (epoch: number, snapshot: WritableSnapshot) => void
  readonly onFailure: (error: unknown) => void
  /** There is something to do again. */
  readonly onChange: () => void
}

type Answer = 'Ready' | 'Positions' | 'Undone' | 'Published' | 'Gathered' | 'Rest' | 'Moved'

/** Of all workers together. */
export interface CrewRest {
  readonly quiescent: boolean
  readonly dueMs: number
  /** The next event of a script, and which worker has it. */
  readonly next: { readonly atMs: number; readonly worker: number } | null
  /** Equal in two answers: nothing was sent between them. */
  readonly sent: number
}

export class WorkerCrew implements Crew {
  readonly #opened: Opened
  readonly #place: Place
  readonly #listener: CrewListener
  readonly #kind: Threads
  readonly #threads: WorkerThread[] = []
  readonly #reports = new Map<number, Extract<ToMain, { readonly _tag: 'Report' }>>()
  readonly #awaited = new Map<string, (message: ToMain) => void>()
  /** What only this thread can write to. */
  readonly #home: Sinks
  /** Encoded outputs of the snapshots under way. */
  #leaving: { readonly task: string; readonly outputs: Uint8Array }[] = []
  readonly #meter: LoopMeter
  readonly #sharing: SharingCrew

  constructor(opened: Opened, place: Place, threads: Threads, listener: CrewListener) {
    this.#kind = threads
    this.#opened = opened
    this.#place = place
    this.#listener = listener
    this.#meter = new LoopMeter(place.clock)
    const { plan, shards, sources } = opened
    this.#sharing = new SharingCrew(sharedAmong(shards, plan, sources), shards, (worker, message) => {
      if (worker === null) this.#tell(message)
      else this.#threads[worker]?.post(message)
    })
    const home = new Set(opened.plan.sinks.filter(isHome).map(({ id }) => id))
    const away = new Set(opened.plan.sinks.flatMap(({ id }) => (home.has(id) ? [] : [id])))
    // Here they publish nothing, and have nothing to remember.
    new Sinks(new Map([...opened.sinks].filter(([id]) => away.has(id)))).passed(othersIn(opened.content.tasks, opened.content.splits))
    this.#home = new Sinks(new Map([...opened.sinks].filter(([id]) => home.has(id))), away)
  }

  /** Starts all workers; resolves when each has opened what it needs. */
  async start(setup: Omit<WorkerSetup, 'worker' | 'peers' | 'states'>): Promise<void> {
    const { workers } = setup
    const ports = portsBetween(this.#kind, workers)
    const ready = Array.from({ length: workers }, (_, worker) => this.#answer(worker, 'Ready'))
    for (let worker = 0; worker < workers; worker++) {
      const whole = { ...setup, worker, peers: ports[worker] ?? [], states: await this.#statesOf(worker) }
      this.#threads.push(
        this.#kind.start(whole, {
          onMessage: message => this.#take(worker, message),
          onDeath: error => this.#onDeath(worker, error),
        }),
      )
    }
    const times = (await Promise.all(ready)).flatMap(({ scriptedMs }) => scriptedMs ?? [])
    this.#tell({ _tag: 'Go', scriptedMs: times.length === 0 ? null : Math.max(...times) })
  }

  async #statesOf(worker: number): Promise<WorkerSetup['states']> {
    const { plan, content, shards, session } = this.#opened
    const stateOf = statesIn(content, session)
    const states: Record<string, ReadonlyArray<Uint8Array>> = {}
    // Where the number of tasks changes, each new one picks from all that the old ones held.
    const tasks = shards === content.shards ? plan.stages.map(({ id }) => taskName(id, worker)) : taskNamesOf(plan, content.shards)
    for (const task of tasks) {
      // A copy that is alone in its memory can change hands.
      states[task] = (await stateOf(task)).map(bytes => Uint8Array.from(bytes))
    }
    return states
  }

  #onDeath(worker: number, cause: Error): void {
    const message = `worker ${worker} died: ${cause.message}`
    this.#place.tell({ _tag: 'WorkerLost', worker, message })
    this.#listener.onFailure(new RemoteFailure({ _tag: 'WorkerFailed', worker, message, cause }))
  }

  #tell(message: ToWorker): void {
    for (const thread of this.#threads) thread.post(message)
  }

  #answer<T extends Answer>(worker: number, tag: T): Promise<Extract<ToMain, { readonly _tag: T }>> {
    return new Promise(resolve => {
      this.#awaited.set(`${worker} ${tag}`, message => resolve(message as Extract<ToMain, { readonly _tag: T }>)) // by its key
    })
  }

  /** What each answers to `message`. */
  #ask<T extends Answer>(message: ToWorker, tag: T): Promise<ReadonlyArray<Extract<ToMain, { readonly _tag: T }>>> {
    const answers = this.#threads.map((_, worker) => this.#answer(worker, tag))
    this.#tell(message)
    return Promise.all(answers)
  }

  #take(worker: number, message: ToMain): void {
    switch (message._tag) {
      case 'Snapshot': {
        const { epoch, task, record, keyed, outputs, takenMs } = message
        if (outputs !== null) this.#leaving.push({ task, outputs })
        this.#listener.onSnapshot(epoch, { task, record, keyed, outputs: outputs ?? [], takenMs })
        break
      }
      case 'Report':
        this.#reports.set(worker, message)
        this.#sharing.onShares(worker, message.shares)
        break
      case 'Given':
        return this.#sharing.onGiven(message.moved)
      case 'Taken':
        return this.#sharing.onTaken()
      case 'Log':
        this.#place.log(message.level, message.message, { worker, ...(message.fields as Readonly<Record<string, unknown>> | undefined) })
        return
      case 'Failed':
        return this.#listener.onFailure(new RemoteFailure(message.error, message.failureClass))
      case 'Ready':
      case 'Positions':
      case 'Undone':
      case 'Published':
      case 'Gathered':
      case 'Rest':
      case 'Moved':
        this.#awaited.get(`${worker} ${message._tag}`)?.(message)
        return
      case 'Closed':
        return
    }
    this.#listener.onChange()
  }

  // ---- the crew

  inject(epoch: number, scope: SnapshotScope): void {
    this.#leaving = []
    this.#sharing.onBarrier(() => {
      this.#home.begin()
      this.#tell({ _tag: 'Inject', epoch, scope })
    })
  }

  async positions(): Promise<Readonly<Record<string, unknown>>> {
    const answers = await this.#ask({ _tag: 'AskPositions' }, 'Positions')
    const positions: Record<string, unknown> = { ...(await this.#home.positions()) }
    for (const { id, sink } of this.#opened.plan.sinks) {
      const several = answers.flatMap(answer => (id in answer.positions ? [answer.positions[id]] : []))
      if (several.length > 0) positions[id] = sink.earliest?.(several) ?? several[0]
    }
    return positions
  }

  persisted(): void {
    this.#sharing.onAligned()
    this.#tell({ _tag: 'Persisted' })
  }

  async aborted(epoch: number): Promise<void> {
    this.#leaving = []
    this.#sharing.onAligned()
    await this.#ask({ _tag: 'Aborted', epoch }, 'Undone')
  }

  async publish({ epoch }: { readonly epoch: number }): Promise<void> {
    const at = { generation: this.#opened.session?.generation ?? 0, epoch }
    const published = this.#ask({ _tag: 'Publish', ...at }, 'Published')
    const here =
      this.#home.connected.size === 0 ? [] : this.#leaving.map(({ task, outputs }) => ({ task, outputs: decodeOutputs(outputs) }))
    await this.#home.commit(at, here, this.#meter)
    this.#leaving = []
    await published
    this.#tell({ _tag: 'Committed' })
  }

  discovered(dealt: Dealt): void {
    const { stage, shard, splits } = dealt
    for (const [worker, thread] of this.#threads.entries()) {
      if (worker === shard) thread.post({ _tag: 'Discovered', dealt })
      else if (splits.length > 0) thread.post({ _tag: 'ReadElsewhere', origins: othersOf(stage, splits) })
    }
  }

  stopPulling(): void {
    this.#sharing.end()
    this.#tell({ _tag: 'StopPulling' })
  }

  drain(): void {
    this.#tell({ _tag: 'Drain' })
  }

  finished(): boolean {
    return this.#threads.every((_, worker) => this.#reports.get(worker)?.finished === true)
  }

  pendingBytes(): number {
    let bytes = 0
    for (const { pendingBytes } of this.#reports.values()) bytes += pendingBytes
    return bytes
  }

  // ---- what a run asks besides

  askSinks(): void {
    this.#home.ask()
  }

  haveAllReported(): boolean {
    return this.#threads.every((_, worker) => this.#reports.has(worker))
  }

  reports(): ReadonlyArray<LoopReport> {
    // What this thread does besides is not the run's.
    const here = { ...this.#meter.report({ readers: [], tasks: [], sinks: this.#home.connected, worker: 0, held: null }), workers: [] }
    return [...this.#reports.values()].map(({ report }) => report).concat(here)
  }

  /** What came to assertions, of each worker. */
  async gathered(): Promise<ReadonlyArray<Gathered>> {
    const answers = await this.#ask({ _tag: 'Gather' }, 'Gathered')
    return answers.map(({ elements }) => Object.fromEntries(Object.entries(elements).map(([id, bytes]) => [id, elementsIn(bytes)])))
  }

  async rest(): Promise<CrewRest> {
    const rests = await this.#ask({ _tag: 'AskRest' }, 'Rest')
    const sum = (figure: 'sent' | 'received'): number => rests.reduce((total, rest) => total + rest[figure], 0)
    const [sent, received] = [sum('sent'), sum('received')]
    const events = rests.flatMap(({ nextMs }, worker) => (nextMs === null ? [] : [{ atMs: nextMs, worker }]))
    return {
      quiescent: sent === received && rests.every(({ quiescent }) => quiescent),
      dueMs: Math.min(...rests.map(({ dueMs }) => dueMs)),
      next: events.reduce<CrewRest['next']>((first, event) => (first === null || event.atMs < first.atMs ? event : first), null),
      sent,
    }
  }

  async advanceTo(ms: number): Promise<void> {
    await this.#ask({ _tag: 'AdvanceTo', ms }, 'Moved')
  }

  async play(worker: number): Promise<void> {
    const moved = this.#answer(worker, 'Moved')
    this.#threads[worker]?.post({ _tag: 'Play' })
    await moved
  }

  /** Whoever has not closed what it holds within `graceMs` is ended. */
  async close(graceMs: number): Promise<void> {
    await Promise.all(this.#threads.map(thread => thread.close(graceMs)))
  }
}

const structural = Coder.structural<ReadonlyArray<AssertedElement>>()

const elementsIn = (bytes: Uint8Array): ReadonlyArray<AssertedElement> => {
  const elements = structural.decode(bytes)
  if (elements._tag === 'Left') throw new Error(`what a worker gathered for an assertion cannot be read: ${elements.left.reason}`)
  return elements.right
}

/** By worker and peer: each pair has a channel of its own. */
const portsBetween = (threads: Threads, workers: number): ReadonlyArray<ReadonlyArray<PeerPort | null>> => {
  const ports = Array.from({ length: workers }, () => new Array<PeerPort | null>(workers).fill(null))
  for (let a = 0; a < workers; a++) {
    for (let b = a + 1; b < workers; b++) {
      const [port1, port2] = threads.channel()
      const [ofA, ofB] = [ports[a], ports[b]]
      if (ofA !== undefined) ofA[b] = port1
      if (ofB !== undefined) ofB[a] = port2
    }
  }
  return ports
}
