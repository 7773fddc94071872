// A key-value bucket as a collection: its entries as they are, then every change. A bucket is a stream with a subject for each key.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { Decoder } from '../../sdk/coders/index.ts'
import type { PCollection } from '../../sdk/graph/pcollection.ts'
import type { Instant } from '../../sdk/model/time.ts'
import { Splittable } from '../../sdk/transforms/splittable.ts'
import { check } from '../settings/check.ts'
import { orThrow } from './configuration-error.ts'
import { kvSchema } from './jetstream-keys.ts'
import { type StreamMessage, type Undecodable, undecodable } from './message.ts'
import { pullDefaults } from './pull-window.ts'
import { StartAt } from './read-options.ts'
import { sourceOf } from './source.ts'

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

/** By the server's markers of 2.11 and later, and by what clients write. */
const isDeletion = ({ headers }: StreamMessage): boolean => {
  const operation = headers['KV-Operation']?.[0]
  return operation === 'DEL' || operation === 'PURGE' || headers['Nats-Marker-Reason'] !== undefined
}

const watch = <V>(o: WatchOptions<V>): PCollection<Either<Undecodable, KvEntry<V>>> => {
  const label = `KvIO.watch(${o.bucket})`
  const { bucket, keys, connection } = orThrow(label, check<WatchSettings>(kvSchema, o, { prefix: '', inCode: ['coder'] }))
  const prefix = `$KV.${bucket}.`
  const filters = (keys ?? ['>']).map(key => prefix + key)
  const source = sourceOf({
    stream: `KV_${bucket}`,
    label,
    filters,
    start: StartAt.lastPerSubject,
    stop: null,
    splits: 1,
    splitBy: null,
    pull: pullDefaults,
    consumer: null,
    connection,
  })
  const entry = (raw: StreamMessage, value: Option<V>): KvEntry<V> => ({
    key: raw.subject.slice(prefix.length),
    value,
    revision: raw.sequence,
    at: raw.publishedAt,
  })
  const decode = (raw: StreamMessage): Either<Undecodable, KvEntry<V>> => {
    if (isDeletion(raw)) return E.right(entry(raw, O.none))
    const decoded = o.coder.decode(raw.payload)
    return E.isRight(decoded) ? E.right(entry(raw, O.some(decoded.right))) : E.left(undecodable(raw, decoded.left))
  }
  return Splittable.source({ source, decode, timestamp: (_, raw) => raw.publishedAt, name: o.name })
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
})
