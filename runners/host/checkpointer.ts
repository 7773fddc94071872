// Makes a checkpoint durable: segments first, the manifest last.
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

export interface CheckpointStats {
  completed: number
  failed: number
  lastEpoch: number | null
  lastDurationMs: number | null
  lastBytes: number | null
}

const statusOf: Readonly<Record<Checkpoint['purpose'], RunStatus>> = {
  periodic: 'running',
  savepoint: 'running',
  suspend: 'suspended',
  drain: 'drained',
  end: 'done',
}

export class Checkpointer {
  readonly stats: CheckpointStats = { completed: 0, failed: 0, lastEpoch: null, lastDurationMs: null, lastBytes: null }
  readonly #session: CheckpointSession | null
  #content: CheckpointContent
  #beganMs = 0

  constructor(session: CheckpointSession | null, content: CheckpointContent) {
    this.#session = session
    this.#content = content
  }

  get content(): CheckpointContent {
    return this.#content
  }

  /** To be called at the moment the barrier is injected: how long a checkpoint takes counts from there. */
  begin(): void {
    this.#beganMs = performance.now()
  }

  /** Resolves once the manifest is durable. Says whether the next checkpoint should write all state. `positions`: where each sink stands. */
  async persist(
    checkpoint: Checkpoint,
    snapshots: ReadonlyArray<WritableSnapshot>,
    positions: Readonly<Record<string, unknown>>,
  ): Promise<boolean> {
    const sinks: CheckpointContent['sinks'] = Object.fromEntries(
      Object.entries(this.#content.sinks).map(([id, { protocol, position }]) => [id, { protocol, position: positions[id] ?? position }]),
    )
    if (this.#session === null) return false
    const written: Segment[] = []
    try {
      await this.#write(this.#session, checkpoint, snapshots, sinks, written)
    } catch (error) {
      // The next attempt writes its own; where even removing fails, the next start does it.
      await this.#session.discardSegments(written).catch(() => undefined)
      throw error
    }
    return shouldCompact(this.#content)
  }

  async #write(
    session: CheckpointSession,
    checkpoint: Checkpoint,
    snapshots: ReadonlyArray<WritableSnapshot>,
    sinks: CheckpointContent['sinks'],
    written: Segment[],
  ): Promise<void> {
    const tasks: Record<string, CheckpointContent['tasks'][string]> = {}
    for (const snapshot of snapshots)
      tasks[snapshot.task] = await writeSnapshot(session, snapshot, this.#content.tasks[snapshot.task], checkpoint.full, written)
    const content: CheckpointContent = { ...this.#content, status: statusOf[checkpoint.purpose], sinks, tasks }
    const segments = segmentsOf(content)
    await session.commit(checkpoint.epoch, segments, content)
    this.#content = content
    this.stats.lastBytes = segments.reduce((sum, { bytes }) => sum + bytes, 0)
    this.stats.lastDurationMs = performance.now() - this.#beganMs
    this.stats.lastEpoch = checkpoint.epoch
    this.stats.completed++
  }
}
