// What the head of a stage does inside its task, where elements stop before they go on: grouped, with state, with side inputs, and so on.
import type { Batch } from '../harness/batch.ts'
import type { FrozenState } from './frozen-state.ts'
import type { SnapshotScope } from './messages.ts'

export interface TaskHead {
  readonly add: (batch: Batch, processingTime: number) => void
  /** The input watermark has moved (it stands in `watermarks`): does what it makes due. */
  readonly onWatermark: (processingTime: number) => void
  readonly onProcessingTime: (now: number) => void
  /** No output will carry an earlier timestamp than this; Infinity where nothing is held. */
  readonly hold: () => number
  /** In processing time; Infinity for never. */
  readonly wakeAt: () => number
  /** Null where there is nothing to keep. What comes afterwards is not in it, however late it is written. */
  readonly snapshot: (scope: SnapshotScope) => FrozenState | null
  /** The last snapshot did not become part of a checkpoint: if it is not written yet, it never will be. */
  readonly restoreDirty: () => void
  /** Replays one snapshot after another, oldest first. `mine` says which keys belong here. */
  readonly restore: (bytes: Uint8Array, mine: (keyBytes: Uint8Array) => boolean) => void
  readonly droppedLate: () => number
  /** How many (key, window) pairs, elements or restrictions it holds. */
  readonly size: () => number
  /** How many entries each of its structures holds: none may grow with what is over. */
  readonly entries: () => Entries
}

/** By structure. */
export type Entries = Readonly<Record<string, number>>
