// Makes a checkpoint durable: segments first, the manifest last.
import { LatencyRecorder } from '../../sdk/model/histogram.ts'
import type { CheckpointSession, Segment } from '../checkpoint/store.ts'
import type { Checkpoint } from '../engine/coordinator.ts'
import {
  type CheckpointContent,
  type RunStatus,
  segmentsOf,
  shouldCompact,
  type WritableSnapshot,
  writeSnapshot,
} from './checkpoint-content.ts'
import { FailureCounts } from './failure-counts.ts'
import type { CheckpointAttempt } from './checkpoint-attempt.ts'
import type { Clock } from './clock.ts'
import type { PoisonRecord } from './poison.ts'

/** Outputs that wait for a checkpoint: from here on an early one is taken. */
export const earlyCheckpointBytes = 3 * 1_024 * 1_024

export interface CheckpointStats {
  completed: number
  failed: number
  /** Answers and snapshots that came when their attempt was over. */
  stale: number
  lastEpoch: number | null
  lastDurationMs: number | null
  lastAlignmentMs: number | null
  lastBytes: number | null
  /** When it became durable, by the monotonic clock. */
  lastAtMs: number | null
  readonly durations: LatencyRecorder
  /** Of those that the run went on from. */
  readonly failures: FailureCounts
}

const statusOf: Readonly<Record<Checkpoint['purpose'], RunStatus>> = {
  periodic: 'running',
  savepoint: 'running',
  suspend: 'suspended',
  drain: 'drained',
  end: 'done',
}

type Attempt = Pick<CheckpointAttempt, 'checkpoint' | 'draining' | 'signal' | 'alignmentMs' | 'elapsedMs'>

export class Checkpointer {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly stats: CheckpointStats
  readonly #session: CheckpointSession | null
  readonly #onWritten: (epoch: number) => void
  #content: CheckpointContent
  /** The newest epoch whose manifest the store was asked to write. */
  #lastCommitted = -1

  /** `onWritten`: called when all lies in the store but for the manifest. */
  constructor(
    clock: Pick<Clock, 'monotonicMs'>,
    session: CheckpointSession | null,
    content: CheckpointContent,
    onWritten: (epoch: number) => void,
  ) {
    this.#clock = clock
    this.stats = {
      completed: 0,
      failed: 0,
      stale: 0,
      lastEpoch: null,
      lastDurationMs: null,
      lastAlignmentMs: null,
      lastBytes: null,
      lastAtMs: null,
      durations: new LatencyRecorder(),
      failures: new FailureCounts(clock),
    }
    this.#session = session
    this.#content = content
    this.#onWritten = onWritten
  }

  get content(): CheckpointContent {
    return this.#content
  }

  /** Whether the store was asked for its manifest: then it may become durable, and the store may remove what the checkpoint before needs. */
  mayBeDurable(epoch: number): boolean {
    return this.#lastCommitted === epoch
  }

  /** Counts it as failed; the store goes on with what it was asked, and nothing of that changes this run. */
  giveUp(attempt: Pick<CheckpointAttempt, 'giveUp'>): void {
    attempt.giveUp()
    this.stats.failed++
  }

  /** Resolves once the manifest is durable. Says whether the next checkpoint should write all state. `positions`: where each sink stands. */
  async persist(
    attempt: Attempt,
    snapshots: ReadonlyArray<WritableSnapshot>,
    positions: Readonly<Record<string, unknown>>,
    poison: PoisonRecord | null = null,
  ): Promise<boolean> {
    const sinks: CheckpointContent['sinks'] = Object.fromEntries(
      Object.entries(this.#content.sinks).map(([id, { protocol, position }]) => [id, { protocol, position: positions[id] ?? position }]),
    )
    if (this.#session === null) return false
    const written: Segment[] = []
    try {
      await this.#write(this.#session, attempt, snapshots, sinks, poison, written)
    } catch (error) {
      // The next attempt writes its own; where even removing fails, the next start does it.
      await this.#session.discardSegments(written).catch(() => undefined)
      throw error
    }
    return shouldCompact(this.#content)
  }

  async #write(
    session: CheckpointSession,
    attempt: Attempt,
    snapshots: ReadonlyArray<WritableSnapshot>,
    sinks: CheckpointContent['sinks'],
    poison: PoisonRecord | null,
    written: Segment[],
  ): Promise<void> {
    const { checkpoint, signal } = attempt
    const tasks: Record<string, CheckpointContent['tasks'][string]> = {}
    const before = this.#content
    for (const snapshot of snapshots) {
      tasks[snapshot.task] = await writeSnapshot(session, snapshot, before.tasks[snapshot.task], checkpoint.full, written)
      signal.throwIfAborted()
    }
    const content: CheckpointContent = {
      ...before,
      status: attempt.draining && statusOf[checkpoint.purpose] === 'running' ? 'draining' : statusOf[checkpoint.purpose],
      sinks,
      tasks,
      poison: poison ?? undefined,
      outputsOf: undefined,
    }
    const segments = segmentsOf(content)
    this.#onWritten(checkpoint.epoch)
    this.#lastCommitted = checkpoint.epoch
    await session.commit(checkpoint.epoch, segments, content)
    // Given up meanwhile, it is durable all the same, and a crash now would begin there: but this run goes on from the one before it.
    signal.throwIfAborted()
    this.#content = content
    this.stats.lastBytes = segments.reduce((sum, { bytes }) => sum + bytes, 0)
    this.stats.lastDurationMs = attempt.elapsedMs()
    this.stats.lastAlignmentMs = attempt.alignmentMs
    this.stats.lastAtMs = this.#clock.monotonicMs()
    this.stats.durations.record(this.stats.lastDurationMs)
    this.stats.lastEpoch = checkpoint.epoch
    this.stats.completed++
  }
}
