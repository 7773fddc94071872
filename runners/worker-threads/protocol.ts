// What the threads of a run say to each other: the main thread and its workers, and workers among themselves. Plain data throughout.
import type { NodeCode } from '../../sdk/graph/code-hash.ts'
import type { AssertedElement } from '../../sdk/graph/node.ts'
import type { Binding } from '../../sdk/model/bindings.ts'
import type { PipelineError } from '../../sdk/model/run.ts'
import type { Bundling } from '../engine/cut.ts'
import type { Message, SnapshotScope, TaskRecord } from '../engine/messages.ts'
import type { Passed } from '../engine/origins.ts'
import type { Waiting } from '../engine/pausing.ts'
import type { Moved, Share } from '../engine/sharing.ts'
import type { CheckpointContent } from '../host/checkpoint-content.ts'
import type { Dealt } from '../host/discovery-watch.ts'
import type { LeaseDoubt } from '../host/lease-gate.ts'
import type { LoopReport } from '../host/metrics.ts'
import type { SplitRef } from '../host/poison.ts'
import type { MainPort, PeerPort } from './port.ts'

/** What a worker is made with. */
export interface WorkerSetup {
  readonly worker: number
  readonly workers: number
  /** Where its pipeline is found and what it was made with. */
  readonly origin: { readonly url: string; readonly name: string; readonly options: unknown }
  /** By node: what it is. */
  readonly nodes: Readonly<Record<string, string>>
  /** By node: a hash of its functions and values. */
  readonly code: Readonly<Record<string, NodeCode>>
  readonly content: CheckpointContent
  /** By task: the segments of its state, oldest first. */
  readonly states: Readonly<Record<string, ReadonlyArray<Uint8Array>>>
  readonly provide: ReadonlyArray<Binding>
  /** Of this process's hold of the job's lease. */
  readonly generation: number
  /** The newest confirmation of that hold; null: the run keeps no checkpoints. */
  readonly lease: { readonly memory: SharedArrayBuffer; readonly expiryMs: number } | null
  /** Whether checkpoints survive the process. */
  readonly durable: boolean
  readonly strict: boolean
  readonly seed: number
  readonly bundling: Bundling | undefined
  /** One for each other worker, by its number; null in its own place. */
  readonly peers: ReadonlyArray<PeerPort | null>
}

/** The first message to a thread, for each run, answered by Ready; the rest goes through `main`. */
export interface Start extends Numbered {
  readonly setup: WorkerSetup
  readonly main: MainPort
}

/** Part of an attempt at a checkpoint: dropped, and counted, where that is not under way any more. */
interface OfEpoch {
  readonly epoch: number
}
/** A question and its answer have the same number: see {@link Questions}. */
interface Numbered {
  readonly question: number
}
/** Nothing is answered, and it holds whenever it comes. */
interface OneWay {
  readonly oneWay: true
}
/** What each message that is one-way carries. */
export const oneWay: OneWay = { oneWay: true }

/** What the workers are asked; answered by the tag in {@link Answer} that is named behind each. */
export type Ask =
  /** Positions: where each sink stood at the barrier. */
  | { readonly _tag: 'AskPositions'; readonly epoch: number }
  /** Undone: the attempt was given up. */
  | { readonly _tag: 'Aborted'; readonly epoch: number }
  /** Published. */
  | { readonly _tag: 'Publish'; readonly epoch: number; readonly generation: number }
  /** Given: half of what is left of a stage's work. */
  | { readonly _tag: 'Give'; readonly stage: string }
  /** Taken: work of another worker, to be done here. */
  | { readonly _tag: 'Take'; readonly stage: string; readonly moved: Moved }
  /** Gathered: what came to assertions. */
  | { readonly _tag: 'Gather' }
  /** Rest. */
  | { readonly _tag: 'AskRest' }
  /** Moved: a script's time goes on. */
  | { readonly _tag: 'AdvanceTo'; readonly ms: number }
  /** Moved: the next event of a script happens. */
  | { readonly _tag: 'Play' }
  /** Tried: the next element of a split is handed on, alone of all that the run could read. */
  | { readonly _tag: 'TryAlone'; readonly split: SplitRef }

export type Answer = Numbered &
  /** To the start of the thread. `scriptedMs`: processing time, where a script says it. */
  (
    | { readonly _tag: 'Ready'; readonly scriptedMs: number | null }
    /** null: the attempt was not under way any more. */
    | { readonly _tag: 'Positions'; readonly epoch: number; readonly positions: Readonly<Record<string, unknown>> | null }
    | { readonly _tag: 'Undone'; readonly epoch: number }
    | { readonly _tag: 'Published'; readonly epoch: number }
    /** null: there was nothing to give. */
    | { readonly _tag: 'Given'; readonly moved: Moved | null }
    | { readonly _tag: 'Taken' }
    /** By assertion, encoded. */
    | { readonly _tag: 'Gathered'; readonly elements: Readonly<Record<string, Uint8Array>> }
    /** `sent` and `received`: how many messages, to and from peers; where they do not add up over all workers, some are on their way. */
    | {
        readonly _tag: 'Rest'
        readonly quiescent: boolean
        readonly dueMs: number
        readonly nextMs: number | null
        readonly sent: number
        readonly received: number
      }
    | { readonly _tag: 'Moved' }
    /** false: the split is another worker's, or has no element now. */
    | { readonly _tag: 'Tried'; readonly handedOn: boolean }
  )

export type ToWorker =
  | (Ask & Numbered)
  | (OfEpoch &
      (
        | { readonly _tag: 'Inject'; readonly scope: SnapshotScope }
        | { readonly _tag: 'Persisted' }
        /** What the checkpoint holds is published, by all threads. */
        | { readonly _tag: 'Committed' }
      ))
  | (OneWay &
      /** All are ready: read. `scriptedMs`: processing time, where a script says it. */
      (
        | { readonly _tag: 'Go'; readonly scriptedMs: number | null }
        /** Splits have appeared, for the worker's task. */
        | { readonly _tag: 'Discovered'; readonly dealt: Dealt }
        /** What another worker was given of what was discovered. */
        | { readonly _tag: 'ReadElsewhere'; readonly origins: Passed }
        /** All tasks of the stage have come so far in event time. */
        | { readonly _tag: 'Release'; readonly stage: string; readonly at: number }
        | { readonly _tag: 'StopPulling' }
        /** Nothing is tried alone any more. */
        | { readonly _tag: 'EndTrials' }
        | { readonly _tag: 'Drain' }
        /** Thread limits how long it waits for Closed. */
        | { readonly _tag: 'Close' }
      ))

/** In this order: imports the pipeline's module, calls the build function of its definition, opens sources and sinks. */
export type StartStep = 'import' | 'build' | 'open'

export type ToMain =
  | Answer
  | (OfEpoch & {
      readonly _tag: 'Snapshot'
      readonly task: string
      readonly record: TaskRecord
      readonly keyed: ReadonlyArray<Uint8Array>
      /** Encoded as in the store. */
      readonly outputs: Uint8Array | null
      readonly takenMs: number
    })
  | (OneWay &
      (
        | {
            readonly _tag: 'Report'
            readonly report: LoopReport
            readonly finished: boolean
            readonly pendingBytes: number
            /** Of stages whose work moves. */
            readonly shares: ReadonlyArray<Share>
          }
        /** This worker cannot rely on the lease, and asks for a renewal that begins now. Sent again until one is confirmed. */
        | { readonly _tag: 'LeaseInDoubt'; readonly because: LeaseDoubt }
        | { readonly _tag: 'LeaseHeld' }
        /** Before Ready: what this worker does now. */
        | { readonly _tag: 'Starting'; readonly step: StartStep }
        | { readonly _tag: 'Log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string; readonly fields: unknown }
        | { readonly _tag: 'Failed'; readonly error: PipelineError; readonly failureClass: string }
        | { readonly _tag: 'Closed' }
      ))

/** From one worker to another. */
export type ToPeer = OneWay &
  (
    | { readonly _tag: 'Batch'; readonly from: string; readonly stage: string; readonly bytes: ArrayBuffer; readonly side: number | null }
    | { readonly _tag: 'Control'; readonly from: string; readonly stage: string; readonly message: ControlMessage }
    /** Which of its stages have elements that wait for their side inputs. */
    | { readonly _tag: 'Waiting'; readonly waiting: Waiting }
    /** The receiver has processed this many bytes. */
    | { readonly _tag: 'Credit'; readonly bytes: number }
  )

/** All that is not a batch goes as it is. */
export type ControlMessage = Exclude<Message, { readonly _tag: 'Batch' }>

export type Gathered = Readonly<Record<string, ReadonlyArray<AssertedElement>>>
