// What is known of one side input: its contents by window. Each task of a stage has all of it.
import type { ByteReader, ByteWriter } from '../../../sdk/coders/index.ts'
import type { BoundedWindow } from '../../../sdk/model/window.ts'
import type { Batch } from '../../harness/batch.ts'
import type { SnapshotScope } from '../messages.ts'
import type { Readable } from './view-value.ts'

/** How far the side's own stages have come. */
export interface SideProgress {
  readonly watermark: () => number
  /** All its sources have been read to where nothing was pending. */
  readonly caughtUp: () => boolean
}

/** One version of a window's content: another version is another object. */
export interface Content {
  readonly readable: () => Readable
}

/** Which windows no element will ask for any more: those that end here or earlier, unless an element waits for them. */
export interface Over {
  readonly until: number
  readonly isNeeded: (window: BoundedWindow) => boolean
}

export interface SideStore {
  /** What is over is not taken in. */
  readonly add: (batch: Batch, over: Over) => void
  /** null: it is not there yet, and may still come. */
  readonly find: (window: BoundedWindow) => Content | null
  /** Forgets what is over. */
  readonly collect: (over: Over) => void
  readonly clear: () => void
  readonly size: () => number
  /** How many entries it holds in all: contents, what is to be forgotten later, and what the next snapshot has to say. */
  readonly entries: () => number
  /** What changed, or all, as it stands: one record after another is written later, each into what `begin` gives. */
  readonly freeze: (scope: SnapshotScope) => (begin: () => ByteWriter) => Iterable<void>
  readonly restoreDirty: () => void
  /** One record. */
  readonly read: (from: ByteReader) => void
}
