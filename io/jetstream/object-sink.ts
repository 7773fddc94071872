// The sink of object stores: each object of a durable checkpoint is stored in chunks under a name of its own, then told by one message,
// which replaces what was told of it before. Stored again, it has the same name: what is there already is found, and half an object is
// cleared away.
import { createHash } from 'node:crypto'
import { headers as makeHeaders } from '@nats-io/nats-core'
import type { CommitId, ConnectedSink, OutputBatch, Sink, SinkContext } from '../../sdk/graph/sink.ts'
import type { HostLease } from '../../sdk/model/bindings.ts'
import { LatencyRecorder } from '../../sdk/model/histogram.ts'
import { commitsOnly, sinkOfCheckpoints } from './checkpointed-sink.ts'
import { type Link, acquire } from './connections.ts'
import { JetStreamIOError } from './errors.ts'
import { base64Url, chunkSubject, infoSubject, objectStream } from './object-info.ts'
import { shortHash } from './output-ids.ts'
import { persistently, requireHeld } from './patience.ts'
import { mayPass } from './api-errors.ts'
import { parsePubAck, refusalText } from './pub-ack.ts'
import { countingReconnects } from './reconnects.ts'
import { field, jsonIn } from './fields.ts'
import { streamInfo } from './stream-info.ts'

export interface ObjectSinkOptions<in A> {
  readonly bucket: string
  readonly label: string
  readonly connection: string | undefined
  readonly encode: (value: A, out: OutputBatch) => void
}

/** As all clients have it. */
const chunkBytes = 128 * 1_024
const chunksAtOnce = 16
const ackTimeoutMs = 10_000
/** In an info: whose chunks go when it is there. */
const replacesHeader = 'Jetbeam-Replaces'

export const objectSinkOf = <A>(o: ObjectSinkOptions<A>): Sink<A> =>
  sinkOfCheckpoints(
    {
      urn: 'jetbeam:io:objects:write:v1',
      label: o.label,
      identity: { bucket: o.bucket, connection: o.connection ?? 'default' },
      delivery: 'exactlyOnce',
      needsDurableCheckpoints: true,
      jetStream: { connection: o.connection ?? 'default', streams: [objectStream(o.bucket)] },
      encode: o.encode,
    },
    context => connectSink(o, context),
  )

const connectSink = async <A>({ bucket, label, connection }: ObjectSinkOptions<A>, context: SinkContext): Promise<ConnectedSink> => {
  const link = await acquire(context, connection, 'write')
  const stream = objectStream(bucket)
  const patiently = <A>(work: () => Promise<A>): Promise<A> =>
    persistently({ what: label, signal: context.signal, link, lease: context.lease }, work)
  try {
    await patiently(() => streamInfo(link, stream, label))
  } catch (error) {
    await link.release()
    throw error
  }
  const counts = { put: 0, found: 0 }
  const latency = new LatencyRecorder()

  /** The chunks of an object that no info tells of. What is no name, or would be many, is left alone: anybody may write infos. */
  const clearAway = async (nuid = ''): Promise<void> => {
    requireHeld(context.lease, label)
    if (/^[^\s.*>]+$/.test(nuid)) await link.jsm.streams.purge(stream, { filter: chunkSubject(bucket, nuid) })
  }

  const put = async (name: string, nuid: string, data: Uint8Array): Promise<void> => {
    const subject = infoSubject(bucket, name)
    const told = await link.jsm.streams.getMessage(stream, { last_by_subj: subject })
    const before = told === null ? null : field(jsonIn(told.data), 'nuid')
    if (before === nuid) {
      counts.found++
      // Whoever put it may have ended before it cleared away what was there.
      return clearAway(told?.header.get(replacesHeader))
    }
    const since = performance.now()
    // Of an attempt that came to nothing.
    await clearAway(nuid)
    const chunks = chunkSubject(bucket, nuid)
    const count = Math.ceil(data.length / chunkBytes)
    for (let from = 0; from < count; from += chunksAtOnce)
      await Promise.all(
        Array.from({ length: Math.min(chunksAtOnce, count - from) }, (_, n) =>
          publish({ link, label, lease: context.lease }, chunks, data.subarray((from + n) * chunkBytes, (from + n + 1) * chunkBytes), null),
        ),
      )
    const digest = `SHA-256=${base64Url(createHash('sha256').update(data).digest())}`
    const info = {
      name,
      bucket,
      nuid,
      size: data.length,
      chunks: count,
      digest,
      mtime: new Date().toISOString(),
      options: { max_chunk_size: chunkBytes },
    }
    const replaced = typeof before === 'string' ? before : ''
    await publish({ link, label, lease: context.lease }, subject, new TextEncoder().encode(JSON.stringify(info)), replaced)
    counts.put++
    latency.record(performance.now() - since)
    await clearAway(replaced)
  }

  const sink = commitsOnly(label, {
    protocol: { _tag: 'objects' },
    way: 'objects',
    guarantee: `${label}: exactly once by name. Objects are put once their checkpoint is durable; after a failure those of the last checkpoint are put again where they are not there.`,
    commit: async (id, { destinations, payloads }) => {
      for (const [i, name] of destinations.entries())
        await patiently(() => put(name, nuidOf(context, id, i), payloads[i] ?? new Uint8Array(0)))
    },
    close: () => link.release(),
    metrics: () => ({ ...counts }),
    latency: () => latency.told(),
  })
  return countingReconnects(link, sink)
}

/** The same for the same output of the same run. */
const nuidOf = ({ runId, sinkId }: SinkContext, { shard, generation, epoch }: CommitId, i: number): string =>
  `${shortHash(`${runId}/${sinkId}/${shard}`)}-${generation}-${epoch}-${i}`

/** `replaces`: of an info, the object that it is told instead of; '': none. Rejects with PublishRejected for what the stream will never take. */
const publish = async (
  { link, label, lease }: { readonly link: Link; readonly label: string; readonly lease: HostLease },
  subject: string,
  payload: Uint8Array,
  replaces: string | null,
): Promise<void> => {
  requireHeld(lease, label)
  const headers = makeHeaders()
  if (replaces !== null) headers.set('Nats-Rollup', 'sub')
  if (replaces) headers.set(replacesHeader, replaces)
  const ack = parsePubAck((await link.nc.request(subject, payload, { headers, timeout: ackTimeoutMs })).data)
  if (ack._tag === 'stored') return
  const text = `${label}: the bucket refuses ${payload.length} bytes to ${subject}: ${refusalText(ack)}`
  throw mayPass(ack.code, ack.errorCode, ack.description) ? new Error(text) : new JetStreamIOError('PublishRejected', text)
}
