// What a runner asks of the place where checkpoints live. A store keeps bytes and manifests; what they mean is the runner's.
import type { LeaseConfirmation } from './confirmation.ts'

/** A piece of a checkpoint: named by the manifest that needs it, verified when it is read. */
export interface Segment {
  readonly name: string
  readonly bytes: number
  /** Of the content, in hexadecimal: SHA-256. */
  readonly checksum: string
}

/** The last word on a checkpoint: written after everything it names, atomically, and never changed. */
export interface Manifest {
  readonly version: 1
  /** Who wrote it: a generation is one process's hold of the lease. */
  readonly generation: number
  /** Counted from 0 in the life of a run; it goes on over restarts. */
  readonly epoch: number
  readonly segments: ReadonlyArray<Segment>
  /** The runner's own record (JSON): run id, splits, sinks, fingerprint. */
  readonly content: unknown
}

/**
 * One process's exclusive hold of a job's checkpoints. Methods reject with a {@link CheckpointError}; a caller's own mistake (an epoch
 * that does not go on, a segment the store does not have) is a RangeError.
 */
export interface CheckpointSession {
  /** Strictly greater than that of every session before it, released or lost. */
  readonly generation: number
  /** The newest complete manifest when the session was opened, or null for a job that never ran. */
  readonly latest: Manifest | null
  /**
   * Part of nothing until a manifest names it, and as durable as that manifest then. May be called many times at once; the bytes must
   * not change until it resolves.
   */
  readonly writeSegment: (content: ReadonlyArray<Uint8Array>) => Promise<Segment>
  /** Verifies length and checksum. */
  readonly readSegment: (segment: Segment) => Promise<Uint8Array>
  /**
   * Durable when it resolves; refused when a later generation has begun. `epoch` is greater than every one this session has committed or
   * found; `segments` are ones this session wrote or a kept manifest names. Soon afterwards, what only manifests no longer kept have
   * named is removed.
   *
   * After a rejection with `StoreFull` or `StoreFailed` the session goes on. The manifest may be there all the same, if the medium
   * failed in its last step: so the number is used up, and the next try takes the next epoch. Nothing may be published for an epoch
   * whose commit did not resolve.
   */
  readonly commit: (epoch: number, segments: ReadonlyArray<Segment>, content: unknown) => Promise<Manifest>
  /**
   * Removes segments that no manifest will name, as after an aborted checkpoint; what a manifest does name stays. Segments that are
   * neither named nor discarded stay until the job is opened again.
   */
  readonly discardSegments: (segments: ReadonlyArray<Segment>) => Promise<void>
  /** Gives the lease back, after what is under way; later writes are refused. Again: nothing. */
  readonly release: () => Promise<void>
  /**
   * Looks now whether a later generation has begun, and rejects with `LeaseLost` then: for who was stopped for a while, before it does
   * what its successor may have done.
   */
  readonly ensureHeld: () => Promise<void>
  /** Set once the lease was found lost; every later write is refused. */
  readonly lost: () => boolean
  /** After how many milliseconds without a renewal another process may take the lease. Infinity: none can. */
  readonly expiryMs: number
  /**
   * The newest confirmation of the lease. Past its `untilMs` another process may hold the lease, whatever the store answers here: a renewal
   * that fails, or is never answered, changes nothing here. The session renews by itself, five times in `expiryMs`.
   */
  readonly confirmed: () => LeaseConfirmation
  /**
   * Renews the lease now. Where it resolves, `confirmed` gives a confirmation that began after this call. Rejects with `LeaseLost` if a
   * later generation has begun, and with what the medium answers otherwise.
   */
  readonly renew: () => Promise<void>
}

export interface CheckpointStore {
  /** For messages: where it is. */
  readonly describe: string
  /** Takes the lease of `job`, which may be any string, and finds its newest checkpoint. */
  readonly open: (job: string) => Promise<CheckpointSession>
  /** Savepoints stand outside the succession: complete, self-contained, never removed. Needs no session. Gives the place where it lies. */
  readonly writeSavepoint: (job: string, name: string, segments: ReadonlyArray<Uint8Array>, content: unknown) => Promise<string>
  readonly readSavepoint: (
    job: string,
    name: string,
  ) => Promise<{ readonly content: unknown; readonly segments: ReadonlyArray<Uint8Array> }>
}

/** What can go wrong with a store; `message` says what, where and how to fix it. */
export type CheckpointErrorKind =
  | 'LeaseHeld' // another process runs this job
  | 'LeaseLost' // a later generation began; this process must stop
  | 'Damaged' // a complete manifest, or what it names, does not read back as written
  | 'StoreFull' // no space left
  | 'StoreFailed' // anything else the medium answered
  | 'NotPermitted' // the user of the connection may not keep checkpoints there
  | 'CheckpointsMissing' // the job ran before, and this store has no checkpoints of it
  | 'TimedOut' // it was not finished in time
  | 'NoSuchSavepoint'
  | 'SavepointExists'
  | 'RollbackRefused' // there is no way back to the savepoint
  | 'InvalidName' // a savepoint's name that could not be a folder's everywhere

export class CheckpointError extends Error {
  readonly _tag = 'CheckpointError'
  readonly kind: CheckpointErrorKind
  constructor(kind: CheckpointErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = kind
    this.kind = kind
  }
}
