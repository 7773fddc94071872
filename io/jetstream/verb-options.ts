// What reads and writes are told. What of it is data may come from a configuration, too.
import type { Decoder } from '../../sdk/coders/index.ts'
import type { Duration, Instant } from '../../sdk/model/time.ts'
import type { WatermarkPolicy } from '../../sdk/splittable/watermark-policy.ts'
import type { AcknowledgePolicy } from './acknowledge.ts'
import type { Delivery } from './delivery.ts'
import type { ErasedPolicy } from './erased.ts'
import type { Message } from './message.ts'
import type { PoisonPolicy } from './poison.ts'
import type { SplitBy, StartAt, StopAt } from './read-options.ts'

/** What of a read is data: what a configuration can tell. */
export interface ReadSettings {
  /**
   * Its name, or the names of several, which are read side by side in the same way, each in its own order; their retention is one of those
   * that `acknowledge` is for. StartAt.sequence, and an end after a sequence or a count, are of one stream.
   */
  readonly stream: string | ReadonlyArray<string>
  /** Only these subjects; wildcards are allowed, overlaps are not. All, if it is left out. */
  readonly subjects?: ReadonlyArray<string> | undefined
  /** Where the first run begins: StartAt.all unless told. */
  readonly start?: StartAt | undefined
  /** Where it ends: never, if it is left out. */
  readonly stop?: StopAt | undefined
  /** Watermark.monotonic unless told. */
  readonly watermark?: WatermarkPolicy | undefined
  /**
   * Into how many ranges of sequences a bounded read is split, or the backlog of one without an end: what is there when the first run
   * begins. 1 unless told. More give up order across ranges.
   */
  readonly splits?: number | undefined
  /**
   * How it is split among tasks, with or without an end (StopAt.end): one split unless told. A run that is split one way cannot go on
   * split another way.
   */
  readonly splitBy?: SplitBy | undefined
  /** Where a purge or a limit has erased what comes next: Erased.fail unless told. A read that acknowledges cannot know of it. */
  readonly erased?: ErasedPolicy | undefined
  /** Acknowledge.none unless told: by position. A work queue, or a stream by interest, needs Acknowledge.onCheckpoint. */
  readonly acknowledge?: AcknowledgePolicy | undefined
  /**
   * Of a read that acknowledges: the name of its durable consumer. The first run makes it where there is none; with several subjects, one for
   * each, called NAME-1 and so on. A read by position, of one split, needs none: with a name, operators see where it stands, and it is made
   * anew wherever the run's checkpoint is.
   */
  readonly consumer?: string | undefined
  /** How long the server waits for an acknowledgment until it delivers again, in milliseconds; it is told of what takes longer. 30 seconds unless told. */
  readonly ackWait?: Duration | undefined
  /** How many messages the consumer delivers before any is acknowledged: from half of that, checkpoints come early. 50,000 unless told. */
  readonly maxAckPending?: number | undefined
  /**
   * When the server forgets the consumer if nobody asks it, in milliseconds: never unless told. Not of a read by interest, which would lose
   * messages by it.
   */
  readonly inactiveThreshold?: Duration | undefined
  /** What to do about a message that ends each run that reads it. Default: each run reads it again. */
  readonly poison?: PoisonPolicy | undefined
  /** How many messages each split hands on in a second: for replays that must not flood what comes behind them. No limit unless told. */
  readonly rateLimit?: number | undefined
  /** How many messages one request asks for: 512 unless told. Up to three requests' worth wait in memory. */
  readonly batchMessages?: number | undefined
  /** How many bytes one request asks for: 1 MiB unless told, and more where one message is larger. */
  readonly batchBytes?: number | undefined
  /** How long a request waits for messages before it is made again, in milliseconds: 4 seconds unless told. */
  readonly fetchTimeout?: Duration | undefined
  /** How often a server that has nothing to send says so, in milliseconds: a second unless told. After two and a half without a word it is asked anew. */
  readonly heartbeat?: Duration | undefined
  /** What the source is called in errors and checkpoints: JetStreamIO.read(STREAM) unless told. */
  readonly name?: string | undefined
  /** The name of the connection: 'default' unless told. */
  readonly connection?: string | undefined
}

/** What `JetStreamIO.read` and `readMessages` read, and how. `A`: what the coder gives. */
export interface ReadOptions<A> extends ReadSettings {
  /** From a message's payload. */
  readonly coder: Decoder<A>
  /** Event time: when the message was published, unless told. What is undecodable has its publish time in any case. */
  readonly timestamp?: ((value: NoInfer<A>, message: Message<NoInfer<A>>) => Instant) | undefined
}

/** Where `JetStreamIO.write` and its kin publish. `delivery` left out is exactly once: what cannot keep it is refused at start. */
export interface WriteTarget {
  /** Its name; it must exist and take the subjects, unless `createSubjects` says otherwise. Several: each subject belongs to one of them. */
  readonly stream: string | ReadonlyArray<string>
  readonly delivery?: Delivery | undefined
  /**
   * Subject filter of the stream, with a wildcard, that takes the markers of atomic batches: `_jetbeam.TOTALS.>`. Markers are messages, which
   * consumers receive as well: choose a subject outside of their filters. Default: a subject of the stream that has a token `_jetbeam`, else
   * the first one with a wildcard.
   */
  readonly markerSubject?: string | undefined
  /** How many messages may be on their way at once: 4,096 unless told, at most 65,536. */
  readonly maxInFlight?: number | undefined
  /** How many bytes of payload may be on their way at once: 8 MiB unless told. One message may be larger. */
  readonly maxInFlightBytes?: number | undefined
  /** Makes a stream that is missing, with limits retention and these subjects; one that is there stays as it is. With one stream only. */
  readonly createSubjects?: ReadonlyArray<string> | undefined
  /** Of a stream that is made: 'file' unless told. */
  readonly createStorage?: 'file' | 'memory' | undefined
  /** Of a stream that is made, from 1 (unless told) to 5. */
  readonly createReplicas?: number | undefined
  /** How long a stream that is made keeps its messages: for ever unless told, a minute at least. */
  readonly createMaxAge?: Duration | undefined
  /** How many bytes a stream that is made keeps: no limit unless told. */
  readonly createMaxBytes?: number | undefined
  /** How many messages a stream that is made keeps: no limit unless told. */
  readonly createMaxMessages?: number | undefined
  /** For how long a stream that is made knows message ids: 2 minutes unless told. */
  readonly createDuplicateWindow?: Duration | undefined
  /** Whether a stream that is made takes atomic batches; servers from 2.12. false unless told. It has room for markers then. */
  readonly createAtomicBatches?: boolean | undefined
  /**
   * Whether the headers `traceparent` and `tracestate` (W3C) of a message go on to what it leads to, as they are: through synchronous
   * transforms, from the read to here. What comes from several messages, a state or an asynchronous call has no such origin: give it
   * `headers` of its own. They go before.
   */
  readonly traceContext?: boolean | undefined
  /** What the sink is called in errors and checkpoints: JetStreamIO.write(STREAM) unless told. */
  readonly name?: string | undefined
  /** The name of the connection: 'default' unless told. */
  readonly connection?: string | undefined
}
