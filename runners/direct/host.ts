// The host of a run: reads, carries out the coordinator's commands, and lets the event loop breathe. All clocks and all I/O of a run
// are here and in what it calls; the decisions are the tasks' and the coordinator's.
import type { JobMetrics, PipelineResult } from '../../sdk/model/run.ts'
import { CheckpointError } from '../checkpoint/store.ts'
import { Coordinator, type CoordinatorCommand } from '../engine/coordinator.ts'
import { isNever } from '../engine/exhaustive.ts'
import type { SnapshotScope } from '../engine/messages.ts'
import { heldBytes } from '../engine/outputs.ts'
import type { Task } from '../engine/task.ts'
import { Bundles } from './bundles.ts'
import { LiveCalls, runCall } from './call-runner.ts'
import { Checkpointer } from './checkpointer.ts'
import { checkAssertions } from './assertions.ts'
import { IoError } from './errors.ts'
import { LeaseWatch } from './lease-watch.ts'
import { type Counters, metricsOf, RateMeter } from './metrics.ts'
import type { Opened, Place } from './opening.ts'
import { type Random, randomOf } from './random.ts'
import { Readers } from './readers.ts'
import { Savepoints } from './savepoints.ts'
import { Script } from './script.ts'
import { makeTasks, taskNamesOf, type TaskHost, type TaskSet } from './task-set.ts'

/** The event loop is not kept waiting for longer: servers want their pings answered, and signals to be heard. */
const longestTurnMs = 8
/** Outputs that wait for a checkpoint: beyond this an early one is taken. */
const earlyCheckpointBytes = 3 * 1_024 * 1_024
/** Those, and the outputs of the checkpoint under way, which wait for its manifest and for their sinks: beyond this sources pause. */
const pauseBytes = 8 * 1_024 * 1_024
/** A checkpoint that fails this often in a row fails the run. */
const mostFailures = 5
const retryMs = 1_000
const progressMs = 250
/** With no store, outputs of sinks that publish with checkpoints still leave this often. */
const publishMs = 1_000

type Ending = 'end' | 'suspend' | 'drain'
const stateOf: Readonly<Record<Ending, PipelineResult['state']>> = { end: 'done', suspend: 'suspended', drain: 'drained' }

export class Host {
  readonly #opened: Opened
  readonly #place: Place
  readonly #checkpointer: Checkpointer
  readonly #coordinator: Coordinator
  readonly #bundles: Bundles
  readonly #random: Random
  readonly #rate = new RateMeter()
  readonly #counters: Counters = { elementsRead: 0, bytesRead: 0, elementsWritten: 0 }
  readonly #beganMs = performance.now()
  readonly #calls = new LiveCalls()
  readonly #savepoints: Savepoints
  readonly #lease: LeaseWatch
  #set: TaskSet = { tasks: [], instances: [] }
  #readers: Readers | null = null
  /** Whose processing time this is, if not the machine's. */
  #script: Script | null = null
  #pulling = true
  #ending: Ending | null = null
  #ended: PipelineResult['state'] | null = null
  #failure: { readonly error: unknown } | null = null
  #failures = 0
  /** Outputs of the checkpoint under way. */
  #leavingBytes = 0
  #checkpointDueMs: number
  #progressDueMs = 0
  #woken = false
  #wake: (() => void) | null = null

  constructor(opened: Opened, place: Place) {
    this.#opened = opened
    this.#place = place
    this.#savepoints = new Savepoints(opened.store, opened.session, opened.job)
    this.#lease = new LeaseWatch(opened.session)
    this.#bundles = new Bundles(place.options)
    this.#random = randomOf(place.options.seed ?? 0)
    this.#checkpointer = new Checkpointer(opened.session, opened.sinks, opened.content)
    this.#coordinator = new Coordinator(taskNamesOf(opened.plan, opened.content.shards), opened.epoch)
    this.#checkpointDueMs = Date.now() + this.#everyMs()
  }

  /** Makes the tasks and opens the readers. */
  async prepare(): Promise<void> {
    const { plan, content, session, sources, sinks } = this.#opened
    const host: TaskHost = {
      now: () => this.#now(),
      scopeOf: epoch => this.#scopeOf(epoch),
      cutFor: this.#bundles.cutFor,
      publish: (sinkId, split, outputs) => {
        this.#counters.elementsWritten += outputs.payloads.length
        sinks.get(sinkId)?.publish(split, outputs)
      },
      snapshot: (epoch, snapshot) => this.#carryOut(this.#coordinator.onSnapshot(epoch, snapshot)),
      call: (task, id, element) => this.#call(task, id, element),
    }
    this.#set = await makeTasks(plan, content, session, this.#place.options.strict === true, host)
    for (const sink of sinks.values()) sink.onReady(() => this.#poke())
    this.#readers = await Readers.open(this.#set.tasks, sources, () => this.#poke())
    // A task without a split of its own has nothing to wait for.
    this.#script = Script.of(sources, this.#set.tasks, this.#readers.scripted)
    for (const task of this.#sources()) task.onSourceProgress(this.#now())
    for (const task of this.#set.tasks) task.begin()
  }

  /** The tasks' processing time; checkpoints, leases and progress go by the machine's. */
  #now(): number {
    return this.#script?.now() ?? Date.now()
  }

  /** To the end of the run; rejects with what ended it early. */
  async run(): Promise<PipelineResult> {
    try {
      while (this.#ended === null) {
        const began = performance.now()
        let more = true
        while (more && performance.now() - began < longestTurnMs) more = this.#step()
        await (more ? nextTurn() : this.#rest())
      }
      if (this.#ended === 'done' || this.#ended === 'drained') checkAssertions(this.#set.instances)
      this.#progress(true)
      return { state: this.#ended, metrics: this.metrics() }
    } finally {
      await this.#close()
    }
  }

  // ---- what a job asks

  /** Stops pulling and takes a last checkpoint. */
  suspend(): void {
    this.#end('suspend')
  }

  drain(): void {
    this.#end('drain')
  }

  #end(how: Ending): void {
    if (this.#ending !== null || this.#ended !== null) return
    this.#ending = how
    this.#pulling = false
    // Behind what runs now: a user's function may have asked.
    this.#later(async () => () => {
      if (how === 'suspend') return this.#carryOut(this.#coordinator.request('suspend'))
      for (const task of this.#sources()) {
        task.drain()
        task.onSourceProgress(this.#now())
      }
    })
  }

  cancel(): void {
    this.#ended ??= 'cancelled'
    this.#poke()
  }

  savepoint(name: string): Promise<string> {
    const written = this.#savepoints.ask(name, this.#ended !== null || this.#ending !== null ? 'the run is ending' : null)
    if (this.#opened.session !== null && this.#ending === null) this.#guarded(() => this.#carryOut(this.#coordinator.request('savepoint')))
    this.#poke()
    return written
  }

  metrics(): JobMetrics {
    return metricsOf({
      beganMs: this.#beganMs,
      counters: this.#counters,
      rate: this.#rate,
      readers: this.#readers?.states() ?? [],
      tasks: this.#set.tasks,
      checkpoints: this.#checkpointer.stats,
      sinks: this.#opened.sinks,
    })
  }

  // ---- one turn

  /** Whether there is more to do at once. */
  #step(): boolean {
    this.#woken = false
    if (this.#failure !== null) throw this.#failure.error
    this.#askSinks()
    const now = Date.now()
    if (!this.#lease.holds(now, work => this.#later(work))) return false
    if (now >= this.#progressDueMs) this.#progress(false)
    const taskTime = this.#now()
    for (const task of this.#set.tasks) if (task.wakeAt() <= taskTime) task.onProcessingTime(taskTime)
    this.#startCheckpoint(now)
    if (!this.#pulling || this.#mustWait()) return false
    const read = this.#readers?.pollOne(this.#bundles.batchSize, taskTime) ?? null
    if (read === null) for (const task of this.#set.tasks) task.onRest()
    const batch = read === null && this.#quiescent() ? (this.#script?.play(this.#bundles.batchSize) ?? null) : read
    // The last look at a reader may have found its end.
    if (batch === null) return this.#ending === null && this.#set.tasks.every(task => task.finished())
    this.#counters.elementsRead += batch.values.length
    this.#counters.bytesRead += batch.bytes
    this.#rate.add(batch.values.length)
    return true
  }

  /** When nothing was read: whether nothing is under way either, so that a script may go on. */
  #quiescent(): boolean {
    return this.#readers?.atRest() === true && this.#set.tasks.every(task => task.quiescent() && task.wakeAt() > this.#now())
  }

  #mustWait(): boolean {
    if (this.#set.tasks.some(task => task.congested())) return true
    if (this.#pendingBytes() + this.#leavingBytes > pauseBytes) return true
    for (const sink of this.#opened.sinks.values()) if (sink.congested()) return true
    return false
  }

  #askSinks(): void {
    for (const [id, sink] of this.#opened.sinks) {
      const failure = sink.failure()
      if (failure !== null) throw new IoError(id, failure)
    }
  }

  #pendingBytes(): number {
    return this.#set.tasks.reduce((sum, task) => sum + task.pendingBytes(), 0)
  }

  #startCheckpoint(now: number): void {
    if (this.#coordinator.busy()) return
    if (this.#ending === null && this.#set.tasks.every(task => task.finished())) this.#ending = 'end'
    // A drain takes its checkpoint when event time has come to its end everywhere.
    if ((this.#ending === 'end' || this.#ending === 'drain') && this.#set.tasks.every(task => task.finished())) {
      if (now >= this.#checkpointDueMs || this.#failures === 0) this.#carryOut(this.#coordinator.request(this.#ending))
      return
    }
    if (this.#opened.session === null && this.#pendingBytes() === 0) return
    if (now >= this.#checkpointDueMs || (this.#failures === 0 && this.#pendingBytes() > earlyCheckpointBytes)) {
      const retried = this.#coordinator.retry()
      this.#carryOut(retried.length > 0 ? retried : this.#coordinator.request('periodic'))
    }
  }

  #everyMs(): number {
    return this.#place.options.checkpoints?.everyMs ?? publishMs
  }

  #scopeOf(epoch: number): SnapshotScope {
    if (this.#opened.session === null) return 'none'
    return this.#coordinator.isFull(epoch) ? 'all' : 'changes'
  }

  async #rest(): Promise<void> {
    if (this.#woken || this.#ended !== null) return nextTurn()
    const now = Date.now()
    const dueMs = Math.min(
      ...(this.#script === null ? this.#set.tasks.map(task => task.wakeAt()) : []),
      this.#coordinator.busy() ? Infinity : this.#checkpointDueMs,
      now + progressMs,
    )
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, Math.max(0, Math.min(dueMs - now, progressMs)))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = null
  }

  #poke(): void {
    this.#woken = true
    this.#wake?.()
  }

  // ---- the coordinator's commands

  #carryOut(commands: ReadonlyArray<CoordinatorCommand>): void {
    for (const command of commands) this.#carryOutOne(command)
  }

  #carryOutOne(command: CoordinatorCommand): void {
    switch (command._tag) {
      case 'Inject':
        this.#checkpointDueMs = Date.now() + this.#everyMs()
        this.#checkpointer.begin()
        for (const task of this.#sources()) task.onInject(command.checkpoint.epoch, this.#now())
        return
      case 'Persist':
        this.#leavingBytes = command.snapshots.flatMap(({ outputs }) => outputs).reduce((sum, { outputs }) => sum + heldBytes(outputs), 0)
        return this.#later(
          async () => {
            const compact = await this.#checkpointer.persist(command.checkpoint, command.snapshots)
            return () => {
              this.#failures = 0
              for (const task of this.#set.tasks) task.onPersisted()
              this.#carryOut(this.#coordinator.onPersisted())
              // Behind it: a checkpoint that was persisted settles the wish for a full one.
              if (compact) this.#coordinator.wantFull()
            }
          },
          error => this.#onPersistFailed(error),
        )
      case 'Publish':
        return this.#later(async () => {
          await this.#checkpointer.publish(command.checkpoint, command.snapshots)
          for (const { outputs } of command.snapshots)
            for (const { outputs: rows } of outputs) this.#counters.elementsWritten += rows.payloads.length
          if (command.checkpoint.purpose === 'savepoint') await this.#savepoints.write(this.#checkpointer.content)
          return () => {
            this.#leavingBytes = 0
            this.#carryOut(this.#coordinator.onPublished())
          }
        })
      case 'Abort':
        this.#leavingBytes = 0
        for (const task of this.#set.tasks) task.onAborted()
        return
      case 'Ended':
        this.#ended ??= stateOf[command.checkpoint.purpose as Ending]
        return
      default:
        return isNever(command)
    }
  }

  /** Work that waits, outside the tasks; what it gives back is done in the loop's own time. */
  #later(work: () => Promise<() => void>, onError?: (error: unknown) => void): void {
    const settle = (then: () => void): void => {
      this.#guarded(then)
      this.#poke()
    }
    work().then(
      then => settle(then),
      (error: unknown) => settle(() => (onError === undefined ? this.#fail(error) : onError(error))),
    )
  }

  #guarded(work: () => void): void {
    if (this.#failure !== null || this.#ended !== null) return
    try {
      work()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
  }

  /** A full disk fails the checkpoint, not the data: what it held goes into the next one. */
  #onPersistFailed(error: unknown): void {
    const transient = error instanceof CheckpointError && (error.kind === 'StoreFull' || error.kind === 'StoreFailed')
    this.#failures++
    this.#checkpointer.stats.failed++
    if (!transient || this.#failures >= mostFailures) throw error
    this.#place.log('error', `a checkpoint failed (${this.#failures} of ${mostFailures} in a row until the run fails): ${error.message}`)
    this.#checkpointDueMs = Date.now() + Math.max(retryMs, this.#everyMs())
    this.#carryOut(this.#coordinator.onPersistFailed())
  }

  // ---- the rest

  #sources(): ReadonlyArray<Task> {
    return this.#set.tasks.filter(task => task.splits !== null)
  }

  #call(task: Task, id: number, element: unknown): void {
    const { head } = task.stage
    if (head._tag !== 'Async') throw new Error(`${task.name} makes no calls`)
    this.#later(async () => {
      const outcome = await runCall(head.call, element, this.#calls, this.#random)
      return () => task.onCallEnded(id, outcome)
    })
  }

  #progress(last: boolean): void {
    this.#progressDueMs = Date.now() + progressMs
    const { onProgress } = this.#place.options
    if (onProgress !== undefined && (last || this.#ended === null)) onProgress(this.metrics())
  }

  async #close(): Promise<void> {
    this.#ended ??= 'cancelled'
    this.#calls.abort()
    this.#savepoints.end()
    await this.#readers?.close()
    for (const instance of this.#set.instances) await instance.teardown()
  }
}

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
