// Conducts a run: when checkpoints are taken, what they are made of, how the run ends, and what its user is told. The work itself is done
// by a crew, in this thread or in others.
import type { PipelineResult } from '../../sdk/model/run.ts'
import { CheckpointError } from '../checkpoint/store.ts'
import { type Checkpoint, Coordinator, type CoordinatorCommand } from '../engine/coordinator.ts'
import { isNever } from '../engine/exhaustive.ts'
import type { SnapshotScope } from '../engine/messages.ts'
import type { CheckpointContent, WritableSnapshot } from './checkpoint-content.ts'
import { Checkpointer, earlyCheckpointBytes } from './checkpointer.ts'
import { type Dealt, DiscoveryWatch } from './discovery-watch.ts'
import type { Errands } from './errands.ts'
import { failureClass } from './failure-counts.ts'
import { LeaseWatch } from './lease-watch.ts'
import type { Opened, Place } from './opening.ts'
import { Savepoints } from './savepoints.ts'
import { taskNamesOf } from './task-set.ts'

const retryMs = 1_000
const progressMs = 250
/** With no store, outputs of sinks that publish with checkpoints still leave this often. */
const publishMs = 1_000
/** Of checkpoints that are not kept: there is nothing to wait for but the tasks. */
const unkept = { timeoutMs: 600_000, failures: 5 } as const

type Ending = 'end' | 'suspend' | 'drain'
/** What the next checkpoint may not meet again. */
const mayPass: ReadonlySet<CheckpointError['kind']> = new Set(['StoreFull', 'StoreFailed', 'TimedOut'])
const stateOf: Readonly<Record<Ending, PipelineResult['state']>> = { end: 'done', suspend: 'suspended', drain: 'drained' }

/** Whoever does the work. */
export interface Crew {
  /** Sinks are asked where they stand, then sources take their snapshots. */
  readonly inject: (epoch: number, scope: SnapshotScope) => void
  /** Where each sink stood then, once all that was published until now is acknowledged. */
  readonly positions: () => Promise<Readonly<Record<string, unknown>>>
  /** The last snapshot is durable. */
  readonly persisted: () => void
  /** The checkpoint came to nothing: what its snapshots took goes into the next one. Resolves when all tasks have heard it. */
  readonly aborted: (epoch: number) => Promise<void>
  /** What the checkpoint holds leaves. */
  readonly publish: (checkpoint: Checkpoint) => Promise<void>
  /** Splits have appeared, and are to be read; see `Discovery`. */
  readonly discovered: (dealt: Dealt) => void
  readonly stopPulling: () => void
  /** Event time goes to its end; nothing more is read. */
  readonly drain: () => void
  /** Event time is over everywhere, and nothing is left to do. */
  readonly finished: () => boolean
  /** Outputs that wait for a checkpoint. */
  readonly pendingBytes: () => number
}

export class Conductor {
  readonly #opened: Opened
  readonly #place: Place
  readonly #crew: Crew
  readonly #errands: Errands
  readonly #poke: () => void
  readonly #coordinator: Coordinator<WritableSnapshot>
  readonly #checkpointer: Checkpointer
  readonly #savepoints: Savepoints
  readonly #lease: LeaseWatch
  readonly #discovery: DiscoveryWatch
  #ending: Ending | null = null
  #ended: PipelineResult['state'] | null = null
  #failures = 0
  #checkpointDueMs: number
  /** Says that the checkpoint under way was given up. */
  #givenUp: AbortSignal = new AbortController().signal
  /** When the checkpoint under way has taken too long. */
  #deadlineMs = Infinity
  #progressDueMs = 0

  /** `poke`: called when there is something to do again. */
  constructor(opened: Opened, place: Place, crew: Crew, errands: Errands, poke: () => void) {
    this.#opened = opened
    this.#place = place
    this.#crew = crew
    this.#errands = errands
    this.#poke = poke
    this.#savepoints = new Savepoints(opened.store, opened.session, opened.job)
    this.#lease = new LeaseWatch(opened.session, place.clock)
    this.#discovery = new DiscoveryWatch({ ...opened, toEnd: place.options.until === 'end', clock: place.clock }, dealt =>
      crew.discovered(dealt),
    )
    const { shards, content } = opened
    const isRedealt = shards !== content.shards
    // What was written for other tasks is nothing to add changes to.
    this.#checkpointer = new Checkpointer(place.clock, opened.session, isRedealt ? { ...content, shards, tasks: {} } : content, epoch =>
      place.tell({ _tag: 'CheckpointWritten', epoch }),
    )
    this.#coordinator = new Coordinator(taskNamesOf(opened.plan, shards), opened.epoch)
    if (isRedealt) this.#coordinator.wantFull()
    this.#checkpointDueMs = this.#place.clock.wallMs() + this.#everyMs()
  }

  get ended(): PipelineResult['state'] | null {
    return this.#ended
  }

  get ending(): boolean {
    return this.#ending !== null
  }

  /** Of the newest checkpoint. */
  get content(): CheckpointContent {
    return this.#checkpointer.content
  }

  get stats(): Checkpointer['stats'] {
    return this.#checkpointer.stats
  }

  // ---- what a job asks

  /** Stops pulling and takes a last checkpoint. */
  suspend(): void {
    this.#end('suspend')
  }

  drain(): void {
    this.#end('drain')
  }

  #end(how: 'suspend' | 'drain'): void {
    if (this.#ending !== null || this.#ended !== null) return
    this.#ending = how
    this.#crew.stopPulling()
    // Behind what runs now: a user's function may have asked.
    this.#errands.later(async () => () => (how === 'suspend' ? this.#carryOut(this.#coordinator.request('suspend')) : this.#crew.drain()))
  }

  cancel(): void {
    this.#ended ??= 'cancelled'
    this.#errands.close()
    this.#poke()
  }

  savepoint(name: string): Promise<string> {
    const written = this.#savepoints.ask(name, this.#ended !== null || this.#ending !== null ? 'the run is ending' : null)
    if (this.#opened.session !== null && this.#ending === null)
      this.#errands.guarded(() => this.#carryOut(this.#coordinator.request('savepoint')))
    this.#poke()
    return written
  }

  // ---- one turn

  /** Whether the crew may go on. Throws what the run failed with. `progress` is called when it is time to. */
  step(progress: () => void): boolean {
    this.#errands.ask()
    const now = this.#place.clock.wallMs()
    if (now >= this.#deadlineMs) this.#onLate()
    if (!this.#lease.holds(now, work => this.#errands.later(work))) return false
    if (now >= this.#progressDueMs && this.#ended === null) {
      this.#progressDueMs = now + progressMs
      progress()
    }
    if (this.#ending === null) this.#discovery.turn(now, work => this.#errands.later(work))
    this.#startCheckpoint(now)
    return true
  }

  #startCheckpoint(now: number): void {
    if (this.#coordinator.busy()) return
    const finished = this.#crew.finished()
    if (this.#ending === null && finished) this.#ending = 'end'
    // A drain takes its checkpoint when event time has come to its end everywhere.
    if ((this.#ending === 'end' || this.#ending === 'drain') && finished) {
      if (now >= this.#checkpointDueMs || this.#failures === 0) this.#carryOut(this.#coordinator.request(this.#ending))
      return
    }
    const pending = this.#crew.pendingBytes()
    if (this.#opened.session === null && pending === 0) return
    if (now >= this.#checkpointDueMs || (this.#failures === 0 && pending >= earlyCheckpointBytes)) {
      const retried = this.#coordinator.retry()
      this.#carryOut(retried.length > 0 ? retried : this.#coordinator.request('periodic'))
    }
  }

  #everyMs(): number {
    return this.#place.options.checkpoints?.everyMs ?? publishMs
  }

  #limits(): { readonly timeoutMs: number; readonly failures: number } {
    return this.#place.options.checkpoints ?? unkept
  }

  /** When to look again, by the wall clock. */
  dueMs(): number {
    return Math.min(this.#discovery.dueMs(), this.#coordinator.busy() ? this.#deadlineMs : this.#checkpointDueMs)
  }

  #scopeOf({ full }: Checkpoint): SnapshotScope {
    if (this.#opened.session === null) return 'none'
    return full ? 'all' : 'changes'
  }

  onSnapshot(epoch: number, snapshot: WritableSnapshot): void {
    this.#carryOut(this.#coordinator.onSnapshot(epoch, snapshot))
  }

  // ---- the coordinator's commands

  #carryOut(commands: ReadonlyArray<CoordinatorCommand<WritableSnapshot>>): void {
    for (const command of commands) this.#carryOutOne(command)
  }

  #carryOutOne(command: CoordinatorCommand<WritableSnapshot>): void {
    switch (command._tag) {
      case 'Inject': {
        const { epoch, purpose } = command.checkpoint
        this.#checkpointDueMs = this.#place.clock.wallMs() + this.#everyMs()
        this.#deadlineMs = this.#place.clock.wallMs() + this.#limits().timeoutMs
        this.#givenUp = this.#checkpointer.begin()
        this.#place.tell({ _tag: 'CheckpointStarted', epoch, purpose })
        return this.#crew.inject(epoch, this.#scopeOf(command.checkpoint))
      }
      case 'Persist':
        this.#place.tell({
          _tag: 'CheckpointAligned',
          epoch: command.checkpoint.epoch,
          alignmentMs: this.#checkpointer.aligned(command.snapshots),
        })
        return this.#persist(command.checkpoint, command.snapshots)
      case 'Publish':
        this.#deadlineMs = Infinity
        return this.#errands.later(async () => {
          await this.#crew.publish(command.checkpoint)
          if (command.checkpoint.purpose === 'savepoint') await this.#savepoints.write(this.#checkpointer.content, command.checkpoint.epoch)
          return () => this.#onPublished(command.checkpoint.epoch)
        })
      case 'Abort':
        this.#deadlineMs = this.#place.clock.wallMs() + this.#limits().timeoutMs
        return this.#errands.later(async () => {
          await this.#crew.aborted(command.checkpoint.epoch)
          return () => {
            this.#deadlineMs = Infinity
            this.#coordinator.onAborted()
          }
        })
      case 'Ended':
        this.#ended ??= stateOf[command.checkpoint.purpose as Ending]
        this.#errands.close()
        return
      default:
        return isNever(command)
    }
  }

  #persist(checkpoint: Checkpoint, snapshots: ReadonlyArray<WritableSnapshot>): void {
    const givenUp = this.#givenUp
    this.#errands.later(
      async () => {
        const positions = await this.#crew.positions()
        const compact = !givenUp.aborted && (await this.#checkpointer.persist(checkpoint, snapshots, positions))
        return () => {
          if (!givenUp.aborted) this.#onPersisted(checkpoint.epoch, compact)
        }
      },
      error => {
        if (!givenUp.aborted) this.#giveUp(error)
      },
    )
  }

  #onPersisted(epoch: number, compact: boolean): void {
    this.#failures = 0
    this.#place.tell({ _tag: 'CheckpointDurable', epoch, bytes: this.stats.lastBytes ?? 0 })
    this.#crew.persisted()
    this.#carryOut(this.#coordinator.onPersisted())
    // Behind it: a checkpoint that was persisted settles the wish for a full one.
    if (compact) this.#coordinator.wantFull()
  }

  #onPublished(epoch: number): void {
    const { lastAlignmentMs, lastBytes } = this.stats
    const durationMs = this.#checkpointer.elapsedMs()
    this.#place.tell({ _tag: 'CheckpointCompleted', epoch, durationMs, alignmentMs: lastAlignmentMs ?? 0, bytes: lastBytes ?? 0 })
    this.#carryOut(this.#coordinator.onPublished())
  }

  /** What is durable is waited for: it cannot be given up, and its sinks have limits of their own. */
  #onLate(): void {
    const waits = this.#coordinator.waitsFor()
    if (waits === null) return
    const limit = `checkpoint ${this.#coordinator.epoch} was not finished within ${this.#limits().timeoutMs} ms`
    const error = new CheckpointError('TimedOut', `${limit}: ${waits}. Checkpoints take a longer timeout, if that is what it needs`)
    if (!this.#givenUp.aborted) return this.#giveUp(error)
    // A worker that stands still does not even hear of it: that counts as one more that failed.
    if (++this.#failures >= this.#limits().failures) throw error
    this.#deadlineMs = this.#place.clock.wallMs() + this.#limits().timeoutMs
  }

  /** A full disk fails the checkpoint, not the data: what it held goes into the next one. */
  #giveUp(error: unknown): void {
    const { failures } = this.#limits()
    const transient = error instanceof CheckpointError && mayPass.has(error.kind)
    const message = error instanceof Error ? error.message : String(error)
    this.#failures++
    this.#checkpointer.giveUp()
    this.#place.tell({
      _tag: 'CheckpointAborted',
      epoch: this.#coordinator.epoch,
      durationMs: this.#checkpointer.elapsedMs(),
      inARow: this.#failures,
      message,
    })
    if (!transient || this.#failures >= failures) throw error
    this.stats.failures.count(error)
    this.#place.log('error', `a checkpoint failed (${this.#failures} of ${failures} in a row until the run fails): ${message}`, {
      checkpoint: this.#coordinator.epoch,
      error: failureClass(error),
    })
    this.#checkpointDueMs = this.#place.clock.wallMs() + Math.max(retryMs, this.#everyMs())
    this.#carryOut(this.#coordinator.abort())
  }

  close(): void {
    this.#ended ??= 'cancelled'
    this.#errands.close()
    this.#savepoints.end()
  }
}
