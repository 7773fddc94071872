// The sinks that one thread publishes to: asked where they stand at a barrier, and given what a durable checkpoint holds.
import type { ConnectedSink, OutputBatch } from '../../sdk/graph/sink.ts'
import type { TaskSnapshot } from '../engine/messages.ts'
import type { Passed } from '../engine/origins.ts'
import type { Stage } from '../plan/stage.ts'
import { attributedTo, io } from './errors.ts'
import type { LoopMeter } from './loop-meter.ts'

export class Sinks {
  readonly connected: ReadonlyMap<string, ConnectedSink>
  readonly #elsewhere: ReadonlySet<string>

  /** `elsewhere`: those that another thread writes to, which are left out of what is committed here. */
  constructor(connected: ReadonlyMap<string, ConnectedSink>, elsewhere: ReadonlySet<string> = new Set()) {
    this.connected = connected
    this.#elsewhere = elsewhere
  }

  publish(sinkId: string, origin: string, outputs: OutputBatch): void {
    this.connected.get(sinkId)?.publish(origin, outputs)
  }

  /** How far reading has come: see {@link ConnectedSink}. */
  passed(origins: Passed): void {
    for (const sink of this.connected.values()) sink.passed?.(origins)
  }

  /** Whether one that the stage publishes to knows of outputs from an earlier process, which must find them where they are read now. */
  recall({ exits }: Stage): boolean {
    return exits.some(exit => exit._tag === 'Sink' && this.connected.get(exit.sinkId)?.recalls?.() === true)
  }

  /**
   * To be called at the moment the barrier is injected, before anything behind it is read: what a sink has published until here is in
   * the checkpoint, and where its destination stands now is where a recovery begins to look for what came after. The result gives where
   * each stood then, once all that was published until now is acknowledged.
   */
  begin(): () => Promise<Readonly<Record<string, unknown>>> {
    const flushes = [...this.connected].map(([id, sink]) => ({ id, sink, position: io(id, () => sink.flush()) }))
    // The caller of the returned function sees a rejection; a checkpoint that is given up never calls it.
    for (const { position } of flushes) position.catch(() => undefined)
    return async () => {
      const positions: Record<string, unknown> = {}
      for (const { id, sink, position } of flushes) {
        positions[id] = await position
        // Outputs that leave as they come may come from behind an asynchronous stage, after the barrier's injection.
        await io(id, () => sink.flush())
      }
      return positions
    }
  }

  /** What the checkpoint holds leaves; the meter is told of it. */
  async commit(
    at: { readonly generation: number; readonly epoch: number },
    snapshots: ReadonlyArray<Pick<TaskSnapshot, 'task' | 'outputs'>>,
    meter: Pick<LoopMeter, 'wrote'>,
  ): Promise<void> {
    for (const { task, outputs } of snapshots) {
      for (const { sinkId, outputs: batch } of outputs) {
        if (this.#elsewhere.has(sinkId)) continue
        const sink = this.connected.get(sinkId)
        if (sink === undefined) throw new Error(`${task} has outputs for ${sinkId}, which is not connected`)
        // Before: the batch is the sink's from then on.
        meter.wrote(sinkId, batch)
        await io(sinkId, () => sink.commit({ shard: task, ...at }, batch, false))
      }
    }
  }

  congested(): boolean {
    for (const sink of this.connected.values()) if (sink.congested()) return true
    return false
  }

  /** Throws what one of them failed with. */
  ask(): void {
    for (const [id, sink] of this.connected) {
      const failure = sink.failure()
      if (failure !== null) throw attributedTo(id, failure)
    }
  }
}
