// One thread's share of a run: its tasks, the readers that feed them, the calls that they wait for, and the sinks that they publish to.
// It says what happened and is told what to do by whoever conducts the run, in this thread or in another.
import type { OutputBatch } from '../../sdk/graph/sink.ts'
import type { ConnectedSource } from '../../sdk/splittable/source.ts'
import type { CheckpointSession } from '../checkpoint/store.ts'
import type { SnapshotScope, TaskSnapshot } from '../engine/messages.ts'
import { heldBytes } from '../engine/outputs.ts'
import type { Task } from '../engine/task.ts'
import type { Plan } from '../plan/stage.ts'
import type { Bundles } from './bundles.ts'
import { withinScope } from './call-scope.ts'
import { LiveCalls, runCall } from './call-runner.ts'
import type { CheckpointContent } from './checkpoint-content.ts'
import type { Errands } from './errands.ts'
import { type Random, randomOf } from './random.ts'
import { Readers } from './readers.ts'
import { RateMeter } from './metrics.ts'
import { Script } from './script.ts'
import type { Sinks } from './sinks.ts'
import { makeTasks, type TaskSet } from './task-set.ts'

/** Outputs that wait for a checkpoint, and those of the checkpoint under way, which wait for its manifest and for their sinks: beyond this sources pause. */
const pauseBytes = 8 * 1_024 * 1_024

export interface LoopPlace {
  readonly plan: Plan
  readonly content: CheckpointContent
  readonly session: CheckpointSession | null
  readonly sources: ReadonlyMap<string, ConnectedSource<unknown>>
  readonly sinks: Sinks
  readonly errands: Errands
  readonly bundles: Bundles
  readonly strict: boolean
  readonly seed: number
}

/** What a loop tells whoever drives it. */
export interface LoopListener {
  readonly scopeOf: (epoch: number) => SnapshotScope
  readonly onSnapshot: (epoch: number, snapshot: TaskSnapshot) => void
  /** There is something to do again. */
  readonly onChange: () => void
}

export interface Counters {
  elementsRead: number
  bytesRead: number
  elementsWritten: number
}

export class TaskLoop {
  readonly counters: Counters = { elementsRead: 0, bytesRead: 0, elementsWritten: 0 }
  readonly rate = new RateMeter()
  readonly #place: LoopPlace
  readonly #listener: LoopListener
  readonly #random: Random
  readonly #calls = new LiveCalls()
  #set: TaskSet = { tasks: [], instances: [] }
  #readers: Readers | null = null
  /** Whose processing time this is, if not the machine's. */
  #script: Script | null = null
  #pulling = true
  /** Outputs of the checkpoint under way. */
  #leavingBytes = 0

  constructor(place: LoopPlace, listener: LoopListener) {
    this.#place = place
    this.#listener = listener
    this.#random = randomOf(place.seed)
  }

  /** Makes the tasks and opens the readers. */
  async prepare(): Promise<void> {
    const { plan, content, session, sources, sinks, strict } = this.#place
    const { scopeOf, onSnapshot, onChange } = this.#listener
    this.#set = await makeTasks(plan, content, session, strict, {
      now: () => this.#now(),
      scopeOf,
      cutFor: this.#place.bundles.cutFor,
      publish: (sinkId, split, outputs) => this.#publish(sinkId, split, outputs),
      snapshot: (epoch, snapshot) => {
        for (const { outputs } of snapshot.outputs) this.#leavingBytes += heldBytes(outputs)
        onSnapshot(epoch, snapshot)
      },
      call: (task, id, element) => this.#call(task, id, element),
    })
    for (const sink of sinks.connected.values()) sink.onReady(onChange)
    this.#readers = await Readers.open(plan, this.#set.tasks, sources, onChange)
    this.#script = Script.of(sources, this.#set.tasks, this.#readers.scripted)
    // A task without a split of its own has nothing to wait for.
    for (const task of this.#sourceTasks()) task.onSourceProgress(this.#now())
    for (const task of this.#set.tasks) task.begin()
  }

  /** The tasks' processing time; checkpoints, leases and progress go by the machine's. */
  #now(): number {
    return this.#script?.now() ?? Date.now()
  }

  get tasks(): ReadonlyArray<Task> {
    return this.#set.tasks
  }

  get instances(): TaskSet['instances'] {
    return this.#set.instances
  }

  get readers(): Readers | null {
    return this.#readers
  }

  // ---- one turn

  /** What the clock makes due. */
  tick(): void {
    const now = this.#now()
    for (const task of this.#set.tasks) if (task.wakeAt() <= now) task.onProcessingTime(now)
  }

  /** Reads one batch, and all that follows from it. Says whether there was any. */
  read(): boolean {
    if (!this.#pulling || this.#mustWait()) return false
    const { batchSize } = this.#place.bundles
    const read = this.#readers?.pollOne(batchSize, this.#now()) ?? null
    if (read === null) for (const task of this.#set.tasks) task.onRest()
    const batch = read === null && this.#quiescent() ? (this.#script?.play(batchSize) ?? null) : read
    if (batch === null) return false
    this.counters.elementsRead += batch.values.length
    this.counters.bytesRead += batch.bytes
    this.rate.add(batch.values.length)
    return true
  }

  /** When nothing was read: whether nothing is under way either, so that a script may go on. */
  #quiescent(): boolean {
    return this.#readers?.atRest() === true && this.#set.tasks.every(task => task.quiescent() && task.wakeAt() > this.#now())
  }

  #mustWait(): boolean {
    if (this.#set.tasks.some(task => task.congested())) return true
    if (this.pendingBytes() + this.#leavingBytes > pauseBytes) return true
    return this.#place.sinks.congested()
  }

  pendingBytes(): number {
    return this.#set.tasks.reduce((sum, task) => sum + task.pendingBytes(), 0)
  }

  finished(): boolean {
    return this.#set.tasks.every(task => task.finished())
  }

  /** When the clock has something for a task to do; a script's clock waits for nobody. */
  dueMs(): number {
    return this.#script === null ? Math.min(...this.#set.tasks.map(task => task.wakeAt())) : Infinity
  }

  // ---- what it is told

  inject(epoch: number): void {
    for (const task of this.#sourceTasks()) task.onInject(epoch, this.#now())
  }

  persisted(): void {
    for (const task of this.#set.tasks) task.onPersisted()
  }

  /** What the last checkpoint held has left; `rows`: how many outputs. */
  published(rows: number): void {
    this.#leavingBytes = 0
    this.counters.elementsWritten += rows
  }

  aborted(): void {
    this.#leavingBytes = 0
    for (const task of this.#set.tasks) task.onAborted()
  }

  stopPulling(): void {
    this.#pulling = false
  }

  /** Event time goes to its end; nothing more is read. */
  drain(): void {
    this.stopPulling()
    for (const task of this.#sourceTasks()) {
      task.drain()
      task.onSourceProgress(this.#now())
    }
  }

  async close(): Promise<void> {
    this.#calls.abort()
    await this.#readers?.close()
    for (const instance of this.#set.instances) await instance.teardown()
  }

  // ---- inside

  #sourceTasks(): ReadonlyArray<Task> {
    return this.#set.tasks.filter(task => task.splits !== null)
  }

  #publish(sinkId: string, split: string, outputs: OutputBatch): void {
    this.counters.elementsWritten += outputs.payloads.length
    this.#place.sinks.publish(sinkId, split, outputs)
  }

  #call(task: Task, id: number, element: unknown): void {
    const { head } = task.stage
    if (head._tag !== 'Async') throw new Error(`${task.name} makes no calls`)
    this.#place.errands.later(async () => {
      const outcome = await withinScope(task.headScope, () => runCall(head.call, element, this.#calls, this.#random))
      return () => task.onCallEnded(id, outcome)
    })
  }
}
