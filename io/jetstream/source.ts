// The source: a stream read by position, without acks, where checkpoints hold the position, and a later start verifies it and goes on; or
// through consumers that are acknowledged behind checkpoints.
import type { StreamInfo } from '@nats-io/jetstream'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { ConnectedSource, Source, Split, SplitProgress, SplitReader } from '../../sdk/splittable/source.ts'
import { acquire } from './connections.ts'
import type { ConsumerSettings } from './durable-consumer.ts'
import { Erased, type ErasedPolicy } from './erased.ts'
import { field } from './fields.ts'
import { matcherOfPart } from './hash-splits.ts'
import { StreamHistory } from './history.ts'
import { isMarker } from './marker-subject.ts'
import type { StreamMessage } from './message.ts'
import { paced } from './paced-reader.ts'
import { persistently } from './patience.ts'
import { givingUp } from './giving-up.ts'
import type { PoisonPolicy } from './poison.ts'
import { pullDefaults, type PullSettings } from './pull-window.ts'
import { limitsWarning } from './queue-limits.ts'
import { endedQueueSplit, openQueue, queueGuarantee, queueSplits, recommitQueue, requireRetention } from './queue-source.ts'
import type { RangeOptions } from './range-options.ts'
import { RangeReader } from './range-reader.ts'
import { Renewals } from './renewals.ts'
import { type FilterPlan, filterPlan } from './sparse-filter.ts'
import { StartAt } from './read-options.ts'
import { begun } from './reader-life.ts'
import { acceptsOf, detailOf } from './split-detail.ts'
import { type ReadPlan, requireSameSplit, resolveSplits } from './splits.ts'
import { evidenceOf } from './stream-evidence.ts'
import { filtersIn, streamInfo } from './stream-info.ts'
import type { SubjectMatcher } from './subject-filter.ts'
import { joined } from './joined-sources.ts'
import { SubjectLooks } from './subject-splits.ts'
import { tracked } from './tracked-reader.ts'

export interface SourceOptions extends ReadPlan {
  /** Read in the same way beside `stream`. */
  readonly others: ReadonlyArray<string>
  readonly connection: string | undefined
  readonly pull: PullSettings
  readonly erased: ErasedPolicy
  /** Of a read by position: the name of its consumer, and when the server forgets it. */
  readonly durable: string | null
  readonly inactiveMs: number | null
  /** Messages that each split hands on in a second; null: as they come. */
  readonly rateLimit: number | null
  /** Of a read that acknowledges; null: it reads by position. */
  readonly consumer: ConsumerSettings | null
  /** null: what ends each run ends the next one. */
  readonly poison: PoisonPolicy | null
}

/** All of a stream by position, in order: what a read is where it is not told otherwise. */
export const plainRead = {
  others: [],
  filters: [],
  start: StartAt.all,
  stop: null,
  splits: 1,
  splitBy: null,
  connection: undefined,
  pull: pullDefaults,
  erased: Erased.fail,
  durable: null,
  inactiveMs: null,
  rateLimit: null,
  consumer: null,
  poison: null,
} as const satisfies Partial<SourceOptions>

export const sourceOf = (o: SourceOptions): Source<StreamMessage> =>
  Object.freeze({
    urn: 'jetbeam:io:jetstream:read:v1',
    label: o.label,
    isBounded: o.stop !== null,
    identity: Object.freeze({
      stream: o.others.length === 0 ? o.stream : [o.stream, ...o.others],
      subjects: o.filters,
      connection: o.connection ?? 'default',
      ...(o.consumer === null ? {} : { consumer: o.consumer.consumer }),
    }),
    replayable: o.consumer === null,
    needsDurableCheckpoints: o.consumer !== null || o.poison !== null,
    // The server of a queue counts deliveries: its reader does the rest itself.
    poison: o.consumer === null ? o.poison : null,
    jetStream: { connection: o.connection ?? 'default', streams: [o.stream, ...o.others] },
    connect: (context: HostContext) => (o.others.length === 0 ? connectSource(o, context) : connectAll(o, context)),
  })

/** Closes what it has connected where one of them fails. */
const connectAll = async (o: SourceOptions, context: HostContext): Promise<ConnectedSource<StreamMessage>> => {
  const parts = new Map<string, ConnectedSource<StreamMessage>>()
  try {
    for (const stream of [o.stream, ...o.others])
      parts.set(stream, await connectSource({ ...o, stream, label: `${o.label}, ${stream}` }, context))
    return joined(o.label, parts)
  } catch (error) {
    for (const part of parts.values()) await part.close()
    throw error
  }
}

const connectSource = async (o: SourceOptions, context: HostContext): Promise<ConnectedSource<StreamMessage>> => {
  const link = await acquire(context, o.connection, 'read')
  const { consumer } = o
  const patiently = <A>(work: () => Promise<A>): Promise<A> => persistently({ what: o.label, signal: context.signal, link }, work)
  const infoNow = (): Promise<StreamInfo> => streamInfo(link, o.stream, o.label)
  let retention = ''
  let warning: string | null = null
  try {
    await patiently(async () => {
      const info = await infoNow()
      requireRetention(info, o, consumer)
      retention = info.config.retention
      if (consumer !== null) warning = limitsWarning(info, o.label)
    })
  } catch (error) {
    await link.release()
    throw error
  }
  const readers = new Set<SplitReader<StreamMessage>>()
  const renewals = new Renewals(o.label, context.log)
  const history = new StreamHistory({ link, stream: o.stream, label: o.label }, context.log)
  const close = async (): Promise<void> => {
    await Promise.all([...readers].map(reader => reader.close()))
    renewals.tell()
    await link.release()
  }
  const opened = async (open: () => Promise<SplitReader<StreamMessage>>): Promise<SplitReader<StreamMessage>> => {
    const opening = o.rateLimit === null ? await open() : paced(await open(), o.rateLimit)
    const able = o.poison === null || consumer !== null ? opening : givingUp(opening, o.poison)
    const reader = tracked(able, () => readers.delete(reader))
    readers.add(reader)
    return reader
  }
  if (consumer !== null) {
    const place = { link, stream: o.stream, label: o.label, settings: consumer }
    // Whoever reads says it, once.
    const warn = (): void => {
      if (warning !== null) context.log('warn', warning)
      warning = null
    }
    return {
      resolve: ({ toEnd }) => patiently(async () => queueSplits(place, await infoNow(), o, toEnd)),
      endNow: async () => {
        const info = await patiently(infoNow)
        return split => endedQueueSplit(split, info, o.label)
      },
      open: (split, progress) => {
        warn()
        return opened(() => openQueue(place, context, o, split, progress))
      },
      recommit: (split, progress) => patiently(() => recommitQueue(place, context, split, progress)),
      guarantee: () => queueGuarantee(o.label, link, retention),
      close,
    }
  }
  const looks = new SubjectLooks(link, o, message => context.log('warn', message))
  return {
    resolve: ({ toEnd }) => patiently(() => resolveSplits(link, context, o, toEnd)),
    endNow: async () => {
      const end = (await patiently(() => evidenceOf(link, o.stream).settledLook(o.label, context.signal))).last + 1
      return split => ({ ...split, range: { from: split.range.from, to: end } })
    },
    discovery:
      o.splitBy?._tag !== 'Subject' || o.stop !== null
        ? undefined
        : { everyMs: o.splitBy.discoverEveryMs, find: look => patiently(() => looks.find(look)) },
    open: (split, progress) => opened(() => openSplit({ link, context, renewals, history }, o, split, progress)),
    guarantee: () =>
      `${o.label}: exactly once by position. The checkpoint holds each split's sequence; nothing is acknowledged, so a restart reads on from there, and what was erased meanwhile is ${o.erased._tag === 'skip' ? 'passed over and counted' : 'an error'}.`,
    close,
  }
}

/** Where another pipeline writes in atomic batches, its markers are no messages of anybody's. */
const withoutMarkers = ({ config }: StreamInfo, { server, client }: FilterPlan): FilterPlan =>
  config.allow_atomic === true
    ? { server, client: subject => !isMarker(subject) && (client === null || client(subject)) }
    : { server, client }

const openSplit = async (
  { link, context, renewals, history }: Pick<RangeOptions, 'link' | 'context' | 'renewals'> & { readonly history: StreamHistory },
  o: SourceOptions,
  split: Split,
  progress: SplitProgress,
): Promise<RangeReader> => {
  const detail = detailOf(split, o.label)
  const { subject, hash } = detail
  requireSameSplit(o.label, o.splitBy, detail)
  const { last, note } = progress
  const quiet =
    subject === undefined && hash === undefined ? null : typeof note === 'object' && note !== null && 'isAll' in note && note.isAll === true
  const from = last === null ? split.range.from : last + 1
  const lastKnown = Math.max(detail.lastSequence, last ?? 0)
  history.endedAt(detail.lastSequence, detail.lastAt ?? 0)
  const readAt = publishedAtIn(note)
  if (last !== null && readAt !== null) history.received(last, readAt)
  const isOwn = hash === undefined ? null : matcherOfPart(hash)
  const reader = new RangeReader({
    link,
    context,
    stream: o.stream,
    label: o.label,
    split: split.id,
    created: detail.created,
    from,
    to: split.range.to,
    since: detail.sinceMs ?? null,
    until: detail.untilMs,
    lastKnown,
    count: split.count === null ? null : split.count - progress.claimed,
    filter: async info => {
      if (subject !== undefined) return { server: [subject], client: null }
      const plan = withoutMarkers(info, await filterPlan(link, info, filtersIn(info, o.filters)))
      return isOwn === null ? plan : { server: plan.server, client: both(isOwn, plan.client) }
    },
    accept: acceptsOf(detail),
    headersOnly: false,
    newest: false,
    pull: o.pull,
    durable: o.durable,
    inactiveMs: o.inactiveMs,
    gapless: false,
    skips: o.erased._tag === 'skip',
    quiet,
    notedAt: readAt,
    subject,
    history,
    renewals,
  })
  return begun(reader)
}

const publishedAtIn = (note: unknown): number | null => {
  const publishedAt = field(note, 'publishedAt')
  return typeof publishedAt === 'number' ? publishedAt : null
}

const both = (own: SubjectMatcher, selected: SubjectMatcher | null): SubjectMatcher =>
  selected === null ? own : subject => own(subject) && selected(subject)
