// What a runner needs of a source: splits as data, and readers that hand over whole batches without a promise an element. It is public:
// a connector of one's own implements it, as JetStreamIO and TextIO do, and goes into a pipeline by Splittable.source.
import type { HostContext, JetStreamUse } from '../model/bindings.ts'
import type { PositionRange } from './restriction.ts'

/** A part of a source that one reader reads: plain data (JSON), written into checkpoint 0 and found again by every later start. */
export interface Split {
  /** Unique within the source, and stable. */
  readonly id: string
  /** Its positions. */
  readonly range: PositionRange
  /** Ends after so many elements in all, wherever the range ends. */
  readonly count: number | null
  /** What only the source understands: a stream's creation time, the sequences of a list. */
  readonly detail: unknown
  /**
   * Whether a runner may cut its range while it is read and give the rest to another reader, as it likes: then nothing downstream may
   * count on the order of its elements. False unless told.
   */
  readonly divisible?: boolean | undefined
  /** Of a part that a runner has cut off: the id of the split that it was part of at first. Names of outputs begin with it. */
  readonly origin?: string | undefined
}

/** How far a split was read. */
export interface SplitProgress {
  /** The last position that was handed on, or null. */
  readonly last: number | null
  /** How many elements were handed on. */
  readonly claimed: number
  /** What the source noted at `last`: plain data to verify a restart with. */
  readonly note: unknown
}

/**
 * What a reader hands over: `values` and their `positions`, of equal length; positions strictly ascending. The reader keeps no reference to
 * it. A batch without values may have positions: what lies there is passed over.
 */
export interface ReadBatch<out M> {
  readonly values: ReadonlyArray<M>
  readonly positions: ReadonlyArray<number>
  /** Payload bytes, for limits and metrics. */
  readonly bytes: number
  /** About the last element: see {@link SplitProgress}. */
  readonly note: unknown
  /** Where the split's watermark is behind this batch, for a source that says so itself; milliseconds. A batch may be nothing else. */
  readonly watermark?: number | undefined
  /**
   * The split's watermark stays where it is, whatever its elements say: older ones may come yet. The next batch that does not say so, which
   * may be empty, lets it follow all elements until then.
   */
  readonly holdsWatermark?: boolean | undefined
}

/** How a split stands, as its reader's `status` says. */
export type ReaderStatus =
  /** More may come at any time. */
  | { readonly _tag: 'reading' }
  /**
   * Nothing has been pending since `since`, a processing time in milliseconds. `until`: the processing time up to which that is known, where it
   * is not now; on request, event time goes on as far as that.
   */
  | { readonly _tag: 'idle'; readonly since: number; readonly until?: number | undefined }
  /** Nothing of the split is left; all of it was polled. */
  | { readonly _tag: 'done' }
  | { readonly _tag: 'failed'; readonly error: Error }

/** One split being read. It reads ahead within a bound of its own and never blocks. */
export interface SplitReader<out M> {
  /** What has arrived, at most `maxElements` of it, or null. */
  readonly poll: (maxElements: number) => ReadBatch<M> | null
  /**
   * The next element, given up because each run that read it failed: what takes its place, or its position without a value where it is
   * passed over; null: it has not arrived. Required where the source has `poison`.
   */
  readonly giveUp?: ((reason: string) => ReadBatch<M> | null) | undefined
  /** How the split stands, once what has arrived was polled. */
  readonly status: () => ReaderStatus
  /** How many elements the server says are still to come, or null where it cannot say. */
  readonly lag: () => number | null
  /**
   * How long ago the oldest element was published that is still to be polled, in milliseconds before `nowMs`; 0 where nothing is, null where
   * it cannot say.
   */
  readonly lagMs?: ((nowMs: number) => number | null) | undefined
  /** What it counts, and how it stands, by name: `renewals`, `redeliveries`, `pendingAcks`, … */
  readonly metrics?: (() => Readonly<Record<string, number>>) | undefined
  /** Called whenever poll or status would answer anew; one callback, the newest. */
  readonly onChange: (callback: () => void) => void
  /** The split now ends at `to` (exclusive): the rest is somebody else's. */
  readonly truncate: (to: number) => void
  /**
   * Only where a server is told what it may forget: all up to `progress` is in a durable checkpoint, and what follows from it was published.
   * Called for each checkpoint that has another progress than the one before. Resolves when the server has confirmed it, or will not any more.
   */
  readonly commit?: ((progress: SplitProgress) => Promise<void>) | undefined
  /** Only where there is `commit`: whether so much waits for it that a checkpoint should come early. */
  readonly wantsCommit?: (() => boolean) | undefined
  /** Nothing is asked of it afterwards. */
  readonly close: () => Promise<void>
}

/** What has appeared since the last look; see {@link Discovery}. */
export interface Discovered {
  /** Those that are not among the known ones. */
  readonly splits: ReadonlyArray<Split>
  /**
   * No element of a split that a later look will find is older, in milliseconds of event time, but for the read's out-of-orderness: so far
   * event time may go, whatever else is there. `Instant.max`: no later look will find any, and none is taken.
   */
  readonly horizon: number
}

/** Of a source whose splits appear while it is read, such as the subjects of a stream or the files of a folder. */
export interface Discovery {
  /** How long to wait between two looks, in milliseconds. */
  readonly everyMs: number
  /**
   * A look. `known`: every split there has been, with the ranges that they were found with or still have. `toEnd`: the run ends at what is
   * there now, so that this is the last look, and what it finds has an end.
   */
  readonly find: (o: { readonly known: ReadonlyArray<Split>; readonly toEnd: boolean }) => Promise<Discovered>
}

/** A source that is ready to be read, in one process. */
export interface ConnectedSource<out M> {
  /** Once in the life of a run, before the first read: starts and ends resolved. At most about `desired` splits, at least one; `toEnd` freezes open ends at what is there now. */
  readonly resolve: (o: { readonly desired: number; readonly toEnd: boolean }) => Promise<ReadonlyArray<Split>>
  /**
   * For a run that is told later to stop at what is there now: gives what an open split is with that end. Left out, all of them end where the
   * last of those ends that `resolve` gives.
   */
  readonly endNow?: (() => Promise<(split: Split) => Split>) | undefined
  /** Resumes after `progress.last`. Rejects with a named error where what the progress needs is gone. */
  readonly open: (split: Split, progress: SplitProgress) => Promise<SplitReader<M>>
  /**
   * Only where readers have `commit`: the same for a split as a checkpoint has it, before any is opened; whoever wrote the checkpoint may have
   * died before its own commit.
   */
  readonly recommit?: ((split: Split, progress: SplitProgress) => Promise<void>) | undefined
  /** Only where splits may appear that `resolve` did not find. They begin at the next look, not at the next start. */
  readonly discovery?: Discovery | undefined
  /**
   * Only of a source that plays a script (TestStream): by how many milliseconds it has moved processing time when it has come to `note`.
   * Its readers are polled while all else is at rest, and processing time is what the scripts of a run have made of it.
   */
  readonly scriptedMs?: ((note: unknown) => number) | undefined
  /** What `explain` prints. */
  readonly guarantee: () => string
  /** Behind its readers, which are closed first. */
  readonly close: () => Promise<void>
}

/**
 * What can be read by position, in whole batches: a stream, a file, a table's log. See `Splittable.source`.
 *
 * Its parts are splits, each a range of whole numbers ({@link PositionRange}) that one {@link SplitReader} reads in order. The engine claims
 * each batch's positions from the split's tracker before it hands the batch on, and keeps the last one in its checkpoints: a later start
 * opens the split behind it. Everything here may be called again after a failure; what rejects ends the run with the source's path.
 */
export interface Source<out M = unknown> {
  /** Of its kind, with a version: `myproject:source:table:v1`. Checkpoints know it by it. */
  readonly urn: string
  /** How names and messages call it: `JetStreamIO.read(VIEWS)`. */
  readonly label: string
  /** Whether it comes to an end by itself. */
  readonly isBounded: boolean
  /** Plain data that identifies it across versions of a pipeline. */
  readonly identity: Readonly<Record<string, unknown>>
  /** True where an element can be found again by its position, for ever: what source-derived ids need. */
  readonly replayable: boolean
  /** True where its readers wait for `commit`: then a run keeps checkpoints, whatever its sinks need. */
  readonly needsDurableCheckpoints?: boolean | undefined
  /**
   * What a run does about an element that ends each run that reads it. After `attempts` failures (2 or more) at one position, the next
   * elements are tried one by one, and the one that fails alone is given up (`giveUp` of its reader). `delayMs` is the pause before the
   * source is read again. It needs checkpoints (`needsDurableCheckpoints`). Default: each run reads the element again.
   */
  readonly poison?: { readonly attempts: number; readonly delayMs: number } | null | undefined
  /** The JetStream streams that it reads. By default, a run keeps its checkpoints on their connection. */
  readonly jetStream?: JetStreamUse | undefined
  /** Called in each process that runs it; what was provided is in the context. */
  readonly connect: (context: HostContext) => Promise<ConnectedSource<M>>
}
