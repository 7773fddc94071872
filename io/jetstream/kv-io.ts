// A key-value bucket as a collection: its entries as they are, then every change. A bucket is a stream with a subject for each key.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { Decoder, Encoder } from '../../sdk/coders/index.ts'
import type { PCollection, PDone } from '../../sdk/graph/pcollection.ts'
import type { Instant } from '../../sdk/model/time.ts'
import { Splittable } from '../../sdk/transforms/splittable.ts'
import { check } from '../settings/check.ts'
import { labelOf, namedLabel, orThrow } from './configuration-error.ts'
import { givenBytes } from './given-value.ts'
import { putSchema, watchSchema } from './jetstream-keys.ts'
import { type KvPut, requirePut } from './kv-put.ts'
import { type ConflictPolicy, expectedHeader, kvSinkOf } from './kv-sink.ts'
import { type StreamMessage, type Undecodable, refusedFor, undecodable } from './message.ts'
import type { Output } from './output-row.ts'
import { StartAt } from './read-options.ts'
import { plainRead, sourceOf } from './source.ts'
import { requireSubject } from './subject.ts'
import { type OnRejected, writeNode } from './write-node.ts'

/** A `key`'s value as of one `revision` of its bucket. */
export interface KvEntry<out V> {
  readonly key: string
  /** None: it was deleted, or has expired. */
  readonly value: Option<V>
  readonly revision: number
  /** When it was written: its event time. */
  readonly at: Instant
}

/** What of a watch is data: what a configuration can tell. */
export interface WatchSettings {
  /** Its name. */
  readonly bucket: string
  /** Only these keys; wildcards are allowed, overlaps are not. All, if it is left out. */
  readonly keys?: ReadonlyArray<string> | undefined
  /** What the source is called in errors and checkpoints: KvIO.watch(BUCKET) unless told. */
  readonly name?: string | undefined
  /** The name of the connection: 'default' unless told. */
  readonly connection?: string | undefined
}

/** What `KvIO.watch` reads. `V`: what the coder gives. */
export interface WatchOptions<V> extends WatchSettings {
  /** From an entry's bytes. */
  readonly coder: Decoder<V>
}

/** Where `KvIO.write` puts. */
export interface PutSettings {
  /** Its name; it must exist. */
  readonly bucket: string
  /** What to do with a put whose key is not at the expected revision: 'fail' (default) ends the run, 'skip' logs and counts it. */
  readonly onConflict?: ConflictPolicy | undefined
  /** What the sink is called in errors and checkpoints: KvIO.write(BUCKET) unless told. */
  readonly name?: string | undefined
  /** The name of the connection: 'default' unless told. */
  readonly connection?: string | undefined
}

/** What `KvIO.write` puts into which bucket. `V`: what the coder takes. */
export interface PutIntoOptions<V> extends PutSettings {
  /** To an entry's bytes. */
  readonly coder: Encoder<V>
  /**
   * Sink for puts that the bucket cannot take, each with the reason: the coder throws, the key is invalid or too long, the revision is no number, or the
   * entry is larger than the server or the bucket takes.
   * Without it, the first one ends the run. A fault of the server ends the run in any case.
   */
  readonly onRejected?: OnRejected<KvPut<V>> | undefined
}

/** By the server's markers of 2.11 and later, and by what clients write. */
const isDeletion = ({ headers }: StreamMessage): boolean => {
  const operation = headers['KV-Operation']?.[0]
  return operation === 'DEL' || operation === 'PURGE' || headers['Nats-Marker-Reason'] !== undefined
}

/** In a mirror of a bucket, subjects have the name of the bucket that it mirrors: `$KV.BUCKET.KEY`. */
const keyOf = (subject: string): string => subject.slice(subject.indexOf('.', '$KV.'.length) + 1)

const watch = <V>(o: WatchOptions<V>): PCollection<Either<Undecodable, KvEntry<V>>> => {
  const label = labelOf('KvIO.watch', o.bucket)
  const { bucket, keys, connection } = orThrow(label, check<WatchSettings>(watchSchema, o, { prefix: '', inCode: ['coder'] }))
  const filters = (keys ?? ['>']).map(key => `$KV.${bucket}.${key}`)
  const source = sourceOf({
    ...plainRead,
    stream: `KV_${bucket}`,
    label,
    filters,
    start: StartAt.lastPerSubject,
    connection,
  })
  const entry = (raw: StreamMessage, value: Option<V>): KvEntry<V> => ({
    key: keyOf(raw.subject),
    value,
    revision: raw.sequence,
    at: raw.publishedAt,
  })
  const decode = (raw: StreamMessage): Either<Undecodable, KvEntry<V>> => {
    const refusal = raw.headersRefusal
    if (refusal === null && isDeletion(raw)) return E.right(entry(raw, O.none))
    const decoded = refusal === null ? o.coder.decode(raw.payload) : E.left(refusedFor(raw, refusal))
    return E.isRight(decoded) ? E.right(entry(raw, O.some(decoded.right))) : E.left(undecodable(raw, decoded.left))
  }
  return Splittable.source({ source, decode, timestamp: (_, raw) => raw.publishedAt, name: o.name })
}

const nothing = new Uint8Array(0)

const write = <V>(o: PutIntoOptions<V>): ((pc: PCollection<KvPut<V>>) => PDone) => {
  const label = labelOf('KvIO.write', o.bucket)
  const settings = orThrow(label, check<PutSettings>(putSchema, o, { prefix: '', inCode: ['coder', 'onRejected'] }))
  const { bucket, connection, onConflict = putSchema.keys.onConflict.fallback } = settings
  const { coder } = o
  const outputOf = (put: KvPut<V>): Output => {
    requirePut(put, label)
    const to = `$KV.${bucket}.${put.key}`
    requireSubject(to, label)
    const headers: Record<string, ReadonlyArray<string>> = {}
    if (O.isNone(put.value)) headers['KV-Operation'] = ['DEL']
    if (put.expected !== undefined) headers[expectedHeader] = [String(put.expected)]
    return { to, headers, payload: O.isNone(put.value) ? nothing : givenBytes(label, coder.encode(put.value.value)) }
  }
  const options = { bucket, label: namedLabel(label, o.name), connection, onConflict }
  const { name, onRejected } = o
  return writeNode({ label, name, outputOf, onRejected, sinkOf: (encode, limits) => kvSinkOf({ ...options, encode, limits }) })
}

/**
 * NATS key-value buckets.
 *
 * `watch` gives the newest entry of each key, then every change, for ever: a changelog, made for `View.asTable` and `View.asIndex`. A
 * checkpoint holds the position, so a later start goes on with what changed meanwhile. What its coder does not understand is a Left.
 * Throws a ConfigurationError for a name that no bucket can have, and for keys that overlap.
 *
 * @example
 * pipe(
 *   KvIO.watch({ bucket: 'flags', coder: flagCoder }),
 *   PCollection.orFail,
 *   PCollection.map(entry => KV.of(entry.key, entry.value)),
 *   View.asTable,
 * )
 */
export const KvIO = Object.freeze({
  /** The entries of a bucket as they are, then every change. */
  watch,
  /**
   * Puts and deletes keys, in order, with the checkpoint that holds them. Exactly once by key: after a crash the puts of the last
   * checkpoint are made again, which leaves each key as it was; a watcher may see them twice. Who shares keys with other writers gives
   * puts the revision that they expect: one that comes too late ends the run with RevisionConflict, or is passed over, by `onConflict`;
   * one that was made before a crash is known by its name, in the header Jetbeam-Put, as long as nobody has put the key since. Needs a
   * checkpoint store.
   *
   * @example
   * const latest = pipe(views, PCollection.map(view => KvPut.of(view.user, view.page)))
   * pipe(latest, KvIO.write({ bucket: 'pages', coder: Encoder.text() }))
   */
  write,
})
