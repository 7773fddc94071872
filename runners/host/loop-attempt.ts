// One thread's share of a checkpoint attempt: all that belongs to it, from its barrier until it is published or given up.
import type { TaskSnapshot } from '../engine/messages.ts'
import { heldBytes } from '../engine/outputs.ts'
import type { WritableSnapshot } from './checkpoint-content.ts'
import type { Clock } from './clock.ts'
import type { TakenFinalizer } from './finalizers.ts'
import { SnapshotWriter } from './snapshot-writer.ts'

export class LoopAttempt {
  readonly epoch: number
  /** Where each sink of this thread stood at the barrier, once all that it had published before is acknowledged. */
  readonly positions: () => Promise<Readonly<Record<string, unknown>>>
  readonly #snapshots: SnapshotWriter
  readonly #finalizers: TakenFinalizer[] = []
  #outputs: Pick<TaskSnapshot, 'task' | 'outputs'>[] = []
  #outputBytes = 0

  constructor(
    epoch: number,
    positions: LoopAttempt['positions'],
    clock: Pick<Clock, 'monotonicMs'>,
    onWritten: (epoch: number, snapshot: WritableSnapshot) => void,
  ) {
    this.epoch = epoch
    this.positions = positions
    this.#snapshots = new SnapshotWriter(clock, snapshot => onWritten(epoch, snapshot))
  }

  /** `finalizers`: what is to be called once the snapshot's outputs are published. */
  add(snapshot: TaskSnapshot, finalizers: ReadonlyArray<TakenFinalizer>): void {
    const { task, outputs } = snapshot
    if (outputs.length > 0) this.#outputs.push({ task, outputs })
    for (const { outputs: rows } of outputs) this.#outputBytes += heldBytes(rows)
    this.#finalizers.push(...finalizers)
    this.#snapshots.add(snapshot)
  }

  /** Writes some of its state; returns whether there is more to write. */
  turn(): boolean {
    return this.#snapshots.turn()
  }

  get outputs(): ReadonlyArray<Pick<TaskSnapshot, 'task' | 'outputs'>> {
    return this.#outputs
  }

  /** Of outputs that its manifest or their sinks still have to take. */
  get outputBytes(): number {
    return this.#outputBytes
  }

  /** The sinks have its outputs. */
  published(): void {
    this.#outputs = []
    this.#outputBytes = 0
  }

  get finalizers(): ReadonlyArray<TakenFinalizer> {
    return this.#finalizers
  }
}
