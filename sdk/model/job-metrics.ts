// What a run tells of itself in numbers.
import type { LatencyHistogram } from './histogram.ts'
import type { Metric } from './metric-values.ts'
import type { WatermarkHold } from './watermark-hold.ts'

/** How far one part of a source was read: a split, or a restriction of a splittable DoFn. */
export interface SplitMetrics {
  /** The source's path, and the split's name within it. */
  readonly id: string
  /** The last position that was handed on; null: none yet. */
  readonly position: number | null
  /** How much is still to come: elements, or whatever unit a restriction's `progress` has. null: the source cannot say. */
  readonly lag: number | null
  /**
   * The same in time: how long ago the oldest message was published that is still to be handed on, in milliseconds; 0 where nothing is.
   * null: the source cannot say. Of two clocks, the server's and this machine's.
   */
  readonly lagMs: number | null
  /** How far its event time has come; milliseconds since 1970. */
  readonly watermark: number
  /** `reading`, `idle` (nothing was pending), `done` or `failed`; of a restriction also `queued` and `delayed`. */
  readonly status: string
  /** Who reads it; the direct runner is worker 0. */
  readonly worker: number
  /** Handed on; null of a restriction, whose transform counts them. */
  readonly elements: number | null
  /** Payload bytes of these. */
  readonly bytes: number | null
  /** In about the last second. */
  readonly elementsPerSecond: number | null
  /** In about the last second. */
  readonly bytesPerSecond: number | null
  /** What its reader counts: `renewals` (served anew after a doubt), `pendingAcks`, `redeliveries`, `duplicates` (dropped), … */
  readonly reader: Readonly<Record<string, number>>
}

/** Transforms whose functions are fused into one, and measured as one: over all workers. */
export interface TransformMetrics {
  /** The path of the first of them. */
  readonly transform: string
  /** The paths of the others, sinks among them. */
  readonly fused: ReadonlyArray<string>
  /** Elements that came in. */
  readonly elementsIn: number
  /** Elements that went out: to other transforms, and to sinks. */
  readonly elementsOut: number
  /** In about the last second. */
  readonly elementsInPerSecond: number
  /** In about the last second. */
  readonly elementsOutPerSecond: number
  /** Payload bytes that it read, if it begins with a source. */
  readonly bytesIn: number
  /** Payload bytes for the sinks that it ends with. */
  readonly bytesOut: number
  /** In about the last second. */
  readonly bytesInPerSecond: number
  /** In about the last second. */
  readonly bytesOutPerSecond: number
  /** How much of the last second its functions took, over all workers: 2 is two of them all the time. Waiting is no part of it. */
  readonly busy: number
  /**
   * How long each element's bundle took in its functions. Of an asynchronous transform: how long each call took, with its retries.
   */
  readonly latency: LatencyHistogram
  /** Elements that came after their window had closed for good. */
  readonly droppedLate: number
  /**
   * Entries of its state, by structure, over all workers: `keys`, `windows`, `timers`, `holds` of the watermark, `changes` for the next
   * checkpoint, `splits`, elements `waiting` for side inputs and entries of those `sides`, `calls` and `restrictions` under way.
   */
  readonly state: Readonly<Record<string, number>>
}

/** How often something failed. */
export interface ErrorMetrics {
  /** The path of the transform; null: the run as a whole. */
  readonly transform: string | null
  /** Its class: `TypeError`, `Undecodable`, `ServerUnavailable`, … */
  readonly error: string
  /** Since the run began in this process; what ended attempts of a job, since the job did. */
  readonly count: number
  /** In about the last second. */
  readonly perSecond: number
}

/** How a thread spends its time, in shares of about the last second. */
export interface WorkerMetrics {
  /** Its number; the direct runner is worker 0. */
  readonly worker: number
  /** At work, with whatever else its thread does. */
  readonly busy: number
  /** Held up: sources did not read because what lies behind them was full. */
  readonly blocked: number
}

/** What a run tells of itself: counts since it began in this process, unless a name says otherwise. */
export interface JobMetrics {
  /** Since it began; milliseconds. */
  readonly elapsedMs: number
  /** By all sources. */
  readonly elementsRead: number
  /** Payload bytes of these. */
  readonly bytesRead: number
  /** To all sinks. */
  readonly elementsWritten: number
  /** Read in about the last second. */
  readonly elementsPerSecond: number
  /** That of all splits together; null where one cannot say. */
  readonly lag: number | null
  /** The longest of all splits; null where one cannot say. */
  readonly lagMs: number | null
  /** The lowest of all sources; milliseconds since 1970. */
  readonly watermark: number
  /** What holds the lowest watermark of all transforms, and since when; null once event time is over. */
  readonly held: WatermarkHold | null
  /** Elements that came after their window had closed for good. */
  readonly droppedLate: number
  /** How often the job has begun again after a failure. */
  readonly restarts: number
  /** The job's lease; without checkpoints it is never in doubt. */
  readonly lease: {
    /** Whether the run waits for a confirmation: see the event `LeaseInDoubt`. */
    readonly inDoubt: boolean
    /** How often it did. */
    readonly doubts: number
  }
  /** How many were `completed` and how many `failed`; of the last one its number, how long it took and its size. null: none yet. */
  readonly checkpoints: {
    /** How many are durable. */
    readonly completed: number
    /** How many could not be kept. */
    readonly failed: number
    /** Answers and snapshots that came too late for their checkpoint, and were dropped. */
    readonly stale: number
    /** The number of the last one. */
    readonly lastEpoch: number | null
    /** From the barriers to the manifest; milliseconds. */
    readonly lastDurationMs: number | null
    /** From the barriers to the last task's snapshot; milliseconds. */
    readonly lastAlignmentMs: number | null
    /** Of all segments that it names. */
    readonly lastBytes: number | null
    /** How long ago it became durable; milliseconds. null: none has in this process. */
    readonly ageMs: number | null
    /** From the barriers to the manifest, of all. */
    readonly durations: LatencyHistogram
  }
  /** How far each part of each source was read. */
  readonly splits: ReadonlyArray<SplitMetrics>
  /** By transforms that run as one, in the order of the data. */
  readonly transforms: ReadonlyArray<TransformMetrics>
  /** By transform and class: elements that went to a dead letter, calls that failed, checkpoints, and what ended attempts of the job. */
  readonly errors: ReadonlyArray<ErrorMetrics>
  /** By thread. */
  readonly workers: ReadonlyArray<WorkerMetrics>
  /** What the pipeline's own functions have counted: see {@link Metrics}. */
  readonly user: ReadonlyArray<Metric>
  /** What each sink counts, by the sink's path: `rows` and `bytes` that it was given, `inFlight`, `duplicates`, `reconnects`, … */
  readonly sinks: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** How long each sink's publishes take to be acknowledged, by the sink's path; a sample of them. */
  readonly publishLatency: Readonly<Record<string, LatencyHistogram>>
}
