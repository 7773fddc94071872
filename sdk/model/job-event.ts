// What a running job tells of itself, as it happens: for a progress bar, a page, or whoever supervises it.
import type { WatermarkHold } from './watermark-hold.ts'

/**
 * running: an attempt is at work. restarting: the last one failed, and the next begins from the newest checkpoint. rollingBack: the run is
 * ended, and the next begins from a savepoint. The last five are ends.
 */
export type JobState =
  | 'running'
  | 'restarting'
  | 'rollingBack'
  | 'suspending'
  | 'draining'
  | 'cancelling'
  | 'done'
  | 'suspended'
  | 'drained'
  | 'cancelled'
  | 'failed'

/** Why a checkpoint is taken. */
export type CheckpointPurpose = 'periodic' | 'savepoint' | 'suspend' | 'drain' | 'end'

/**
 * One event of a job. Those of a checkpoint come in this order: started, aligned, written, durable, completed; or it is aborted, before it
 * is durable. Times are milliseconds; `epoch` counts checkpoints.
 *
 * @example
 * WorkerThreadsRunner.run({ onEvent: event => { if (event._tag === 'WorkerLost') console.warn(event.message) } })
 */
export type JobEvent = {
  /** By Date.now. */
  readonly atMs: number
} & JobNews

export type JobNews =
  | { readonly _tag: 'StateChanged'; readonly state: JobState }
  /** How a sink writes. `way`: a word for it, such as `atomicBatch`, where there are several, from which it chose; `guarantee`: why, too. */
  | { readonly _tag: 'SinkOpened'; readonly sink: string; readonly way: string | null; readonly guarantee: string }
  /** Its barriers leave from the sources now. */
  | { readonly _tag: 'CheckpointStarted'; readonly epoch: number; readonly purpose: CheckpointPurpose }
  /** The last task has met its barriers and taken its snapshot. `alignmentMs`: since the barriers left. */
  | { readonly _tag: 'CheckpointAligned'; readonly epoch: number; readonly alignmentMs: number }
  /** All of it lies in the store but for the manifest, which makes it one. */
  | { readonly _tag: 'CheckpointWritten'; readonly epoch: number }
  /** A restart begins here from now on, and its outputs leave. `bytes`: of all segments that it names. */
  | { readonly _tag: 'CheckpointDurable'; readonly epoch: number; readonly bytes: number }
  /** Its outputs have left. */
  | {
      readonly _tag: 'CheckpointCompleted'
      readonly epoch: number
      readonly durationMs: number
      readonly alignmentMs: number
      readonly bytes: number
    }
  /** It failed or took too long, and what it held goes into the next one. `inARow`: with those that failed right before it. */
  | {
      readonly _tag: 'CheckpointAborted'
      readonly epoch: number
      readonly durationMs: number
      readonly inARow: number
      readonly message: string
    }
  /**
   * The lease was not confirmed in time, or a thread was stopped: another process may run the job now. Nothing is read, published or
   * acknowledged until `LeaseConfirmed`. `worker`: whose thread was the first; null: the main thread.
   */
  | { readonly _tag: 'LeaseInDoubt'; readonly reason: 'expired' | 'stopped' | 'clockJumped'; readonly worker: number | null }
  /** The lease is this process's still, and the run goes on. */
  | { readonly _tag: 'LeaseConfirmed'; readonly doubtMs: number }
  | { readonly _tag: 'WorkerLost'; readonly worker: number; readonly message: string }
  /** The run failed, and begins again from its last checkpoint after a pause. `attempt`: counted in a row, as {@link Restart} does. */
  | { readonly _tag: 'Restarting'; readonly attempt: number; readonly pauseMs: number; readonly message: string }
  /** The job goes on from a savepoint, as a new run; what the one before it has published since stays. */
  | ({ readonly _tag: 'RolledBack' } & RolledBack)
  /** This worker reads it from now on; the direct runner is worker 0. */
  | { readonly _tag: 'SplitAssigned'; readonly split: string; readonly worker: number }
  /** The lowest watermark of all sources; told four times a second at the most. */
  | { readonly _tag: 'WatermarkAdvanced'; readonly watermark: number }
  /** The lowest watermark of all transforms has not moved for half a minute; told once for each place where it stands. */
  | { readonly _tag: 'WatermarkStands'; readonly hold: WatermarkHold }
  /** To one iterator alone: so many events were dropped, for it was too slow. */
  | { readonly _tag: 'Missed'; readonly count: number }

/** What a rollback leaves behind: nobody takes back what was published since the savepoint, and what follows from it is published again. */
export interface RolledBack {
  /** Its name. */
  readonly savepoint: string
  /** Whose outputs stay. */
  readonly checkpoints: {
    /** The savepoint's own, which is none of them; null: an earlier version wrote it, and did not say. */
    readonly after: number | null
    /** The newest; null: none was there. */
    readonly through: number | null
  }
  /**
   * The destinations that are not where they were at the savepoint. Others may have written there as well, and the outputs of the
   * savepoint's own checkpoint may be the first.
   */
  readonly visible: ReadonlyArray<{
    /** Its path in the pipeline. */
    readonly sink: string
    /** Where it stood then, in its own terms: a sequence of a stream, bytes of a file. null: it does not say. */
    readonly since: unknown
    /** Where it stands now. */
    readonly until: unknown
  }>
}
