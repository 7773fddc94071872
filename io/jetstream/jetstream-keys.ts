// The keys of a read and of a write: what is data in their options.
import { Watermark, type WatermarkPolicy } from '../../sdk/splittable/watermark-policy.ts'
import { accept, choice, listOf, quoted, refuse, text, wholeNumber } from '../settings/kinds.ts'
import { type Kind, type Problem, type Schema, optional, required, withDefault } from '../settings/schema.ts'
import { Delivery } from './delivery.ts'
import type { ReadSettings, WriteTarget } from './jetstream-io.ts'
import type { WatchSettings } from './kv-io.ts'
import { field, splitBy, startAt, stopAt, watermark } from './read-kinds.ts'
import { StartAt } from './read-options.ts'
import { refusedStreamName } from './stream-info.ts'
import { refusalOfFilters } from './subject-filter.ts'
import { refusalText, refusedSubject } from './subject.ts'

const streamName = text('the name of a stream', refusedStreamName)
const name = text('a name')

const deliveryName = choice('exactlyOnce', 'atLeastOnce')

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

const fixedSubject: Kind<string> = {
  says: 'a subject without wildcards',
  accept: value => {
    if (typeof value !== 'string') return refuse(`${quoted(value)} is not a subject`)
    const refused = refusedSubject(value)
    return refused === null ? accept(value, value) : refuse(refusalText(value, refused), 'InvalidSubject')
  },
}

export const sourceSchema = {
  keys: {
    stream: required(streamName, 'What is read; it has limits retention.'),
    subjects: optional(subjects, 'all', 'Only these.'),
    start: withDefault<StartAt>(startAt, StartAt.all, 'all', 'Where the first run begins.'),
    stop: optional(stopAt, 'never', 'Where it ends.'),
    watermark: withDefault<WatermarkPolicy>(watermark, Watermark.monotonic, 'monotonic', 'How event time follows the messages.'),
    splits: withDefault(wholeNumber(1), 1, '1', 'Into how many ranges of sequences a bounded read, or the backlog of another, is split.'),
    splitBy: optional(splitBy, 'one split', 'How it is split among tasks, with or without an end.'),
    name: optional(name, 'JetStreamIO.read(STREAM)', 'What it is called in errors and checkpoints.'),
    connection: optional(name, "connection.name, or 'default'", 'The name of the connection.'),
  },
  rules: ({ splits = 1, stop, start, splitBy }) => {
    const problem = (path: string, reason: string): ReadonlyArray<Problem> => [{ path, tag: 'InvalidOptions', reason }]
    if (splitBy === undefined) return []
    if (splits > 1) return problem('splitBy', 'it is split by subject, not into ranges: leave splits out')
    if (start?._tag === 'LastPerSubject')
      return problem('splitBy', 'the newest message of each subject is a list of its own: leave splitBy out')
    return stop !== undefined && stop._tag !== 'End' ? problem('splitBy', 'split by subject, it ends at StopAt.end or never') : []
  },
} satisfies Schema<ReadSettings>

/** A write's settings, with the one subject that a configuration can tell. */
export interface WriteSettings extends WriteTarget {
  /** To which all is published; left out where code computes it. */
  readonly subject?: string | undefined
}

export const sinkSchema = {
  keys: {
    stream: required(streamName, 'What is written to; it must exist and take the subjects.'),
    subject: optional(fixedSubject, 'computed in code', 'To which all is published.'),
    delivery: withDefault<Delivery>(delivery, Delivery.exactlyOnce, 'exactlyOnce', 'How often an output may appear.'),
    name: optional(name, 'JetStreamIO.write(STREAM)', 'What it is called in errors and checkpoints.'),
    connection: optional(name, "connection.name, or 'default'", 'The name of the connection.'),
  },
  rules: () => [],
} satisfies Schema<WriteSettings>

const bucketName = text('the name of a bucket', bucket =>
  /^[\w-]+$/.test(bucket) ? null : 'it has letters, digits, _ and -, and nothing else',
)
const keys = listOf(anyText, 'keys, which may have wildcards and must not overlap: colours.*', refusalOfFilters)

export const kvSchema = {
  keys: {
    bucket: required(bucketName, 'What is watched.'),
    keys: optional(keys, 'all', 'Only these.'),
    name: optional(name, 'KvIO.watch(BUCKET)', 'What it is called in errors and checkpoints.'),
    connection: optional(name, "connection.name, or 'default'", 'The name of the connection.'),
  },
  rules: () => [],
} satisfies Schema<WatchSettings>
