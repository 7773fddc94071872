// Why a stream cannot be written to as asked: found at start, with the remedy, instead of as a duplicate months later.
import { DiscardPolicy, type StreamInfo } from '@nats-io/jetstream'
import { JetStreamIOError } from './errors.ts'
import { subjectsOf } from './stream-info.ts'
import { matches, overlaps } from './subject-filter.ts'

export interface Destination {
  readonly label: string
  readonly stream: string
  /** The only subject, or null where elements choose. */
  readonly subject: string | null
  readonly connection: string
  /** It is the only stream of its sink. */
  readonly alone: boolean
}

const minimumMessages = 10_000
const minimumAgeMs = 60_000

const atLeastOnceInstead = 'or write with delivery: Delivery.atLeastOnce.'

const unsafeIn =
  ({ label }: Destination) =>
  (reason: string, remedy: string): never => {
    throw new JetStreamIOError('UnsafeDestination', `${label}: ${reason}. ${remedy}`)
  }

/** Throws UnsafeDestination or SubjectNotInStream. */
export const requireWritable = (info: StreamInfo, d: Destination): void => {
  const { config } = info
  const unsafe = unsafeIn(d)
  if (config.mirror !== undefined)
    unsafe(`the stream ${d.stream} is a mirror, which nothing can be published to`, `Write to ${config.mirror.name}.`)
  if (config.sealed) unsafe(`the stream ${d.stream} is sealed`, 'Write to another stream.')
  if (config.no_ack === true)
    unsafe(`the stream ${d.stream} acknowledges nothing (no_ack), so a lost message would go unnoticed`, 'Turn no_ack off.')
  const { subject } = d
  // Of several streams, one takes it.
  if (subject !== null && d.alone && !subjectsOf(info).some(s => matches(s, subject)))
    throw new JetStreamIOError(
      'SubjectNotInStream',
      `${d.label}: the subject ${subject} is not one of the stream ${d.stream}, which has ${subjectsOf(info).join(', ')}. Correct the subject, or add it to the stream.`,
    )
}

/** That the stream still holds the names of outputs when they are looked for. Throws UnsafeDestination. `window`: what is on its way during a look is told by it. */
export const requireRemembering = (info: StreamInfo, d: Destination, window: boolean): void => {
  const { config } = info
  const unsafe = unsafeIn(d)
  const scanned = 'Exactly-once looks up which outputs are in the stream after a failure'
  if (config.retention !== 'limits')
    unsafe(
      `the stream ${d.stream} has ${config.retention} retention. ${scanned}, and this stream erases what its consumers have acknowledged`,
      `Use limits retention (and source ${d.stream} from that stream), ${atLeastOnceInstead}`,
    )
  // Whatever the client's types say: a server leaves out what is 0, as it is by default (2.15) for a stream that sources others.
  if (window && (config.duplicate_window ?? 0) === 0)
    unsafe(
      `the stream ${d.stream} has no duplicate window. ${scanned}; the window covers what arrives during that look`,
      `Set duplicate_window, to 2 minutes say, ${atLeastOnceInstead}`,
    )
  // A stream that discards new messages erases none: it refuses what is too much.
  const refusesNew = config.discard === DiscardPolicy.New
  const limits = [
    ['max_msgs_per_subject', config.max_msgs_per_subject, refusesNew && config.discard_new_per_subject === true],
    ['max_msgs', config.max_msgs, refusesNew],
  ] as const
  for (const [name, value, refuses] of limits)
    if (!refuses && value > 0 && value < minimumMessages)
      unsafe(
        `the stream ${d.stream} has ${name} ${value}. ${scanned}, and so few may be gone by then`,
        `Raise it to ${minimumMessages} or more, ${atLeastOnceInstead}`,
      )
  const ageMs = config.max_age / 1_000_000
  if (ageMs > 0 && ageMs < minimumAgeMs)
    unsafe(
      `the stream ${d.stream} has max_age ${ageMs} ms. ${scanned}, and they may be gone by then`,
      `Raise it above the longest stop, to a minute at least, ${atLeastOnceInstead}`,
    )
}

/** Each stream that this pipeline reads through the destination's connection, with the filters; none: all of it. */
export const readsOf = (
  sources: ReadonlyArray<Readonly<Record<string, unknown>>>,
  { connection }: Destination,
): ReadonlyArray<{ readonly stream: string; readonly filters: ReadonlyArray<string> }> =>
  sources
    .filter(source => (source['connection'] ?? 'default') === connection)
    .flatMap(source => {
      const filters = [source['subjects'] ?? []].flat().filter((filter): filter is string => typeof filter === 'string')
      return [source['stream']].flat().flatMap(stream => (typeof stream === 'string' ? [{ stream, filters }] : []))
    })

/** The filters under which this pipeline reads the destination's stream; null: it does not, `[]`: all of it. */
export const filtersReadBack = (
  sources: ReadonlyArray<Readonly<Record<string, unknown>>>,
  d: Destination,
): ReadonlyArray<string> | null => {
  const same = readsOf(sources, d).filter(({ stream }) => stream === d.stream)
  if (same.length === 0) return null
  return same.some(({ filters }) => filters.length === 0) ? [] : same.flatMap(({ filters }) => filters)
}

/** Throws FeedbackLoop where `subject` (null: any) lies in what this pipeline reads. */
export const requireNoLoop = (filters: ReadonlyArray<string> | null, d: Destination, subject: string | null): void => {
  if (filters === null) return
  const hit = filters.length === 0 ? '>' : subject === null ? undefined : filters.find(f => overlaps(f, subject))
  if (hit === undefined) return
  throw new JetStreamIOError(
    'FeedbackLoop',
    `${d.label}: this pipeline reads ${hit === '>' ? 'all' : hit} of the stream ${d.stream}, so it would read what it writes${subject === null ? '' : ` to ${subject}`}, for ever. ` +
      'Read only other subjects (subjects: […]), or write to another stream.',
  )
}
