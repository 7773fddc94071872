// Object stores: what is in a bucket and what changes there, objects' bytes, and objects to put.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { PCollection, PDone } from '../../sdk/graph/pcollection.ts'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { Failure, Retry } from '../../sdk/model/failure.ts'
import { type Duration, seconds } from '../../sdk/model/time.ts'
import { type Call, type ConnectedClient, mapAsyncThrough, tryMapAsyncThrough } from '../../sdk/transforms/map-async.ts'
import { Splittable } from '../../sdk/transforms/splittable.ts'
import { check } from '../settings/check.ts'
import { labelOf, namedLabel, orThrow } from './configuration-error.ts'
import { acquire } from './connections.ts'
import { JetStreamIOError } from './errors.ts'
import { givenBytes } from './given-value.ts'
import { objectSchema } from './jetstream-keys.ts'
import { type StreamMessage, type Undecodable, refusedFor, undecodable } from './message.ts'
import { type ObjectInfo, infoIn, infoSubject, infoSubjects, objectStream } from './object-info.ts'
import { type ObjectReader, objectReaderOf } from './object-reader.ts'
import { objectSinkOf } from './object-sink.ts'
import type { Output } from './output-row.ts'
import { StartAt, StopAt } from './read-options.ts'
import { plainRead, sourceOf } from './source.ts'
import { requireSubject } from './subject.ts'
import { type OnRejected, writeNode } from './write-node.ts'

/** Which bucket. */
export interface ObjectStoreOptions {
  /** Its name; it must exist. */
  readonly bucket: string
  /** What a source or sink is called in errors and checkpoints: its verb and bucket unless told, as ObjectStoreIO.write(BUCKET). */
  readonly name?: string | undefined
  /** The name of the connection: 'default' unless told. */
  readonly connection?: string | undefined
}

/** How objects are got. */
export interface GetOptions extends ObjectStoreOptions {
  /** How many are got at once in a task: 4 unless told. Each is held in memory. */
  readonly concurrency?: number | undefined
  /** How long one may take: 60 s unless told. */
  readonly timeout?: Duration | undefined
  /** They come out in their elements' order, unless false. */
  readonly ordered?: boolean | undefined
  /** Three attempts unless told, but for what is gone or damaged. */
  readonly retry?: Retry<unknown> | undefined
}

/** An object to put. */
export interface ObjectPut {
  /** Under which it is found: any text. */
  readonly name: string
  /** Its bytes. */
  readonly data: Uint8Array
}

/** What `ObjectStoreIO.write` puts, and where. */
export interface ObjectWriteOptions extends ObjectStoreOptions {
  /**
   * Sink for objects that cannot be put, each with the reason: the name is empty or too long, or the data is not bytes. Without it, the
   * first one ends the run. A fault of the server ends the run in any case.
   */
  readonly onRejected?: OnRejected<ObjectPut> | undefined
}

const settingsOf = (o: ObjectStoreOptions, verb: string, inCode: ReadonlyArray<string> = []) => {
  const label = labelOf(`ObjectStoreIO.${verb}`, o.bucket)
  return { label, ...orThrow(label, check<ObjectStoreOptions>(objectSchema, o, { prefix: '', inCode })) }
}

const infos = (o: ObjectStoreOptions, verb: 'list' | 'watch'): PCollection<Either<Undecodable, ObjectInfo>> => {
  const { label, bucket, connection } = settingsOf(o, verb)
  const source = sourceOf({
    ...plainRead,
    stream: objectStream(bucket),
    label,
    filters: [infoSubjects(bucket)],
    start: StartAt.lastPerSubject,
    stop: verb === 'list' ? StopAt.end : null,
    connection,
  })
  const decode = (raw: StreamMessage): Either<Undecodable, ObjectInfo> => {
    const info = infoIn(bucket, raw)
    return E.isRight(info) ? info : E.left(undecodable(raw, refusedFor(raw, info.left)))
  }
  return Splittable.source({ source, decode, timestamp: (_, raw) => raw.publishedAt, name: o.name })
}

const list = (o: ObjectStoreOptions): PCollection<Either<Undecodable, ObjectInfo>> => infos(o, 'list')
const watch = (o: ObjectStoreOptions): PCollection<Either<Undecodable, ObjectInfo>> => infos(o, 'watch')

const mayHelp = (error: unknown): boolean =>
  !(error instanceof JetStreamIOError && (error._tag === 'ObjectGone' || error._tag === 'ObjectDamaged'))

const got = (o: GetOptions, verb: string) => {
  const { label, connection } = settingsOf(o, verb, ['concurrency', 'timeout', 'ordered', 'retry'])
  const connect = async (context: HostContext): Promise<ConnectedClient<ObjectReader>> => {
    const link = await acquire(context, connection, 'read')
    return { client: objectReaderOf(link, label), close: link.release }
  }
  const f = async (
    info: ObjectInfo,
    { client, signal }: Call & { readonly client: ObjectReader },
  ): Promise<readonly [ObjectInfo, Uint8Array]> => [info, await client(info, signal)]
  const { concurrency = 4, timeout = seconds(60), ordered, retry = { attempts: 3, while: mayHelp } } = o
  return [
    { label, connect, f },
    { concurrency, timeout, ordered, retry },
  ] as const
}

const get = (o: GetOptions): ((pc: PCollection<ObjectInfo>) => PCollection<readonly [ObjectInfo, Uint8Array]>) =>
  mapAsyncThrough(...got(o, 'get'))

const tryGet = (
  o: GetOptions,
): ((pc: PCollection<ObjectInfo>) => PCollection<Either<Failure<ObjectInfo>, readonly [ObjectInfo, Uint8Array]>>) =>
  tryMapAsyncThrough(...got(o, 'tryGet'))

const write = (o: ObjectWriteOptions): ((pc: PCollection<ObjectPut>) => PDone) => {
  const { label, bucket, connection } = settingsOf(o, 'write', ['onRejected'])
  const outputOf = ({ name, data }: ObjectPut): Output => {
    if (name === '') throw new JetStreamIOError('InvalidOptions', `${label}: an object has no name.`)
    requireSubject(infoSubject(bucket, name), label)
    return { to: name, headers: null, payload: givenBytes(label, data, 'data') }
  }
  const options = { bucket, label: namedLabel(label, o.name), connection }
  const { name, onRejected } = o
  // Objects of any size are stored in chunks: the server's limit is no limit of theirs.
  return writeNode({ label, name, outputOf, onRejected, sinkOf: encode => objectSinkOf({ ...options, encode }) })
}

/**
 * NATS object stores: large values under names, in chunks.
 *
 * What is in a bucket is told by infos, of which `get` gets the bytes. Throws a ConfigurationError for a name that no bucket can have.
 */
export const ObjectStoreIO = Object.freeze({
  /**
   * The infos of what is in a bucket when the run begins, deletions included.
   *
   * @example
   * const there = pipe(ObjectStoreIO.list({ bucket: 'images' }), PCollection.orFail, PCollection.filter(info => !info.isDeleted))
   * pipe(there, ObjectStoreIO.get({ bucket: 'images' }), PCollection.map(([info, data]) => `${info.name}: ${data.length}`))
   */
  list,
  /**
   * The newest info of each object, then every change, for ever. A checkpoint holds the position.
   *
   * @example
   * pipe(ObjectStoreIO.watch({ bucket: 'images' }), PCollection.orFail, PCollection.map(info => info.name))
   */
  watch,
  /**
   * Each info with its object's bytes, checked against the digest. Ends the run with ObjectGone where it was deleted or put again
   * meanwhile, and with ObjectDamaged where chunks and digest do not match.
   *
   * @example
   * const there = pipe(ObjectStoreIO.list({ bucket: 'images' }), PCollection.orFail)
   * pipe(there, ObjectStoreIO.get({ bucket: 'images', concurrency: 8 }))
   */
  get,
  /**
   * As `get`, but what cannot be had becomes a Left with its info.
   *
   * @example
   * const there = pipe(ObjectStoreIO.list({ bucket: 'images' }), PCollection.orFail)
   * pipe(there, ObjectStoreIO.tryGet({ bucket: 'images' }), PCollection.filterMap(O.getRight))
   */
  tryGet,
  /**
   * Puts each object under its name, in place of what was there, with the checkpoint that holds it: exactly once by name. After a crash an
   * object that is there already is left alone. Checkpoints hold the bytes, and so does memory. Needs a checkpoint store.
   *
   * @example
   * const images = pipe(texts, PCollection.map(text => ({ name: text, data: new TextEncoder().encode(text) })))
   * pipe(images, ObjectStoreIO.write({ bucket: 'images' }))
   */
  write,
})
