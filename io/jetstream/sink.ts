// The sink: connects, looks at its streams, and chooses for each the way that outputs take into it.
import type { ConnectedSink, OutputBatch, Sink, SinkContext } from '../../sdk/graph/sink.ts'
import { atMostOnceSink } from './at-most-once-sink.ts'
import { atomicSink } from './atomic-sink.ts'
import { type Link, acquire } from './connections.ts'
import { type NewStream, streamFoundOrPlanned, streamMadeOrFound } from './create-stream.ts'
import type { Delivery } from './delivery.ts'
import { type Destination, filtersReadBack, readsOf, requireNoLoop, requireWritable } from './destination-checks.ts'
import { requireNoWayBack, waysBack } from './feedback.ts'
import { JetStreamIOError } from './errors.ts'
import { markerPlace } from './marker-subject.ts'
import { messageIdSink } from './message-id-sink.ts'
import { persistently } from './patience.ts'
import { type PublishLimits, maxBytesOf, storedHeaderBytes } from './publish-limits.ts'
import { type Position, earliest, isPosition, ofStream } from './position.ts'
import type { Window } from './publisher-options.ts'
import { severalStreams } from './several-streams.ts'
import { countingReconnects } from './reconnects.ts'
import { choose } from './sink-choice.ts'
import { subjectsOf } from './stream-info.ts'
import type { StreamPlace } from './stream-place.ts'
import { covers, matches } from './subject-filter.ts'

export interface SinkOptions<A> {
  readonly streams: ReadonlyArray<string>
  readonly label: string
  readonly subject: string | null
  readonly delivery: Delivery['_tag']
  readonly connection: string | undefined
  readonly window: Window
  /** Subject with a wildcard that takes the markers of atomic batches; undefined: one that the stream has. */
  readonly markerSubject?: string | undefined
  /** How a stream is made that is not there; null: it must be there. */
  readonly create: NewStream | null
  readonly encode: (value: A, out: OutputBatch) => void
  /** Where elements that cannot be published are rejected: what checks them. */
  readonly limits?: PublishLimits | undefined
}

export const sinkOf = <A>(o: SinkOptions<A>): Sink<A> => {
  const delivery = o.delivery === 'atLeastOnce' || o.delivery === 'atMostOnce' ? o.delivery : 'exactlyOnce'
  const [stream = '', ...others] = o.streams
  return Object.freeze({
    urn: 'jetbeam:io:jetstream:write:v1',
    label: o.label,
    identity: Object.freeze({
      stream: others.length === 0 ? stream : o.streams,
      subject: o.subject,
      connection: o.connection ?? 'default',
    }),
    delivery,
    // A batch is made of what a checkpoint holds.
    immediate: o.delivery !== 'atomicBatch',
    parallel: true,
    earliest,
    needsDurableCheckpoints: delivery !== 'atLeastOnce',
    jetStream: { connection: o.connection ?? 'default', streams: o.streams },
    encode: o.encode,
    connect: (context: SinkContext) => connectSink(o, context),
  })
}

const connectSink = async <A>(o: SinkOptions<A>, context: SinkContext): Promise<ConnectedSink> => {
  const link = await acquire(context, o.connection, 'write')
  try {
    const alone = o.streams.length === 1
    const sinks = await Promise.all(
      o.streams.map(async stream => {
        const { subjects, place, way, isPlanned } = await lookedAt(o, context, link, stream, alone)
        const sink = await opened(place, way)
        const guarantee = isPlanned ? `${sink.guarantee} The stream ${stream} is missing, and the run creates it.` : sink.guarantee
        return {
          stream,
          created: place.info.created,
          subjects,
          maxBytes: maxBytesOf(link, place.info),
          maxHeaderBytes: storedHeaderBytes,
          sink: { ...sink, guarantee },
        }
      }),
    )
    o.limits?.learn(sinks)
    const [first] = sinks
    const sink = alone && first !== undefined ? first.sink : severalStreams(o.label, sinks)
    return countingReconnects(link, {
      ...sink,
      written: o.delivery === 'atLeastOnce' ? undefined : new Map(sinks.map(({ stream, created }) => [stream, created])),
      close: async () => {
        await sink.close()
        await link.release()
      },
    })
  } catch (error) {
    await link.release()
    throw error
  }
}

const opened = (place: StreamPlace, way: ReturnType<typeof choose>['way']): Promise<ConnectedSink> | ConnectedSink => {
  switch (way) {
    case 'atomicBatch':
      return atomicSink(place)
    case 'atMostOnce':
      return atMostOnceSink(place)
    case 'messageIds':
    case 'chain':
    case 'unnamed':
      return messageIdSink(place, way)
  }
}

interface LookedAt {
  readonly subjects: ReadonlyArray<string>
  readonly place: StreamPlace
  readonly way: ReturnType<typeof choose>['way']
  /** The stream is missing, and a run creates it. */
  readonly isPlanned: boolean
}

/** Refuses what cannot be written to as asked, before anything is. */
const lookedAt = async <A>(o: SinkOptions<A>, context: SinkContext, link: Link, stream: string, alone: boolean): Promise<LookedAt> => {
  const label = alone ? o.label : `${o.label} to ${stream}`
  const destination: Destination = { label, stream, subject: o.subject, connection: o.connection ?? 'default', alone }
  const { info, isPlanned } = await persistently({ what: label, signal: context.signal, link }, async () =>
    context.site.role === 'look'
      ? streamFoundOrPlanned(link, stream, label, o.create)
      : { info: await streamMadeOrFound(link, stream, label, o.create), isPlanned: false },
  )
  requireWritable(info, destination)
  const readBack = filtersReadBack(context.sources, destination)
  if (alone) requireNoLoop(readBack, destination, o.subject)
  const ways = await persistently({ what: label, signal: context.signal, link }, () =>
    waysBack(link, info, destination, readsOf(context.sources, destination)),
  )
  requireNoWayBack(ways, destination, alone ? o.subject : null)
  const stood = whereItStood(context, label, stream)
  if (stood !== null && stood.created !== info.created)
    throw new JetStreamIOError(
      'StreamRecreated',
      `${label}: the stream ${stream} was deleted and created again (at ${info.created}) since this run began, so what it published is not there to compare with. Start a new run.`,
    )
  const serverVersion = link.nc.info?.version ?? '0.0.0'
  const room = roomForMarkers(info, o.markerSubject, label)
  const offer = {
    room,
    asked: o.delivery,
    stored: stood?._tag ?? null,
    mode: context.mode,
    serverVersion,
    info,
    writers: context.site.writers,
  }
  const { way, because } = choose(offer, destination)
  const replaced = ofStream(context.replaced, stream)
  const subjects = subjectsOf(info)
  const known = new Set<string>()
  const requireSubjectOf = (subject: string): void => {
    if (!subjects.some(filter => matches(filter, subject)))
      throw new JetStreamIOError(
        'SubjectNotInStream',
        `${label}: the subject ${subject} is not one of the stream ${stream}, which has ${subjects.join(', ')}. Correct the subject, or add it to the stream.`,
      )
    if (known.size >= mostKnown) known.clear()
    known.add(subject)
  }
  const requireLoopless = (published: ReadonlyArray<string>): void => {
    if (readBack !== null) for (const subject of published) requireNoLoop(readBack, destination, subject)
    if (ways.length > 0) for (const subject of published) requireNoWayBack(ways, destination, subject)
  }
  const place: StreamPlace = {
    link,
    context,
    label,
    stream,
    info,
    window: o.window,
    room,
    stood,
    replaced: isPosition(replaced) ? replaced : null,
    because: because === null ? '' : `, because ${because}`,
    requireNoLoop: requireLoopless,
    requireTaken: published => {
      requireLoopless(published)
      for (const subject of published) if (!known.has(subject)) requireSubjectOf(subject)
    },
  }
  return { subjects, way, place, isPlanned }
}

/** Where markers of atomic batches lie. Throws InvalidOptions for a subject that the stream does not take. */
const roomForMarkers = (info: StreamPlace['info'], asked: string | undefined, label: string): string | null => {
  const subjects = subjectsOf(info)
  if (asked === undefined) return markerPlace(subjects)
  if (subjects.some(subject => covers(subject, asked))) return asked
  throw new JetStreamIOError(
    'InvalidOptions',
    `${label}: the stream ${info.config.name} does not take ${asked}, the markerSubject. Its subjects are ${subjects.join(', ')}: add one, such as _jetbeam.${info.config.name}.>.`,
  )
}

const mostKnown = 10_000

/** Null for a new run. */
const whereItStood = (context: SinkContext, label: string, stream: string): Position | null => {
  const value = ofStream(context.restored ?? context.protocol, stream)
  if (value === null) return null
  if (isPosition(value)) return value
  throw new JetStreamIOError(
    'InvalidOptions',
    `${label}: the checkpoint was written with another protocol of this sink (${JSON.stringify(value)}). Start a new run.`,
  )
}
