// Conducts a run: when checkpoints are taken, what they are made of, how the run ends, and what its user is told. The work itself is done
// by a crew, in this thread or in others.
import type { PipelineResult } from '../../sdk/model/run.ts'
import { errorText } from '../../sdk/model/error-text.ts'
import { CheckpointError } from '../checkpoint/store.ts'
import { type Checkpoint, Coordinator, type CoordinatorCommand } from '../engine/coordinator.ts'
import { isNever } from '../engine/exhaustive.ts'
import type { SnapshotScope } from '../engine/messages.ts'
import type { CheckpointContent, WritableSnapshot } from './checkpoint-content.ts'
import { type AttemptContext, type AttemptLimits, CheckpointAttempt, type CrewAttempt } from './checkpoint-attempt.ts'
import { Checkpointer, earlyCheckpointBytes } from './checkpointer.ts'
import { type Dealt, DiscoveryWatch } from './discovery-watch.ts'
import type { Errands } from './errands.ts'
import { failureClass } from './failure-counts.ts'
import type { Opened, Place } from './opening.ts'
import { Savepoints } from './savepoints.ts'
import type { SplitRef } from './poison.ts'
import { taskNamesOf } from './task-set.ts'
import { Trials } from './trials.ts'

const retryMs = 1_000
const progressMs = 250
/** How often a reader is asked for the element that is to be tried alone, while it says nothing. */
const trialLookMs = 100
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
  /** The threads' share of an attempt at a checkpoint; nothing is sent before its `inject`. */
  readonly attempt: (epoch: number, context: AttemptContext) => CrewAttempt
  /** Splits have appeared, and are to be read; see `Discovery`. */
  readonly discovered: (dealt: Dealt) => void
  readonly stopPulling: () => void
  /** Event time goes to its end; nothing more is read. */
  readonly drain: () => void
  /** Event time is over everywhere, and nothing is left to do. */
  readonly finished: () => boolean
  /** Hands on the next element of this split alone, of all that the run could read; false: it has none now. */
  readonly tryAlone: (split: SplitRef) => Promise<boolean>
  /** Nothing is tried alone any more: all sources are read again. */
  readonly endTrials: () => void
  /** Answers that came when their question or attempt was over. */
  readonly stale: () => number
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
  readonly #discovery: DiscoveryWatch
  readonly #trials: Trials
  #ending: Ending | null = null
  #ended: PipelineResult['state'] | null = null
  #failures = 0
  #checkpointDueMs: number
  /** From its barrier until it is published or given up. */
  #attempt: CheckpointAttempt | null = null
  #progressDueMs = 0
  /** The checkpoint that the run goes on from was taken while an earlier process drained the job. */
  #drainsFirst: boolean

  /** `poke`: called when there is something to do again. */
  constructor(opened: Opened, place: Place, crew: Crew, errands: Errands, poke: () => void) {
    this.#opened = opened
    this.#place = place
    this.#crew = crew
    this.#errands = errands
    this.#poke = poke
    this.#drainsFirst = opened.content.status === 'draining'
    this.#savepoints = new Savepoints(opened.store, opened.session, opened.job)
    opened.lease?.onChange(poke)
    this.#discovery = new DiscoveryWatch({ ...opened, toEnd: place.options.until === 'end', clock: place.clock }, dealt =>
      crew.discovered(dealt),
    )
    const { shards, content } = opened
    this.#trials = new Trials(content.poison ?? null)
    const isRedealt = shards !== content.shards
    // What was written for other tasks is nothing to add changes to.
    this.#checkpointer = new Checkpointer(place.clock, opened.session, isRedealt ? { ...content, shards, tasks: {} } : content, epoch =>
      place.tell({ _tag: 'CheckpointWritten', epoch }),
    )
    this.#coordinator = new Coordinator(taskNamesOf(opened.plan, shards), opened.epoch)
    if (isRedealt) this.#coordinator.wantFull()
    this.#checkpointDueMs = this.#place.clock.monotonicMs() + this.#everyMs()
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
    const { stats } = this.#checkpointer
    stats.stale = this.#coordinator.stale + this.#crew.stale()
    return stats
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

  #drainAgain(): void {
    this.#drainsFirst = false
    this.#place.log('warn', `${this.#opened.job}: the last process ended while it drained the job, so this one goes on with the drain`)
    this.drain()
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
    this.#opened.lease?.requireHold()
    if (this.#drainsFirst) this.#drainAgain()
    // Not the wall clock: set back by an hour, it would put off the next checkpoint for an hour.
    const now = this.#place.clock.monotonicMs()
    if (this.#attempt !== null && now >= this.#attempt.deadlineMs) this.#onLate(this.#attempt)
    if (now >= this.#progressDueMs && this.#ended === null) {
      this.#progressDueMs = now + progressMs
      progress()
    }
    if (this.#opened.lease?.held() === false) return false
    if (this.#ending === null) this.#discovery.turn(now, work => this.#errands.later(work))
    this.#startCheckpoint(now)
    return true
  }

  #startCheckpoint(now: number): void {
    if (this.#coordinator.busy()) return
    if (this.#ending === null && !this.#trials.isOver) return this.#stepTrials(now)
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

  #stepTrials(now: number): void {
    if (!this.#trials.wantsCheckpoint || (this.#failures > 0 && now < this.#checkpointDueMs)) return
    const retried = this.#coordinator.retry()
    this.#carryOut(retried.length > 0 ? retried : this.#coordinator.request('periodic'))
  }

  #tryAlone(split: SplitRef): void {
    this.#errands.later(async () => {
      const handedOn = await this.#crew.tryAlone(split)
      return () => this.#trials.tried(handedOn)
    })
  }

  #everyMs(): number {
    return this.#place.options.checkpoints?.everyMs ?? publishMs
  }

  #limits(): AttemptLimits {
    return this.#place.options.checkpoints ?? unkept
  }

  /** Milliseconds until the next step is due. */
  restMs(): number {
    // What is due waits for the lease, which calls when it is held again.
    const nowMs = this.#place.clock.monotonicMs()
    if (this.#opened.lease?.inDoubt === true) return (this.#attempt?.deadlineMs ?? Infinity) - nowMs
    const dueMs = this.#trials.isTrying ? nowMs + trialLookMs : this.#checkpointDueMs
    return Math.min(this.#discovery.dueMs(), this.#attempt?.deadlineMs ?? dueMs) - nowMs
  }

  /** What the end of the run waits for, for messages. */
  unfinished(): string {
    const sinceMs = this.#opened.lease?.doubtfulSinceMs ?? null
    const doubtMs = sinceMs === null ? null : this.#place.clock.monotonicMs() - sinceMs
    if (doubtMs !== null) return `its lease has been in doubt for ${(doubtMs / 1_000).toFixed(1)} s, so no checkpoint could be taken`
    const attempt = this.#attempt
    if (this.#ended !== null) return 'its connections and threads were still closing'
    if (attempt === null) return 'its last checkpoint had not begun'
    return `checkpoint ${attempt.epoch} was not finished: ${this.#coordinator.waitsFor() ?? 'it is durable, and what it holds is not published yet'}`
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
        const { checkpoint } = command
        const { epoch, purpose } = checkpoint
        const { clock } = this.#place
        this.#checkpointDueMs = clock.monotonicMs() + this.#everyMs()
        if (this.#trials.wantsCheckpoint) this.#trials.begin(epoch)
        this.#attempt = new CheckpointAttempt(checkpoint, clock, this.#limits(), this.#scopeOf(checkpoint), (of, context) =>
          this.#crew.attempt(of, context),
        )
        this.#place.tell({ _tag: 'CheckpointStarted', epoch, purpose })
        return this.#attempt.crew.inject()
      }
      case 'Persist':
        return this.#persist(this.#underWay(command.checkpoint), command.snapshots)
      case 'Publish':
        return this.#publish(this.#underWay(command.checkpoint))
      case 'Abort':
        return this.#abort(this.#underWay(command.checkpoint))
      case 'Ended':
        this.#ended ??= stateOf[command.checkpoint.purpose as Ending]
        this.#errands.close()
        return
      default:
        return isNever(command)
    }
  }

  #underWay({ epoch }: Checkpoint): CheckpointAttempt {
    if (this.#attempt?.epoch !== epoch) throw new Error(`checkpoint ${epoch} is not under way`)
    return this.#attempt
  }

  #persist(attempt: CheckpointAttempt, snapshots: ReadonlyArray<WritableSnapshot>): void {
    attempt.draining = this.#ending === 'drain'
    attempt.aligned(snapshots.map(({ takenMs }) => takenMs))
    this.#place.tell({ _tag: 'CheckpointAligned', epoch: attempt.epoch, alignmentMs: attempt.alignmentMs })
    const { epoch, purpose } = attempt.checkpoint
    const poison = this.#trials.recordIn(epoch, purpose !== 'periodic' && purpose !== 'savepoint', snapshots)
    this.#errands.later(
      async () => {
        const positions = await attempt.crew.positions()
        const compact = !attempt.givenUp && (await this.#checkpointer.persist(attempt, snapshots, positions, poison))
        return () => {
          if (!attempt.givenUp) this.#onPersisted(attempt, compact)
        }
      },
      error => {
        if (!attempt.givenUp) this.#giveUp(attempt, error)
      },
    )
  }

  #onPersisted(attempt: CheckpointAttempt, compact: boolean): void {
    const { epoch } = attempt
    this.#failures = 0
    attempt.durable()
    this.#place.tell({ _tag: 'CheckpointDurable', epoch, bytes: this.stats.lastBytes ?? 0 })
    attempt.crew.persisted()
    this.#carryOut(this.#coordinator.onPersisted(epoch))
    // Behind it: a checkpoint that was persisted settles the wish for a full one.
    if (compact) this.#coordinator.wantFull()
  }

  #publish(attempt: CheckpointAttempt): void {
    const { epoch, purpose } = attempt.checkpoint
    this.#errands.later(async () => {
      await attempt.crew.publish()
      if (purpose === 'savepoint') await this.#savepoints.write(this.#checkpointer.content, epoch)
      return () => this.#onPublished(attempt)
    })
  }

  #onPublished(attempt: CheckpointAttempt): void {
    const { epoch, alignmentMs } = attempt
    this.#attempt = null
    const bytes = this.stats.lastBytes ?? 0
    this.#place.tell({ _tag: 'CheckpointCompleted', epoch, durationMs: attempt.elapsedMs(), alignmentMs, bytes })
    const next = this.#trials.published(epoch)
    if (next === 'over') this.#crew.endTrials()
    else if (next !== null) this.#tryAlone(next)
    this.#carryOut(this.#coordinator.onPublished(epoch))
  }

  #abort(attempt: CheckpointAttempt): void {
    this.#errands.later(async () => {
      await attempt.crew.abort()
      return () => {
        this.#attempt = null
        this.#coordinator.onAborted(attempt.epoch)
        if (this.#checkpointer.mayBeDurable(attempt.epoch)) this.#coordinator.wantFull()
      }
    })
  }

  #onLate(attempt: CheckpointAttempt): void {
    const { failures } = this.#limits()
    const { epoch } = attempt
    const waits = this.#coordinator.waitsFor()
    const error = new CheckpointError(
      'TimedOut',
      `checkpoint ${epoch} was not finished within ${attempt.limitMs} ms: ${waits ?? 'it is durable, and what it holds is not published yet'}. If it needs longer, raise the timeout of the checkpoints`,
    )
    // What is durable cannot be given up: the next start publishes it.
    if (waits === null) throw error
    if (!attempt.givenUp) return this.#giveUp(attempt, error)
    // A worker that stands still does not even hear of it: that counts as one more that failed.
    if (++this.#failures >= failures) throw error
    attempt.extend()
  }

  /** A full disk fails the checkpoint, not the data: what it held goes into the next one. */
  #giveUp(attempt: CheckpointAttempt, error: unknown): void {
    const { failures } = this.#limits()
    const { epoch } = attempt
    const transient = error instanceof CheckpointError && mayPass.has(error.kind)
    const message = errorText(error)
    this.#failures++
    this.#trials.aborted(epoch)
    this.#checkpointer.giveUp(attempt)
    this.#place.tell({ _tag: 'CheckpointAborted', epoch, durationMs: attempt.elapsedMs(), inARow: this.#failures, message })
    if (!transient || this.#failures >= failures) throw error
    this.stats.failures.count(error)
    this.#place.log('error', `a checkpoint failed (${this.#failures} of ${failures} in a row until the run fails): ${message}`, {
      checkpoint: epoch,
      error: failureClass(error),
    })
    this.#checkpointDueMs = this.#place.clock.monotonicMs() + Math.max(retryMs, this.#everyMs())
    this.#carryOut(this.#coordinator.abort(epoch))
  }

  close(): void {
    this.#ended ??= 'cancelled'
    this.#errands.close()
    this.#opened.lease?.end()
    this.#savepoints.end()
  }
}
