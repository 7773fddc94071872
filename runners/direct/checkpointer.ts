// Carries out the coordinator's commands that wait: sinks flushed, segments written, the manifest last, and only then what it holds published.
import type { ConnectedSink } from '../../sdk/graph/sink.ts'
import type { CheckpointSession, Segment } from '../checkpoint/store.ts'
import type { Checkpoint } from '../engine/coordinator.ts'
import type { TaskSnapshot } from '../engine/messages.ts'
import { type CheckpointContent, type RunStatus, segmentsOf, shouldCompact, writeSnapshot } from './checkpoint-content.ts'
import { io } from './errors.ts'

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
  readonly #sinks: ReadonlyMap<string, ConnectedSink>
  #content: CheckpointContent
  #beganMs = 0
  #flushes: ReadonlyArray<{ readonly id: string; readonly sink: ConnectedSink; readonly position: Promise<unknown> }> = []

  constructor(session: CheckpointSession | null, sinks: ReadonlyMap<string, ConnectedSink>, content: CheckpointContent) {
    this.#session = session
    this.#sinks = sinks
    this.#content = content
  }

  get content(): CheckpointContent {
    return this.#content
  }

  /**
   * To be called at the moment the barrier is injected, before anything behind it is read: what a sink has published until here is in
   * the checkpoint, and where its destination stands now is where a recovery begins to look for what came after.
   */
  begin(): void {
    this.#beganMs = performance.now()
    this.#flushes = [...this.#sinks].map(([id, sink]) => ({ id, sink, position: io(id, () => sink.flush()) }))
    // Whoever persists will see a rejection; until then nobody looks.
    for (const { position } of this.#flushes) position.catch(() => undefined)
  }

  /** Resolves once the manifest is durable. Says whether the next checkpoint should write all state. */
  async persist(checkpoint: Checkpoint, snapshots: ReadonlyArray<TaskSnapshot>): Promise<boolean> {
    const sinks: Record<string, CheckpointContent['sinks'][string]> = {}
    for (const { id, sink, position } of this.#flushes) {
      sinks[id] = { protocol: sink.protocol, position: await position }
      // Outputs that leave as they come may come from behind an asynchronous stage, after the barrier's injection.
      await io(id, () => sink.flush())
    }
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
    snapshots: ReadonlyArray<TaskSnapshot>,
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

  /** What the checkpoint holds leaves; without a store this is simply where outputs leave. */
  async publish(checkpoint: Checkpoint, snapshots: ReadonlyArray<TaskSnapshot>): Promise<void> {
    const generation = this.#session?.generation ?? 0
    for (const { task, outputs } of snapshots) {
      for (const { sinkId, outputs: rows } of outputs) {
        const sink = this.#sinks.get(sinkId)
        if (sink === undefined) throw new Error(`${task} has outputs for ${sinkId}, which is not connected`)
        await io(sinkId, () => sink.commit({ shard: task, generation, epoch: checkpoint.epoch }, rows, false))
      }
    }
  }
}
