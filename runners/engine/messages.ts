// What tasks say to each other and to their host. A task is a state machine: events in, commands out; it never waits.
import type { OutputBatch } from '../../sdk/graph/sink.ts'
import type { Split, SplitProgress } from '../../sdk/splittable/source.ts'
import type { Batch } from '../harness/batch.ts'
import type { MetricRecord } from '../harness/metric-cells.ts'
import type { Finalizer } from '../harness/stage-instance.ts'
import type { FrozenState } from './frozen-state.ts'
import type { RestrictionCommand } from './splittable/messages.ts'

/** What travels along a channel from one task to another, in order. */
export type Message =
  /** `side`: it belongs to the side input of that number; null: to the main one. */
  | { readonly _tag: 'Batch'; readonly batch: Batch; readonly side: number | null }
  /** No element behind this one is older; milliseconds. */
  | { readonly _tag: 'Watermark'; readonly at: number }
  /** What came before it belongs to the checkpoint, what comes after does not. `scope`: how much each snapshot holds. */
  | { readonly _tag: 'Barrier'; readonly epoch: number; readonly scope: SnapshotScope }
  /** All that was there when reading began has been read, and lies before this: a table that is made of it is there. Said once. */
  | { readonly _tag: 'CaughtUp' }

/** none: there is no store to keep state in. changes: what differs from the snapshot before. */
export type SnapshotScope = 'none' | 'changes' | 'all'

/** A task's part of a checkpoint, taken at its barrier. */
export interface TaskSnapshot {
  readonly task: string
  readonly record: TaskRecord
  /** Keyed state: what changed since the snapshot before, or all there is. */
  readonly keyed: FrozenState | null
  /** What sinks publish once the checkpoint is durable. */
  readonly outputs: ReadonlyArray<{ readonly sinkId: string; readonly outputs: OutputBatch }>
}

/** The small part of it, as plain data. */
export interface TaskRecord {
  readonly inputWatermark: number
  readonly outputWatermark: number
  /** By channel: where its watermark stood. */
  readonly channels: Readonly<Record<string, number>>
  /** The channels that have caught up. */
  readonly caughtUp: ReadonlyArray<string>
  readonly splits: ReadonlyArray<SplitRecord>
  /** A global combine has seen an element. */
  readonly sawElements: boolean
  /** Left out where there are none. */
  readonly metrics?: ReadonlyArray<MetricRecord> | undefined
}

export interface SplitRecord {
  /** With the range that it still has. */
  readonly split: Split
  readonly progress: SplitProgress
  readonly maxTimestamp: number
  readonly watermark: number
  readonly done: boolean
}

/** How a call of a user's asynchronous function ended. */
export type CallOutcome =
  | { readonly _tag: 'Resolved'; readonly value: unknown; readonly attempts: number }
  | { readonly _tag: 'Rejected'; readonly error: unknown; readonly attempts: number }

/** A task's commands. The host carries each out before it returns, or keeps it in order. */
export interface Outbox {
  /** To one task of a stage that this one leads to. */
  readonly send: (stage: string, shard: number, message: Message) => void
  /** Outputs that may leave at once; `origin` names the source and split that they were read from. */
  readonly publish: (sinkId: string, origin: string, outputs: OutputBatch) => void
  readonly snapshot: (epoch: number, snapshot: TaskSnapshot) => void
  /** Call the stage's asynchronous function; answer with `onCallEnded`. */
  readonly call: (id: number, element: unknown) => void
  /** Of a splittable stage; answer with `onRestriction`. */
  readonly restriction: (command: RestrictionCommand) => void
  /** It belongs to the task's next snapshot. */
  readonly afterCommit: (finalizer: Finalizer) => void
}
