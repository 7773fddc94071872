// The workers of a run as its conductor sees them: messages to all of them, and questions that end with all of their answers.
import { valueCoder } from '../../sdk/coders/index.ts'
import type { AssertedElement } from '../../sdk/graph/node.ts'
import { othersIn, othersOf } from '../engine/origins.ts'
import { taskName } from '../engine/task-name.ts'
import type { TaskSnapshot } from '../engine/messages.ts'
import type { AttemptContext, CrewAttempt } from '../host/checkpoint-attempt.ts'
import { decodeOutputs, statesIn, type WritableSnapshot } from '../host/checkpoint-content.ts'
import type { Crew } from '../host/conductor.ts'
import type { Dealt } from '../host/discovery-watch.ts'
import { RemoteFailure } from '../host/errors.ts'
import { LoopMeter } from '../host/loop-meter.ts'
import type { LoopReport } from '../host/metrics.ts'
import type { Opened, Place } from '../host/opening.ts'
import type { SplitRef } from '../host/poison.ts'
import { Sinks } from '../host/sinks.ts'
import { taskNamesOf } from '../host/task-set.ts'
import { isHome } from './home-sinks.ts'
import { type Ask, type Gathered, oneWay, type StartStep, type ToMain, type ToWorker, type WorkerSetup } from './protocol.ts'
import { type AnswerOf, type AnswerTag, type Question, Questions } from './questions.ts'
import { sharedAmong, SharingCrew } from './sharing-crew.ts'
import type { PeerPort, Threads, WorkerThread } from './port.ts'

export interface CrewListener {
  readonly onSnapshot: (epoch: number, snapshot: WritableSnapshot) => void
  readonly onFailure: (error: unknown) => void
  /** There is something to do again. */
  readonly onChange: () => void
}

/** For what a thread answers as soon as its event loop turns; user code may block it for a while. */
const answerMs = 600_000

/** Of all workers together. */
export interface CrewRest {
  readonly quiescent: boolean
  readonly dueMs: number
  /** The next event of a script, and which worker has it. */
  readonly next: { readonly atMs: number; readonly worker: number } | null
  /** Equal in two answers: nothing was sent between them. */
  readonly sent: number
}

type Limits = Pick<Question<AnswerTag>, 'limitMs' | 'signal' | 'late'>

/** The main thread's share of a checkpoint attempt: what its own sinks stand at, and the outputs of the workers' snapshots. */
class WorkersAttempt {
  readonly epoch: number
  readonly #outputs: { readonly task: string; readonly outputs: Uint8Array }[] = []
  #positions: (() => Promise<Readonly<Record<string, unknown>>>) | null = null

  constructor(epoch: number) {
    this.epoch = epoch
  }

  /** At the barrier's injection. */
  begin(sinks: Sinks): void {
    this.#positions = sinks.begin()
  }

  async positions(): Promise<Readonly<Record<string, unknown>>> {
    if (this.#positions === null) throw new Error(`checkpoint ${this.epoch} has no barrier yet`)
    return this.#positions()
  }

  /** `outputs`: encoded. */
  add(task: string, outputs: Uint8Array | null): void {
    if (outputs !== null) this.#outputs.push({ task, outputs })
  }

  outputs(): ReadonlyArray<Pick<TaskSnapshot, 'task' | 'outputs'>> {
    return this.#outputs.map(({ task, outputs }) => ({ task, outputs: decodeOutputs(outputs) }))
  }
}

export class WorkerCrew implements Crew {
  readonly #opened: Opened
  readonly #place: Place
  readonly #listener: CrewListener
  readonly #kind: Threads
  readonly #threads: WorkerThread[] = []
  readonly #reports = new Map<number, Extract<ToMain, { readonly _tag: 'Report' }>>()
  readonly #questions: Questions
  /** What only this thread can write to. */
  readonly #home: Sinks
  #attempt: WorkersAttempt | null = null
  #stale = 0
  readonly #meter: LoopMeter
  readonly #sharing: SharingCrew
  /** By worker: its last step before it was ready. */
  readonly #steps = new Map<number, StartStep>()

  constructor(opened: Opened, place: Place, threads: Threads, listener: CrewListener) {
    this.#kind = threads
    this.#opened = opened
    this.#place = place
    this.#listener = listener
    this.#meter = new LoopMeter(place.clock)
    this.#questions = new Questions(place.clock)
    const { plan, shards, sources } = opened
    this.#sharing = new SharingCrew(sharedAmong(shards, plan, sources), shards, {
      release: (stage, at) => this.#tell({ ...oneWay, _tag: 'Release', stage, at }),
      // Where a worker does not answer, the work is lost with it: the run begins again.
      give: (worker, stage, onGiven) =>
        void this.#ask(worker, 'Given', { _tag: 'Give', stage }).then(({ moved }) => onGiven(moved), listener.onFailure),
      take: (worker, stage, moved, onTaken) =>
        void this.#ask(worker, 'Taken', { _tag: 'Take', stage, moved }).then(onTaken, listener.onFailure),
    })
    const home = new Set(opened.plan.sinks.filter(isHome).map(({ id }) => id))
    const away = new Set(opened.plan.sinks.flatMap(({ id }) => (home.has(id) ? [] : [id])))
    // Here they publish nothing, and have nothing to remember.
    new Sinks(new Map([...opened.sinks].filter(([id]) => away.has(id)))).passed(othersIn(opened.content.tasks, opened.content.splits))
    this.#home = new Sinks(new Map([...opened.sinks].filter(([id]) => home.has(id))), away)
  }

  /** Starts all workers; resolves when each has opened what it needs, and rejects where one has not in time. */
  async start(setup: Omit<WorkerSetup, 'worker' | 'peers' | 'states'>, limits: Pick<Limits, 'limitMs' | 'late'>): Promise<void> {
    const { workers } = setup
    const ports = portsBetween(this.#kind, workers)
    const wholes: WorkerSetup[] = []
    for (let worker = 0; worker < workers; worker++)
      wholes.push({ ...setup, worker, peers: ports[worker] ?? [], states: await this.#statesOf(worker) })
    const ready = wholes.map(whole => {
      const { worker } = whole
      const send = (question: number): void => {
        this.#threads[worker] = this.#kind.start(whole, question, {
          onMessage: message => this.#take(worker, message),
          onDeath: error => this.#onDeath(worker, error),
        })
      }
      return this.#questions.ask({ worker, tag: 'Ready', ...limits, send })
    })
    const times = (await Promise.all(ready)).flatMap(({ scriptedMs }) => scriptedMs ?? [])
    this.#tell({ ...oneWay, _tag: 'Go', scriptedMs: times.length === 0 ? null : Math.max(...times) })
  }

  /** What a worker did last before it was ready; null: its thread has not begun yet. */
  stepOf(worker: number): StartStep | null {
    return this.#steps.get(worker) ?? null
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
    const failure = new RemoteFailure({ _tag: 'WorkerFailed', worker, message, cause })
    this.#place.tell({ _tag: 'WorkerLost', worker, message })
    this.#questions.onDeath(worker, failure)
    this.#listener.onFailure(failure)
  }

  /** It has said what it failed with, and says nothing more. */
  #onFailed(worker: number, failure: RemoteFailure): void {
    this.#questions.onDeath(worker, failure)
    this.#listener.onFailure(failure)
  }

  #tell(message: ToWorker): void {
    for (const thread of this.#threads) thread.post(message)
  }

  #ask<T extends AnswerTag>(worker: number, tag: T, ask: Ask, limits: Limits = { limitMs: answerMs }): Promise<AnswerOf<T>> {
    return this.#questions.ask({ worker, tag, ...limits, send: question => this.#threads[worker]?.post({ ...ask, question }) })
  }

  #askAll<T extends AnswerTag>(tag: T, ask: Ask, limits?: Limits): Promise<ReadonlyArray<AnswerOf<T>>> {
    return Promise.all(this.#threads.map((_, worker) => this.#ask(worker, tag, ask, limits)))
  }

  #take(worker: number, message: ToMain): void {
    switch (message._tag) {
      case 'Snapshot': {
        const { epoch, task, record, keyed, outputs, takenMs } = message
        if (this.#attempt?.epoch !== epoch) {
          this.#stale++
          break
        }
        this.#attempt.add(task, outputs)
        this.#listener.onSnapshot(epoch, { task, record, keyed, outputs: outputs ?? [], takenMs })
        break
      }
      case 'Report':
        this.#reports.set(worker, message)
        this.#sharing.onShares(worker, message.shares)
        break
      case 'LeaseInDoubt':
        this.#opened.lease?.doubted(worker, message.because)
        this.#opened.lease?.renew()
        return
      case 'Starting':
        this.#steps.set(worker, message.step)
        return
      case 'LeaseHeld':
        this.#opened.lease?.heldAgain(worker)
        return
      case 'Log':
        this.#place.log(message.level, message.message, { worker, ...(message.fields as Readonly<Record<string, unknown>> | undefined) })
        return
      case 'Failed':
        return this.#onFailed(worker, new RemoteFailure(message.error, message.failureClass))
      case 'Given':
      case 'Taken':
      case 'Ready':
      case 'Positions':
      case 'Undone':
      case 'Published':
      case 'Gathered':
      case 'Rest':
      case 'Tried':
      case 'Moved':
        return this.#questions.take(worker, message)
      case 'Closed':
        return
    }
    this.#listener.onChange()
  }

  // ---- the crew

  attempt(epoch: number, { scope, signal, answerMs: limitMs }: AttemptContext): CrewAttempt {
    const attempt = new WorkersAttempt(epoch)
    this.#attempt = attempt
    return {
      inject: () =>
        this.#sharing.onBarrier(() => {
          attempt.begin(this.#home)
          this.#tell({ _tag: 'Inject', epoch, scope })
        }),
      positions: async () =>
        this.#positions(attempt, await this.#askAll('Positions', { _tag: 'AskPositions', epoch }, { limitMs, signal })),
      persisted: () => {
        this.#sharing.onAligned()
        this.#tell({ _tag: 'Persisted', epoch })
      },
      abort: async () => {
        this.#end(attempt)
        this.#sharing.onAligned()
        await this.#askAll('Undone', { _tag: 'Aborted', epoch }, { limitMs })
      },
      publish: () => this.#publish(attempt, limitMs),
    }
  }

  #end(attempt: WorkersAttempt): void {
    if (this.#attempt === attempt) this.#attempt = null
  }

  async #positions(attempt: WorkersAttempt, answers: ReadonlyArray<AnswerOf<'Positions'>>): Promise<Readonly<Record<string, unknown>>> {
    const positions: Record<string, unknown> = { ...(await attempt.positions()) }
    for (const { id, sink } of this.#opened.plan.sinks) {
      const several = answers.flatMap(answer => (answer.positions !== null && id in answer.positions ? [answer.positions[id]] : []))
      if (several.length > 0) positions[id] = sink.earliest?.(several) ?? several[0]
    }
    return positions
  }

  async #publish(attempt: WorkersAttempt, limitMs: number): Promise<void> {
    const { epoch } = attempt
    const at = { generation: this.#opened.session?.generation ?? 0, epoch }
    const published = this.#askAll('Published', { _tag: 'Publish', ...at }, { limitMs })
    // Its rejection is seen below, behind what this thread publishes itself.
    published.catch(() => undefined)
    const here = this.#home.connected.size === 0 ? [] : attempt.outputs()
    await this.#home.commit(at, here, this.#meter)
    await published
    this.#end(attempt)
    this.#tell({ _tag: 'Committed', epoch })
  }

  async tryAlone(split: SplitRef): Promise<boolean> {
    const answers = await this.#askAll('Tried', { _tag: 'TryAlone', split })
    return answers.some(({ handedOn }) => handedOn)
  }

  endTrials(): void {
    this.#tell({ ...oneWay, _tag: 'EndTrials' })
  }

  stale(): number {
    return this.#stale + this.#questions.stale
  }

  discovered(dealt: Dealt): void {
    const { stage, shard, splits } = dealt
    for (const [worker, thread] of this.#threads.entries()) {
      if (worker === shard) thread.post({ ...oneWay, _tag: 'Discovered', dealt })
      else if (splits.length > 0) thread.post({ ...oneWay, _tag: 'ReadElsewhere', origins: othersOf(stage, splits) })
    }
  }

  stopPulling(): void {
    this.#sharing.end()
    this.#tell({ ...oneWay, _tag: 'StopPulling' })
  }

  drain(): void {
    this.#tell({ ...oneWay, _tag: 'Drain' })
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
    const here = {
      ...this.#meter.report({ readers: [], tasks: [], sinks: this.#home.connected, worker: 0, held: null, stale: 0 }),
      workers: [],
    }
    return [...this.#reports.values()].map(({ report }) => report).concat(here)
  }

  /** What came to assertions, of each worker. */
  async gathered(): Promise<ReadonlyArray<Gathered>> {
    const answers = await this.#askAll('Gathered', { _tag: 'Gather' })
    return answers.map(({ elements }) => Object.fromEntries(Object.entries(elements).map(([id, bytes]) => [id, elementsIn(bytes)])))
  }

  async rest(): Promise<CrewRest> {
    const rests = await this.#askAll('Rest', { _tag: 'AskRest' })
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
    await this.#askAll('Moved', { _tag: 'AdvanceTo', ms })
  }

  async play(worker: number): Promise<void> {
    await this.#ask(worker, 'Moved', { _tag: 'Play' })
  }

  /** Whoever has not closed what it holds within `graceMs` is ended. */
  async close(graceMs: number): Promise<void> {
    this.#questions.close()
    await Promise.all(this.#threads.map(thread => thread.close(graceMs)))
  }
}

const structural = valueCoder<ReadonlyArray<AssertedElement>>()

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
