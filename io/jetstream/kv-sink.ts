// The sink of key-value buckets: what a durable checkpoint holds is put in its order, many at once, and put again where it is in doubt.
// Puts have no message ids: one that is sent again must win over an older one that is, also where the server's duplicate window
// remembers only the newer. What expects a revision carries a name instead, by which a put that arrived before is told from a conflict.
import type { StoredMsg, StreamInfo } from '@nats-io/jetstream'
import { headers as makeHeaders } from '@nats-io/nats-core'
import type { CommitId, ConnectedSink, OutputBatch, Sink, SinkContext } from '../../sdk/graph/sink.ts'
import { LatencyRecorder } from '../../sdk/model/histogram.ts'
import { commitsOnly, sinkOfCheckpoints } from './checkpointed-sink.ts'
import { readableHeaders } from './client-headers.ts'
import { type Link, acquire } from './connections.ts'
import { type Destination, filtersReadBack, readsOf, requireNoLoop } from './destination-checks.ts'
import { requireNoWayBack, waysBack } from './feedback.ts'
import { JetStreamIOError, asError, errorText, notPermitted, refusalIn } from './errors.ts'
import { shortHash } from './output-ids.ts'
import { pauseMs, persistently, sleep } from './patience.ts'
import { mayPass } from './api-errors.ts'
import { parsePubAck, refusalText } from './pub-ack.ts'
import { type PublishLimits, maxBytesOf } from './publish-limits.ts'
import { countingReconnects } from './reconnects.ts'
import { leaderSettlesMs } from './stream-evidence.ts'
import { streamInfo } from './stream-info.ts'

/** What to do with a put that comes too late: 'fail' ends the run, 'skip' logs and counts it. */
export type ConflictPolicy = 'fail' | 'skip'

export interface KvSinkOptions<in A> {
  readonly bucket: string
  readonly label: string
  readonly connection: string | undefined
  readonly onConflict: ConflictPolicy
  readonly encode: (value: A, out: OutputBatch) => void
  /** What checks elements before the sink. */
  readonly limits?: PublishLimits | undefined
}

export const expectedHeader = 'Nats-Expected-Last-Subject-Sequence'
const nameHeader = 'Jetbeam-Put'

const windowPuts = 256
const ackTimeoutMs = 5_000
/** What a connection that was cut had already delivered to the server is read by it within this time. */
const settleMs = 200
/** Somebody has written since; the second is the same, told while it happens. */
const isConflict = (code: number): boolean => code === 10_071 || code === 10_164
/** What a deleted key has instead of a value. */
const deletions = new Set(['DEL', 'PURGE'])

export const kvSinkOf = <A>(o: KvSinkOptions<A>): Sink<A> =>
  sinkOfCheckpoints(
    {
      urn: 'jetbeam:io:kv:write:v1',
      label: o.label,
      identity: { bucket: o.bucket, connection: o.connection ?? 'default' },
      delivery: 'exactlyOnce',
      needsDurableCheckpoints: true,
      jetStream: { connection: o.connection ?? 'default', streams: [`KV_${o.bucket}`] },
      encode: o.encode,
    },
    context => connectSink(o, context),
  )

/** A mirror takes no puts: nothing answers them. */
const requireNoMirror = ({ config: { mirror } }: StreamInfo, bucket: string, label: string): void => {
  if (mirror === undefined) return
  throw new JetStreamIOError(
    'UnsafeDestination',
    `${label}: the bucket ${bucket} is a mirror, which nothing can be put into. Write to the bucket that it mirrors: ${mirror.name.replace(/^KV_/, '')}.`,
  )
}

type Outcome =
  | { readonly _tag: 'stored' }
  | { readonly _tag: 'conflict' }
  | { readonly _tag: 'doubtful'; readonly error: Error }
  | { readonly _tag: 'failed'; readonly error: Error }

const connectSink = async <A>(o: KvSinkOptions<A>, context: SinkContext): Promise<ConnectedSink> => {
  const link = await acquire(context, o.connection, 'write')
  try {
    return countingReconnects(link, await connected(o, context, link))
  } catch (error) {
    await link.release()
    throw error
  }
}

const connected = async <A>(o: KvSinkOptions<A>, context: SinkContext, link: Link): Promise<ConnectedSink> => {
  const { label, bucket } = o
  const stream = `KV_${bucket}`
  const info = await persistently({ what: label, signal: context.signal, link }, () => streamInfo(link, stream, label))
  requireNoMirror(info, bucket, label)
  o.limits?.learn([{ stream, subjects: ['>'], maxBytes: maxBytesOf(link, info) }])
  const destination: Destination = { label, stream, subject: null, connection: o.connection ?? 'default', alone: false }
  const readBack = filtersReadBack(context.sources, destination)
  // Who watches some keys may put others.
  const every = `$KV.${bucket}.>`
  requireNoLoop(readBack, destination, readBack?.includes(every) === true ? every : null)
  const ways = await persistently({ what: label, signal: context.signal, link }, () =>
    waysBack(link, info, destination, readsOf(context.sources, destination)),
  )
  requireNoWayBack(ways, destination, null)
  const counts = { put: 0, conflicts: 0, again: 0 }
  const latency = new LatencyRecorder()
  let inFlight = 0

  /** A request whose connection is cut is never answered: `lost` rejects then. */
  const whileConnected = async <B>(work: (lost: Promise<never>) => Promise<B>): Promise<B> => {
    let stop = (): void => undefined
    const lost = new Promise<never>((_, reject) => {
      const cut = (): void => reject(new Error(`the connection to ${link.address} was lost`))
      stop = link.listen(event => event !== 'reconnected' && cut())
    })
    lost.catch(() => undefined)
    try {
      return await work(lost)
    } finally {
      stop()
    }
  }

  /** `revision`: that of a deletion, for a put that expects no key. */
  const putRow = async (
    outputs: OutputBatch,
    i: number,
    name: string,
    lost: Promise<never>,
    revision: number | null = null,
  ): Promise<Outcome> => {
    const [subject = '', payload = new Uint8Array(0), given] = [outputs.destinations[i], outputs.payloads[i], outputs.headers[i] ?? null]
    if (!context.lease.held()) return { _tag: 'doubtful', error: new Error('the lease of this job is in doubt') }
    if (!link.isConnected() && !link.nc.isClosed()) return { _tag: 'doubtful', error: new Error(`not connected to ${link.address}`) }
    const headers = makeHeaders()
    for (const [key, values] of Object.entries(given ?? {})) for (const value of values) headers.append(key, value)
    if (headers.has(expectedHeader)) headers.set(nameHeader, name)
    if (revision !== null) headers.set(expectedHeader, String(revision))
    const since = performance.now()
    try {
      const { data } = await Promise.race([link.nc.request(subject, payload, { headers, timeout: ackTimeoutMs }), lost])
      const ack = parsePubAck(data)
      latency.record(performance.now() - since)
      if (ack._tag === 'stored') return { _tag: 'stored' }
      if (isConflict(ack.errorCode)) {
        const last = await newestOf(subject, Number(headers.get(expectedHeader)))
        const told = last === null ? null : readableHeaders(last)
        if (told?.get(nameHeader) === name) return { _tag: 'stored' }
        const isGone = last !== null && deletions.has(told?.get('KV-Operation') ?? '')
        return isGone && headers.get(expectedHeader) === '0' ? await putRow(outputs, i, name, lost, last.seq) : { _tag: 'conflict' }
      }
      const error = new JetStreamIOError('PublishRejected', `${label}: the bucket refuses ${subject}: ${refusalText(ack)}`)
      return mayPass(ack.code, ack.errorCode, ack.description) ? { _tag: 'doubtful', error } : { _tag: 'failed', error }
    } catch (error) {
      if (link.nc.isClosed()) return { _tag: 'failed', error: link.whyClosed(label) }
      const refused = refusalIn(error)
      if (refused !== null) return { _tag: 'failed', error: notPermitted(label, refused) }
      return { _tag: 'doubtful', error: asError(error) }
    }
  }

  /** A newer message than was expected shows a conflict. An older one, or none, may be what a former leader answers: it is asked for again. */
  const newestOf = async (subject: string, expected: number): Promise<StoredMsg | null> => {
    const last = await link.jsm.streams.getMessage(stream, { last_by_subj: subject })
    if (info.config.num_replicas <= 1 || (last?.seq ?? 0) > expected) return last
    await sleep(leaderSettlesMs, context.signal)
    return link.jsm.streams.getMessage(stream, { last_by_subj: subject })
  }

  const onConflict = (subject: string, expected: string): void => {
    const key = subject.slice(`$KV.${bucket}.`.length)
    const text = `${label}: the key ${key} is no longer at revision ${expected}: somebody has put it since`
    if (o.onConflict === 'fail')
      throw new JetStreamIOError(
        'RevisionConflict',
        `${text}. Read the newest revision (KvIO.watch), or pass over such puts: onConflict: 'skip'.`,
      )
    counts.conflicts++
    context.log('warn', `${text}; this put is passed over`)
  }

  /** The end of what may be under way at once from `from`: a key that expects a revision is there once. */
  const windowEnd = (outputs: OutputBatch, from: number): number => {
    const expecting = new Map<string, boolean>()
    let i = from
    for (; i < outputs.destinations.length && i - from < windowPuts; i++) {
      const subject = outputs.destinations[i] ?? ''
      const expects = outputs.headers[i]?.[expectedHeader] !== undefined
      const before = expecting.get(subject)
      if (before !== undefined && (before || expects)) break
      expecting.set(subject, expects)
    }
    return i
  }

  const putAll = async (outputs: OutputBatch, nameOf: (i: number) => string): Promise<void> => {
    let fruitless = 0
    let since = Date.now()
    for (let from = 0; from < outputs.destinations.length;) {
      if (!context.lease.held()) {
        await context.lease.whenHeld()
        since = Date.now()
      }
      const to = windowEnd(outputs, from)
      const rows = Array.from({ length: to - from }, (_, n) => from + n)
      inFlight += rows.length
      const outcomes = await whileConnected(lost => Promise.all(rows.map(i => putRow(outputs, i, nameOf(i), lost)))).finally(
        () => (inFlight -= rows.length),
      )
      const doubtful = outcomes.findIndex(({ _tag }) => _tag === 'doubtful')
      const settled = doubtful < 0 ? outcomes : outcomes.slice(0, doubtful)
      for (const [n, outcome] of settled.entries()) {
        if (outcome._tag === 'failed') throw outcome.error
        if (outcome._tag === 'conflict')
          onConflict(outputs.destinations[from + n] ?? '', outputs.headers[from + n]?.[expectedHeader]?.[0] ?? '')
        else counts.put++
      }
      if (settled.length > 0) {
        fruitless = 0
        since = Date.now()
      }
      // From the first doubtful one on all is put again, so that the newest of a key is the last.
      from += settled.length
      const doubt = outcomes[doubtful]
      if (doubt?._tag === 'doubtful') await beforeNext(doubt.error, fruitless++, since)
    }
  }

  const beforeNext = async (error: Error, fruitless: number, since: number): Promise<void> => {
    counts.again++
    if (context.signal.aborted) throw new JetStreamIOError('Closed', `${label}: stopped.`)
    // A bucket that was deleted is named; a server that is away is waited for.
    await streamInfo(link, stream, label).catch((asked: unknown) => {
      if (asked instanceof JetStreamIOError) throw asked
    })
    if (Date.now() - since > link.patienceMs)
      throw new JetStreamIOError(
        'ServerUnavailable',
        `${label}: the NATS server took no put for ${link.patienceMs / 1_000} s: ${errorText(error)}. Once it is up, start the run again: it goes on from its checkpoint.`,
        { cause: error },
      )
    await sleep(settleMs + pauseMs(fruitless), context.signal)
  }

  return commitsOnly(label, {
    written: new Map([[stream, info.created]]),
    protocol: { _tag: 'upserts' },
    way: 'upserts',
    guarantee: `${label}: exactly once by key. Puts are made once their checkpoint is durable; after a failure those of the last checkpoint are made again, which leaves each key as it was, unless others put the same keys: then give puts the revision that they expect.`,
    commit: async (id, outputs) => {
      if (readBack !== null) for (const subject of outputs.destinations) requireNoLoop(readBack, destination, subject)
      if (ways.length > 0) for (const subject of outputs.destinations) requireNoWayBack(ways, destination, subject)
      await putAll(outputs, i => putName(context, id, i))
    },
    close: () => link.release(),
    metrics: () => ({ ...counts, inFlight }),
    latency: () => latency.told(),
  })
}

/** The same for the same output of the same run. */
const putName = ({ runId, sinkId }: SinkContext, { shard, generation, epoch }: CommitId, i: number): string =>
  `${shortHash(`${runId}/${sinkId}/${shard}`)}.${generation}.${epoch}.${i}`
