// What a runner needs of a sink: elements encoded into columns inside the stage, and a writer that publishes, flushes and commits.
import type { HostContext, JetStreamUse } from '../model/bindings.ts'
import type { LatencyHistogram } from '../model/histogram.ts'

/** Headers of a message: each name with its values, in their order. */
export type Headers = Readonly<Record<string, ReadonlyArray<string>>>

/** Encoded outputs as columns of equal length. Appended to by a sink's `encode`, one row an output. */
export interface OutputBatch {
  /** A subject, a file, … */
  readonly destinations: string[]
  readonly headers: (Headers | null)[]
  readonly payloads: Uint8Array[]
  /** Immediate outputs only: the source position a row comes from, and which of that record's outputs to this sink it is, from 0. */
  readonly positions: number[]
  readonly ordinals: number[]
  /** The payload bytes of all rows. */
  bytes: number
}

export const emptyOutputs = (): OutputBatch => ({ destinations: [], headers: [], payloads: [], positions: [], ordinals: [], bytes: 0 })

/**
 * immediate: published as they come, named by the source record they come from; a replay gives the same names.
 * checkpointed: part of a checkpoint first, published after its manifest is durable, named by the checkpoint.
 * plain: published as they come, without a name (at least once).
 */
export type PublishMode = 'immediate' | 'checkpointed' | 'plain'

/** From where a sink publishes. */
export interface SinkSite {
  /** Of this process's hold of the job: whoever takes it over has a greater one. 0 without a store. */
  readonly generation: number
  /** The tasks whose outputs it will commit. Empty where it only commits again what an earlier process has committed, perhaps. */
  readonly shards: ReadonlyArray<string>
  /** How many threads publish to the same destination for this sink. */
  readonly writers: number
  /**
   * main: it opens the run, and hears of all that was before. worker: one of several that the main thread has opened the run for. look: it
   * is only asked what it guarantees, and publishes, makes and takes over nothing.
   */
  readonly role: 'main' | 'worker' | 'look'
}

export interface SinkContext extends HostContext {
  /** The sink's stable id in the graph. */
  readonly sinkId: string
  /** Drawn once in the life of a run. */
  readonly runId: string
  readonly mode: PublishMode
  /** What `protocol` gave in checkpoint 0, or null for a new run. */
  readonly protocol: unknown
  /** What the newest checkpoint recorded, by `flush` or `commit`; null for a new run. */
  readonly restored: unknown
  /** The run begins at a savepoint: nothing in the destination is its own, and what is there stays. */
  readonly fromSavepoint?: boolean | undefined
  /** What the run that this one replaces recorded last, where one does: its writers must not write any more. */
  readonly replaced?: unknown
  readonly site: SinkSite
  /** Whether checkpoints survive this process. */
  readonly durable: boolean
  /** The sources of the same pipeline: a destination inside a source's filter would feed itself. */
  readonly sources: ReadonlyArray<Readonly<Record<string, unknown>>>
}

/** Names one checkpoint's outputs of one task: unique in the life of a run. */
export interface CommitId {
  readonly shard: string
  readonly generation: number
  readonly epoch: number
}

export interface ConnectedSink {
  /** Plain data for checkpoint 0: which protocol, and where the destination stood. */
  readonly protocol: unknown
  /** What `explain` prints: the guarantee and why. */
  readonly guarantee: string
  /** The same in a word, for events, where it chose among several: `messageIds`. */
  readonly way?: string | undefined
  /** Immediate and plain. `origin` names the split's source; rows ascend by (position, ordinal). The batch is the sink's from now on. Does not block: watch `congested`. */
  readonly publish: (origin: string, outputs: OutputBatch) => void
  /**
   * Immediate: for each origin the last position whose outputs will not be published by it (again); Infinity: none of them will. What a
   * sink knows of those from an earlier process it may forget. Called before anything is published, and at every checkpoint.
   */
  readonly passed?: ((origins: ReadonlyMap<string, number>) => void) | undefined
  /**
   * Immediate: whether it knows of outputs from an earlier process that reading may come to. As long as it does, no part of what is read
   * goes to another thread's sink, which would know nothing of them. Left out: never.
   */
  readonly recalls?: (() => boolean) | undefined
  /** True while too much is in flight: whoever feeds the sink should wait for `onReady`. */
  readonly congested: () => boolean
  /** One callback, the newest: called when congestion ends, or when the sink failed. */
  readonly onReady: (callback: () => void) => void
  /** Set when it cannot go on; the run then fails with it. */
  readonly failure: () => Error | null
  /** Everything published before is acknowledged; gives what a checkpoint records (plain data). */
  readonly flush: () => Promise<unknown>
  /** Publishes a durable checkpoint's outputs and waits for every acknowledgment. `recovering`: an earlier process may have published some of them. */
  readonly commit: (id: CommitId, outputs: OutputBatch, recovering: boolean) => Promise<void>
  /** Publishes nothing more; what is in flight may still be acknowledged until the deadline in milliseconds. */
  readonly close: () => Promise<void>
  /** What it counts, and how it stands, by name: added up over threads. */
  readonly metrics: () => Readonly<Record<string, number>>
  /** How long publishes took to be acknowledged: a sample. */
  readonly latency?: (() => LatencyHistogram) | undefined
  /**
   * By stream: when it was created. Of a sink whose outputs must not appear twice: a job that has written to these streams before and
   * finds no checkpoints does not begin.
   */
  readonly written?: ReadonlyMap<string, string> | undefined
}

export interface Sink<in A = never> {
  readonly urn: string
  /** How names and messages call it: `JetStreamIO.write(TOTALS)`. */
  readonly label: string
  /** Plain data that identifies it across versions of a pipeline. */
  readonly identity: Readonly<Record<string, unknown>>
  readonly delivery: 'exactlyOnce' | 'atLeastOnce' | 'atMostOnce'
  /** Whether `immediate` is possible for it at all. */
  readonly immediate: boolean
  /** Whether several threads may publish to it at once; else checkpointed outputs are committed by one. */
  readonly parallel: boolean
  /** Of where several of them stood at one barrier: where a recovery has to begin. Needed of a parallel one that records positions. */
  readonly earliest?: ((positions: ReadonlyArray<unknown>) => unknown) | undefined
  /** Whether exactly-once needs checkpoints that outlive the process. */
  readonly needsDurableCheckpoints: boolean
  /** The JetStream streams that it writes to. By default, a run keeps its checkpoints on their connection. */
  readonly jetStream?: JetStreamUse | undefined
  /** Appends one row (destination, headers, payload, bytes); the stage adds position and ordinal. Throws a named error for what cannot be encoded. */
  readonly encode: (value: A, out: OutputBatch) => void
  /**
   * Called behind `encode` where a source's record has led here without a stop: in the stage that begins with the read. The rows from `from`
   * on are what it led to. Left out, the record is not even kept at hand.
   */
  readonly inherit?: ((source: unknown, out: OutputBatch, from: number) => void) | undefined
  readonly connect: (context: SinkContext) => Promise<ConnectedSink>
}
