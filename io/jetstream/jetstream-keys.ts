// The keys of a read and of a write: what is data in their options.
import { days, hours, millis, minutes, seconds } from '../../sdk/model/time.ts'
import { Watermark, type WatermarkPolicy } from '../../sdk/splittable/watermark-policy.ts'
import { accept, between, choice, duration, flag, listOf, quoted, refuse, text, wholeNumber } from '../settings/kinds.ts'
import { type Kind, type Problem, type Refusal, type Schema, optional, required, withDefault } from '../settings/schema.ts'
import { Acknowledge, type AcknowledgePolicy } from './acknowledge.ts'
import { Delivery } from './delivery.ts'
import type { ReadSettings, WriteTarget } from './verb-options.ts'
import type { PutSettings, WatchSettings } from './kv-io.ts'
import type { ObjectStoreOptions } from './object-store-io.ts'
import { Erased, type ErasedPolicy } from './erased.ts'
import { pullDefaults } from './pull-window.ts'
import { field } from './fields.ts'
import { acknowledge, erased, poison, splitBy, startAt, stopAt, watermark } from './read-kinds.ts'
import { StartAt } from './read-options.ts'
import { refusedStreamName } from './stream-info.ts'
import { matches, refusalOfFilters } from './subject-filter.ts'
import { refusalText, refusedFilter, refusedSubject } from './subject.ts'

const streamName = text('the name of a stream', refusedStreamName)
const streamNames = listOf(streamName, 'the name of a stream, or several', names =>
  names.length === 0
    ? { tag: 'InvalidOptions', reason: 'it is empty: name a stream' }
    : new Set(names).size < names.length
      ? { tag: 'InvalidOptions', reason: 'it names a stream twice' }
      : null,
)

/** One is no list. */
const severalOrOne: Kind<string | ReadonlyArray<string>> = {
  says: streamNames.says,
  accept: value => {
    if (!Array.isArray(value) && !(typeof value === 'string' && value.includes(','))) return streamName.accept(value)
    const several = streamNames.accept(value)
    return several._tag === 'Right' && several.right.value.length === 1 ? streamName.accept(several.right.value[0]) : several
  },
}
const name = text('a name')
const consumerName = text('the name of a consumer', refusedStreamName)

const deliveryName = choice('exactlyOnce', 'atomicBatch', 'chain', 'messageIds', 'atLeastOnce', 'atMostOnce')

const delivery: Kind<Delivery> = {
  says: deliveryName.says,
  accept: value => {
    const named = deliveryName.accept(field(value, '_tag') ?? value)
    return named._tag === 'Left' ? named : accept(Delivery[named.right.value], named.right.shown)
  },
}

// Each filter by itself and against the others: told together, as the builder of a pipeline is told.
const anyText: Kind<string> = {
  says: 'a subject',
  accept: value => (typeof value === 'string' ? accept(value, value) : refuse(`${quoted(value)} is not a subject`)),
}
const subjects = listOf(anyText, 'subjects, which may have wildcards and must not overlap: views.eu.>', refusalOfFilters)

// A list that a program made, and that has come out empty, would read everything.
const refusalOfSome = (items: ReadonlyArray<string>): Refusal | null =>
  items.length === 0 ? { tag: 'InvalidOptions', reason: 'it is empty: leave it out to read all' } : refusalOfFilters(items)
const someSubjects = listOf(anyText, subjects.says, refusalOfSome)

const markerFilter = text('a subject with a wildcard: _jetbeam.TOTALS.>', filter => {
  const refused = refusedFilter(filter)
  return refused ?? (/(?:^|\.)[*>](?:\.|$)/.test(filter) ? null : 'it has no wildcard, and each task has a marker')
})

const fixedSubject: Kind<string> = {
  says: 'a subject without wildcards',
  accept: value => {
    if (typeof value !== 'string') return refuse(`${quoted(value)} is not a subject`)
    const refused = refusedSubject(value)
    return refused === null ? accept(value, value) : refuse(refusalText(value, refused), 'InvalidSubject')
  },
}

const ackWait = duration(seconds(1), hours(24))
const inactive = duration(seconds(1), days(365))
const fetchTimeout = duration(millis(200), minutes(5))
const heartbeat = duration(millis(100), minutes(1))

const problem = (path: string, reason: string): ReadonlyArray<Problem> => [{ path, tag: 'InvalidOptions', reason }]

type Rule = (given: Partial<ReadSettings>) => ReadonlyArray<Problem>

/** Positions and counts are of one stream. */
const rulesOfStreams: Rule = ({ stream = '', start, stop }) => {
  if ([stream].flat().length === 1) return []
  return [
    ...(start?._tag === 'Sequence' ? problem('start', 'a sequence is of one stream, and this reads several') : []),
    ...(stop?._tag === 'Sequence' || stop?._tag === 'Count'
      ? problem('stop', 'a sequence or a count is of one stream, and this reads several')
      : []),
  ]
}

const rulesOfSplits: Rule = ({ splits = 1, stop, start, splitBy }) => {
  if (splitBy === undefined) return []
  if (splits > 1) return problem('splitBy', 'it is split by subjects, not into ranges: leave splits out')
  if (start?._tag === 'LastPerSubject')
    return problem('splitBy', 'the newest message of each subject is a list of its own: leave splitBy out')
  return stop !== undefined && stop._tag !== 'End' ? problem('splitBy', 'split by subjects, it ends at StopAt.end or never') : []
}

const ofConsumers = ['ackWait', 'maxAckPending'] as const

/** A consumer that is acknowledged delivers in its own order, from where it stands. */
const rulesOfAcknowledging: Rule = given => {
  const { acknowledge: policy, consumer, start, stop, splits = 1, splitBy, subjects: filters = [] } = given
  if ((policy ?? Acknowledge.none)._tag === 'none')
    return [
      ...ofConsumers.flatMap(key =>
        given[key] === undefined ? [] : problem(key, 'only a read that acknowledges has it: say acknowledge: onCheckpoint'),
      ),
      ...(consumer !== undefined && (splits > 1 || splitBy !== undefined)
        ? problem('consumer', 'a read by position has a consumer for each split, and only one can have this name: leave it out')
        : []),
    ]
  return [
    ...(consumer === undefined ? problem('consumer', 'a read that acknowledges names its durable consumer') : []),
    ...(start !== undefined && start._tag !== 'All' && start._tag !== 'New'
      ? problem('start', 'a read that acknowledges starts at all, or (by interest) at what is new')
      : []),
    ...(stop !== undefined && stop._tag !== 'End' && stop._tag !== 'Count'
      ? problem('stop', 'a read that acknowledges ends at StopAt.end, after a count, or never')
      : []),
    ...(stop?._tag === 'Count' && filters.length > 1 ? problem('stop', 'a count is of one consumer, and each subject has its own') : []),
    ...(splits > 1 ? problem('splits', 'a queue has no ranges: name several subjects, each has a consumer of its own') : []),
    ...(splitBy !== undefined ? problem('splitBy', 'a queue is split by the subjects that are named, each has a consumer of its own') : []),
  ]
}

const rulesOfPulls: Rule = ({ fetchTimeout: timeout = seconds(4), heartbeat: beat = seconds(1) }) =>
  2 * beat <= timeout ? [] : problem('heartbeat', 'it is at most half of fetchTimeout')

export const sourceSchema = {
  keys: {
    stream: required(severalOrOne, 'What is read.'),
    subjects: optional(someSubjects, 'all', 'Only these.'),
    start: withDefault<StartAt>(startAt, StartAt.all, 'all', 'Where the first run begins.'),
    stop: optional(stopAt, 'never', 'Where it ends.'),
    watermark: withDefault<WatermarkPolicy>(watermark, Watermark.monotonic, 'monotonic', 'How event time follows the messages.'),
    splits: withDefault(wholeNumber(1), 1, '1', 'Into how many ranges of sequences a bounded read, or the backlog of another, is split.'),
    splitBy: optional(splitBy, 'one split', 'How it is split among tasks, with or without an end.'),
    erased: withDefault<ErasedPolicy>(erased, Erased.fail, 'fail', 'What becomes of it where what comes next is gone.'),
    acknowledge: withDefault<AcknowledgePolicy>(acknowledge, Acknowledge.none, 'none', 'Whether and when messages are acknowledged.'),
    consumer: optional(consumerName, 'none', 'Its durable consumer, which a read that acknowledges must have.'),
    ackWait: withDefault(ackWait, seconds(30), '30s', 'How long its server waits until it delivers a message again.'),
    maxAckPending: withDefault(wholeNumber(1), 50_000, '50000', 'How many messages it delivers before any is acknowledged.'),
    inactiveThreshold: optional(inactive, 'never', 'When its server forgets a consumer that nobody asks; not by interest.'),
    poison: optional(poison, 'read again by each run', 'What to do about a message that ends each run that reads it.'),
    rateLimit: optional(wholeNumber(1), 'no limit', 'How many messages each split hands on in a second.'),
    batchMessages: withDefault(wholeNumber(1), pullDefaults.batch, '512', 'How many messages one request asks for.'),
    batchBytes: withDefault(wholeNumber(1_024), pullDefaults.maxBytes, '1048576', 'How many bytes; more where one message is larger.'),
    fetchTimeout: withDefault(fetchTimeout, seconds(4), '4s', 'How long a request waits for messages.'),
    heartbeat: withDefault(
      heartbeat,
      seconds(1),
      '1s',
      'How often a server with nothing to send says so: two and a half missing are a failure.',
    ),
    name: optional(name, 'JetStreamIO.read(STREAM)', 'What it is called in errors and checkpoints.'),
    connection: optional(name, "connection.name, or 'default'", 'The name of the connection.'),
  },
  rules: given => [...rulesOfStreams(given), ...rulesOfSplits(given), ...rulesOfAcknowledging(given), ...rulesOfPulls(given)],
} satisfies Schema<ReadSettings>

/** A write's settings, with the one subject that a configuration can tell. */
export interface WriteSettings extends WriteTarget {
  /** To which all is published; left out where code computes it. */
  readonly subject?: string | undefined
}

export const sinkSchema = {
  keys: {
    stream: required(severalOrOne, 'What is written to; it must exist and take the subjects. Of several, each subject belongs to one.'),
    subject: optional(fixedSubject, 'computed in code', 'To which all is published.'),
    delivery: withDefault<Delivery>(delivery, Delivery.exactlyOnce, 'exactlyOnce', 'How often an output may appear.'),
    markerSubject: optional(
      markerFilter,
      'a subject of the stream',
      'Subject for the markers of atomic batches, outside of what consumers read.',
    ),
    maxInFlight: withDefault(between(1, 65_536), 4_096, '4096', 'How many messages may be on their way at once.'),
    maxInFlightBytes: withDefault(wholeNumber(1), 8 * 1_048_576, '8388608', 'How many bytes of payload may be on their way at once.'),
    createSubjects: optional(subjects, 'it must exist', 'Makes the stream where it is missing, with limits retention and these subjects.'),
    createStorage: withDefault(choice('file', 'memory'), 'file', 'file', 'Of a stream that is made.'),
    createReplicas: withDefault(between(1, 5), 1, '1', 'Of a stream that is made.'),
    createMaxAge: optional(duration(minutes(1), days(36_500)), 'for ever', 'How long a stream that is made keeps its messages.'),
    createMaxBytes: optional(wholeNumber(1), 'no limit', 'How many bytes it keeps.'),
    createMaxMessages: optional(wholeNumber(1), 'no limit', 'How many messages it keeps.'),
    createDuplicateWindow: withDefault(duration(millis(100), days(1)), minutes(2), '2m', 'For how long it knows message ids.'),
    createAtomicBatches: withDefault(flag, false, 'false', 'Whether it takes atomic batches: servers from 2.12.'),
    traceContext: withDefault(flag, false, 'false', 'Whether traceparent and tracestate of what was read are passed on.'),
    name: optional(name, 'JetStreamIO.write(STREAM)', 'What it is called in errors and checkpoints.'),
    connection: optional(name, "connection.name, or 'default'", 'The name of the connection.'),
  },
  rules: settings => {
    if (settings.createSubjects?.length === 0) return [needless('createSubjects', 'it is empty: a stream has subjects')]
    const { subject, createSubjects } = settings
    if (subject !== undefined && createSubjects?.some(filter => matches(filter, subject)) === false)
      return [needless('createSubjects', `a stream with these would not take the subject ${subject}`)]
    if (createSubjects !== undefined)
      return Array.isArray(settings.stream) ? [needless('createSubjects', 'several streams are not made: make them, or name one')] : []
    const given = Object.keys(settings).find(key => key.startsWith('create'))
    return given === undefined ? [] : [needless(given, 'it is of a stream that is made: give createSubjects, too')]
  },
} satisfies Schema<WriteSettings>

/** Where goes what a pipeline cannot use: a write's settings, with a subject. */
export interface DeadLetterSettings extends WriteTarget {
  /** To which all is published. */
  readonly subject: string
}

export const deadLetterSchema = {
  keys: {
    ...sinkSchema.keys,
    stream: required(severalOrOne, 'Where goes what cannot be used; it must exist and take the subject.'),
    subject: required(fixedSubject, 'To which all is published.'),
    name: optional(name, 'its verb and stream, as JetStreamIO.writeUndecodable(STREAM)', 'What it is called in errors and checkpoints.'),
  },
  rules: sinkSchema.rules,
} satisfies Schema<DeadLetterSettings>

const needless = (path: string, reason: string): Problem => ({ path, tag: 'InvalidOptions', reason })

const bucketName = text('the name of a bucket', bucket =>
  /^[\w-]+$/.test(bucket) ? null : 'it has letters, digits, _ and -, and nothing else',
)
const keys = listOf(anyText, 'keys, which may have wildcards and must not overlap: colours.*', refusalOfSome)

/** A key-value sink's settings. */
export const putSchema = {
  keys: {
    bucket: required(bucketName, 'What is put into; it must exist.'),
    onConflict: withDefault(choice('fail', 'skip'), 'fail', 'fail', 'What to do with a put whose key is not at the expected revision.'),
    name: optional(name, 'KvIO.write(BUCKET)', 'What it is called in errors and checkpoints.'),
    connection: optional(name, "connection.name, or 'default'", 'The name of the connection.'),
  },
  rules: () => [],
} satisfies Schema<PutSettings>

/** Of an object store's reads and writes: of code alone. */
export const objectSchema = {
  keys: {
    bucket: required(bucketName, 'What is read or put into; it must exist.'),
    name: optional(name, 'its verb and bucket, as ObjectStoreIO.write(BUCKET)', 'What it is called in errors and checkpoints.'),
    connection: optional(name, "connection.name, or 'default'", 'The name of the connection.'),
  },
  rules: () => [],
} satisfies Schema<ObjectStoreOptions>

export const kvSchema = {
  keys: {
    bucket: required(bucketName, 'Bucket that is watched (KvIO.watch) or written to (KvIO.write). It must exist.'),
    keys: optional(keys, 'all', 'Keys that are watched.'),
    onConflict: putSchema.keys.onConflict,
    name: optional(name, 'KvIO.watch(BUCKET) or KvIO.write(BUCKET)', 'What it is called in errors and checkpoints.'),
    connection: optional(name, "connection.name, or 'default'", 'The name of the connection.'),
  },
  rules: () => [],
} satisfies Schema<BucketSettings>

/** A key-value bucket in a configuration: the settings of `KvIO.watch` and of `KvIO.write`. */
export interface BucketSettings extends WatchSettings, PutSettings {}

export const watchSchema = {
  keys: { bucket: kvSchema.keys.bucket, keys: kvSchema.keys.keys, name: kvSchema.keys.name, connection: kvSchema.keys.connection },
  rules: () => [],
} satisfies Schema<WatchSettings>
