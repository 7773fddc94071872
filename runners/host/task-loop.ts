// One thread's share of a run: its tasks, the readers that feed them, the calls that they wait for, and the sinks that they publish to.
// It says what happened and is told what to do by whoever conducts the run, in this thread or in another.
import type { OutputBatch } from '../../sdk/graph/sink.ts'
import type { Split, SplitReader } from '../../sdk/splittable/source.ts'
import type { Message, SnapshotScope } from '../engine/messages.ts'
import { othersIn, passedBy } from '../engine/origins.ts'
import type { Waiting } from '../engine/pausing.ts'
import { discoveredBy, givenBy, shareOf, takenBy } from '../engine/shared-work.ts'
import type { Moved, Share } from '../engine/sharing.ts'
import { unread } from '../engine/source-splits.ts'
import type { Task } from '../engine/task.ts'
import { taskName } from '../engine/task-name.ts'
import { withinScope } from './call-scope.ts'
import { LiveCalls, runCall } from './call-runner.ts'
import { earlyCheckpointBytes } from './checkpointer.ts'
import type { Dealt } from './discovery-watch.ts'
import { io } from './errors.ts'
import { guardedReader } from './guarded.ts'
import { ProcessingTime } from './clock.ts'
import { Finalizers } from './finalizers.ts'
import { tearDown } from './life-cycle.ts'
import { type Random, randomOf } from './random.ts'
import { Readers, readingOf } from './readers.ts'
import { LoopAttempt } from './loop-attempt.ts'
import type { LoopListener, LoopPlace } from './loop-context.ts'
import { LoopMeter } from './loop-meter.ts'
import type { LoopReport } from './metrics.ts'
import { LoneElement } from './lone-element.ts'
import { RestrictionRunner } from './restriction-runner.ts'
import { Script } from './script.ts'
import { makeTasks, type TaskSet } from './task-set.ts'
import { WatermarkWatch } from './watermark-watch.ts'

/** Outputs that wait for a checkpoint, and those of the checkpoint under way, which wait for its manifest and for their sinks: beyond this sources pause. */
const pauseBytes = 8 * 1_024 * 1_024

export class TaskLoop {
  readonly lone: LoneElement
  readonly #place: LoopPlace
  readonly #listener: LoopListener
  readonly #random: Random
  readonly #time: ProcessingTime
  readonly #calls: LiveCalls
  readonly #finalizers: Finalizers
  readonly #restrictions: RestrictionRunner
  readonly #watermarks = new WatermarkWatch()
  readonly #meter: LoopMeter
  #set: TaskSet = { tasks: [], instances: [] }
  #readers: Readers | null = null
  /** Whose processing time this is, if not the machine's. */
  #script: Script | null = null
  /** Where only one of a stage's tasks is here. */
  #byStage: ReadonlyMap<string, Task> = new Map()
  #pulling = true
  #draining = false
  /** What looks for splits have found, as long as it is being opened. */
  readonly #arriving: { begin: (() => void) | null }[] = []
  #attempt: LoopAttempt | null = null
  /** Messages and snapshots of other attempts than the one under way. */
  #stale = 0

  constructor(place: LoopPlace, listener: LoopListener) {
    this.#place = place
    this.#listener = listener
    this.#random = randomOf(place.seed)
    this.#time = new ProcessingTime(place.clock)
    this.#calls = new LiveCalls(place.clock)
    this.#meter = new LoopMeter(place.clock)
    this.lone = new LoneElement((place.content.poison?.suspects.length ?? 0) === 0, () => listener.onChange())
    this.#finalizers = new Finalizers(place.log, place.clock, place.lease)
    this.#restrictions = new RestrictionRunner({
      clock: place.clock,
      now: () => this.#now(),
      later: work => place.errands.later(work),
      onRead: elements => this.#count(elements, 0),
      finalizers: this.#finalizers,
      strict: place.strict,
      random: this.#random,
    })
  }

  /** Makes the tasks and opens the readers. */
  async prepare(): Promise<void> {
    const { plan, content, site, sources, sinks, strict } = this.#place
    const { onChange } = this.#listener
    this.#set = await makeTasks(plan, content, site, strict, {
      now: () => this.#now(),
      clock: this.#place.clock,
      log: this.#place.log,
      cutFor: this.#place.bundles.cutFor,
      publish: (sinkId, split, outputs) => this.#publish(sinkId, split, outputs),
      snapshot: (epoch, snapshot) => this.#attemptOf(epoch)?.add(snapshot, this.#finalizers.take(snapshot.task)),
      call: (task, id, element) => this.#call(task, id, element),
      restriction: this.#restrictions.carryOut,
      afterCommit: (task, finalizer) => this.#finalizers.add(task, [finalizer]),
    })
    this.#byStage = new Map(this.#set.tasks.map(task => [task.stage.id, task]))
    for (const sink of sinks.connected.values()) sink.onReady(onChange)
    sinks.passed(new Map([...othersIn(content.tasks, content.splits), ...passedBy(this.#sourceTasks())]))
    this.#readers = await Readers.open(plan, this.#set.tasks, sources, this.#place, onChange)
    this.#script = Script.of(sources, this.#set.tasks, this.#readers.scripted)
    // A task without a split of its own has nothing to wait for.
    for (const task of this.#sourceTasks()) task.onSourceProgress(this.#now())
    for (const task of this.#set.tasks) task.begin(this.#now())
  }

  /** The tasks' processing time. */
  #now(): number {
    return this.#script?.now() ?? this.#time.now()
  }

  get instances(): TaskSet['instances'] {
    return this.#set.instances
  }

  report(): LoopReport {
    const { site, sinks } = this.#place
    const { tasks } = this.#set
    const readers = this.#readers?.states() ?? []
    const [worker = 0] = site.shards
    const held = this.#watermarks.look(tasks, readers, worker, this.#place.clock.wallMs())
    return this.#meter.report({ readers, tasks, sinks: sinks.connected, worker, held, stale: this.#stale })
  }

  // ---- one turn

  /** What the clock makes due. */
  tick(): void {
    const now = this.#now()
    for (const task of this.#set.tasks) if (task.wakeAt() <= now) task.onProcessingTime(now)
  }

  /** Reads one batch, and all that follows from it; writes some state of the checkpoint under way. Says whether there is more to do at once. */
  read(): boolean {
    const more = this.#attempt?.turn() === true
    return this.#read() || more
  }

  #read(): boolean {
    if (!this.lone.isOver && !this.#draining) return this.#readAlone()
    // What a drain has left is finished.
    if (this.#pulling || this.#draining)
      this.#restrictions.pull(task => this.#mustWait(task) || this.#readers?.pausing.paused().has(task.stage.id) === true)
    if (!this.#pulling || this.#meter.blocked(this.#mustWait(null))) return false
    const { bundles } = this.#place
    const began = this.#place.clock.monotonicMs()
    const read = this.#readers?.pollOne(bundles.batchSize, this.#now()) ?? null
    if (read !== null) bundles.took(read.values.length, this.#place.clock.monotonicMs() - began)
    if (read !== null) return this.#count(read.values.length, read.bytes)
    if (this.#script === null || this.#place.told) return this.#settle()
    const { quiescent, dueMs, nextMs } = this.rest()
    if (!quiescent || nextMs === null) return false
    // What is due by then happens before the event.
    if (dueMs > nextMs) return this.play()
    this.advanceTo(dueMs)
    return true
  }

  #readAlone(): boolean {
    const read = this.#pulling ? this.lone.read(this.#readers, this.#set.tasks, this.#now()) : 'waiting'
    if (read === 'waiting') return this.#settle()
    return read === 'nothing' || this.#count(read.values.length, read.bytes)
  }

  #count(elements: number, bytes: number): true {
    this.#meter.read(elements, bytes)
    return true
  }

  /** There is nothing to read for now: what tasks hold back for more goes on. */
  #settle(): false {
    for (const task of this.#set.tasks) task.onRest()
    return false
  }

  // ---- scripts: processing time and events that come when the run is at rest

  /** Whether nothing is under way here; when the clock has something to do; and when the next event of a script happens. */
  rest(): { readonly quiescent: boolean; readonly dueMs: number; readonly nextMs: number | null } {
    this.#settle()
    const now = this.#now()
    const dueMs = Math.min(...this.#set.tasks.map(task => task.wakeAt()))
    const quiescent = this.#readers?.atRest() === true && dueMs > now && this.#set.tasks.every(task => task.quiescent())
    return { quiescent, dueMs, nextMs: quiescent && this.#pulling ? (this.#script?.nextMs(this.#place.bundles.batchSize) ?? null) : null }
  }

  /** A script's time; null where it is the machine's. */
  scriptedMs(): number | null {
    return this.#script?.now() ?? null
  }

  advanceTo(ms: number): void {
    this.#script?.advanceTo(ms)
    this.tick()
  }

  play(): true {
    if (this.#script === null) throw new Error('there is no script to play')
    const { values, bytes } = this.#script.play()
    return this.#count(values.length, bytes)
  }

  /** Whether `reader`, or a source (null), must not hand on more: what stands before a reader is no reason. */
  #mustWait(reader: Task | null): boolean {
    const { tasks } = this.#set
    for (let i = tasks.length - 1; i >= 0 && tasks[i] !== reader; i--) if (tasks[i]?.congested() === true) return true
    if (this.pendingBytes() + (this.#attempt?.outputBytes ?? 0) > pauseBytes) return true
    return this.#place.sinks.congested() || this.#place.backedUp()
  }

  /** What waits for a checkpoint: outputs, as a byte, functions to be called behind one, and where a reader wants one early, enough for that. */
  pendingBytes(): number {
    const wanted = this.#readers?.wantCommit() === true ? earlyCheckpointBytes : 0
    return this.#set.tasks.reduce((sum, task) => sum + task.pendingBytes(), this.#finalizers.waiting ? wanted + 1 : wanted)
  }

  finished(): boolean {
    return this.#set.tasks.every(task => task.finished())
  }

  /** Milliseconds until processing time has something for a task to do; a script advances its own. */
  restMs(): number {
    return this.#script === null ? Math.min(...this.#set.tasks.map(task => task.wakeAt())) - this.#now() : Infinity
  }

  // ---- elements that wait for their side inputs

  /** What other threads are to know of those here, where that has changed. */
  waitingNews(): Waiting | null {
    return this.#readers?.pausing.news() ?? null
  }

  waitsElsewhere(thread: number, waiting: Waiting): void {
    this.#readers?.pausing.onElsewhere(thread, waiting)
  }

  // ---- work that moves to other threads and comes from them

  shares(stages: ReadonlySet<string>): ReadonlyArray<Share> {
    return this.#set.tasks.filter(({ stage }) => stages.has(stage.id)).map(shareOf)
  }

  /** Half of what is left here of a stage's work; null where there is nothing to give. */
  give(stage: string): Moved | null {
    const task = this.#taskOf(stage)
    const given = this.#place.sinks.recall(task.stage) ? null : givenBy(task)
    if (given?.cut) this.#readers?.truncate(task, given.cut.id, given.cut.to)
    return given?.moved ?? null
  }

  /** What to do once what comes with it is open. */
  async take(stage: string, moved: Moved): Promise<() => void> {
    const task = this.#taskOf(stage)
    const { splits } = task
    if (moved._tag === 'Restriction' || splits === null) return () => takenBy(task, moved, this.#now())
    const reader = await this.#open(stage, moved.split)
    return () => {
      takenBy(task, moved, this.#now())
      this.#readers?.add(readingOf({ task, splits, id: moved.split.id, reader }))
      if (this.#draining) task.drain(this.#now())
    }
  }

  async #open(stage: string, split: Split): Promise<SplitReader<unknown>> {
    const source = this.#place.sources.get(stage)
    if (source === undefined) throw new Error(`${stage} reads from nothing`)
    const reader = guardedReader(stage, await io(stage, () => source.open(split, unread)))
    reader.onChange(this.#listener.onChange)
    return reader
  }

  /** What to do once the splits that have appeared are open: in the order in which they were found, since each look raises the horizon. */
  async discovered({ stage, shard, splits: found, horizon }: Dealt): Promise<() => void> {
    const task = this.#set.tasks.find(({ name }) => name === taskName(stage, shard))
    if (task === undefined || task.splits === null) throw new Error(`${taskName(stage, shard)} reads nothing here`)
    const { splits } = task
    const arrival: { begin: (() => void) | null } = { begin: null }
    this.#arriving.push(arrival)
    const readers: { readonly id: string; readonly reader: SplitReader<unknown> }[] = []
    for (const split of found) readers.push({ id: split.id, reader: await this.#open(stage, split) })
    arrival.begin = () => {
      discoveredBy(task, found, horizon, this.#now())
      for (const { id, reader } of readers) this.#readers?.add(readingOf({ task, splits, id, reader }))
      if (this.#draining) task.drain(this.#now())
    }
    return () => {
      while (this.#arriving[0]?.begin) this.#arriving.shift()?.begin?.()
    }
  }

  released(stage: string, at: number): void {
    this.#taskOf(stage).onReleased(at)
  }

  #taskOf(stage: string): Task {
    const task = this.#byStage.get(stage)
    if (task === undefined) throw new Error(`${stage} has no task here`)
    return task
  }

  // ---- what it is told

  /** From a task of another thread. */
  deliver(from: string, stage: string, message: Message): void {
    this.#taskOf(stage).onMessage(from, message, this.#now())
  }

  /** The barrier of a checkpoint: sinks are asked where they stand, then the sources' tasks take their snapshots. */
  inject(epoch: number, scope: SnapshotScope): void {
    const { sinks, clock } = this.#place
    this.#attempt = new LoopAttempt(epoch, sinks.begin(), clock, this.#listener.onSnapshot)
    for (const { task, call } of this.#readers?.commits() ?? []) this.#finalizers.add(task.name, [{ transform: task.stage.id, call }])
    for (const task of this.#sourceTasks()) task.onInject(epoch, scope, this.#now())
    sinks.passed(passedBy(this.#sourceTasks()))
    this.#readers?.onBarrier()
  }

  /** The attempt that a message or a snapshot belongs to; null, and counted, where it is not under way any more. */
  #attemptOf(epoch: number): LoopAttempt | null {
    if (this.#attempt?.epoch === epoch) return this.#attempt
    this.#stale++
    return null
  }

  /** Where each sink stood at the barrier; null where the attempt is not under way any more. */
  async positions(epoch: number): Promise<Readonly<Record<string, unknown>> | null> {
    return (await this.#attemptOf(epoch)?.positions()) ?? null
  }

  persisted(epoch: number): void {
    if (this.#attemptOf(epoch) !== null) for (const task of this.#set.tasks) task.onPersisted()
  }

  /** The sinks of this thread get what the checkpoint holds for them. */
  async publish(at: { readonly generation: number; readonly epoch: number }): Promise<void> {
    const attempt = this.#attemptOf(at.epoch)
    if (attempt === null) return
    await this.#place.sinks.commit(at, attempt.outputs, this.#meter)
    attempt.published()
  }

  /** The checkpoint is published by every thread: its finalizers run. */
  committed(epoch: number): void {
    const attempt = this.#attemptOf(epoch)
    if (attempt === null) return
    this.#attempt = null
    this.#readers?.onCommitted()
    this.#finalizers.run(attempt.finalizers)
  }

  /** The checkpoint was given up: what its snapshots took goes into the next one. */
  aborted(epoch: number): void {
    const attempt = this.#attemptOf(epoch)
    this.#attempt = null
    this.#finalizers.giveBack(attempt?.finalizers ?? [])
    for (const task of this.#set.tasks) task.onAborted(epoch, this.#now())
  }

  stopPulling(): void {
    this.#pulling = false
  }

  /** Event time goes to its end; nothing more is read but what splittable DoFns keep of their restrictions. */
  drain(): void {
    this.stopPulling()
    this.#draining = true
    for (const task of this.#set.tasks) task.drain(this.#now())
  }

  async close(): Promise<void> {
    this.#calls.abort()
    await this.#restrictions.close()
    await this.#finalizers.settle()
    await this.#readers?.close()
    for (const instance of this.#set.instances) await tearDown(instance, this.#place.log)
  }

  // ---- inside

  #sourceTasks(): ReadonlyArray<Task> {
    return this.#set.tasks.filter(task => task.splits !== null)
  }

  #publish(sinkId: string, split: string, outputs: OutputBatch): void {
    this.#meter.wrote(sinkId, outputs)
    this.#place.sinks.publish(sinkId, split, outputs)
  }

  #call(task: Task, id: number, element: unknown): void {
    const { head } = task.stage
    if (head._tag !== 'Async') throw new Error(`${task.name} makes no calls`)
    const client = this.#place.clients.get(task.stage.id)
    this.#place.errands.later(async () => {
      const began = this.#place.clock.monotonicMs()
      const outcome = await withinScope(task.instance.headScope, () => runCall(head.call, element, client, this.#calls, this.#random))
      task.instance.work.called(this.#place.clock.monotonicMs() - began)
      return () => task.onCallEnded(id, outcome)
    })
  }
}
