// What a bucket of an object store says of an object: a message on a subject of its own, beside the chunks that hold its bytes.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Instant } from '../../sdk/model/time.ts'
import type { StreamMessage } from './message.ts'
import { field, isCount, jsonIn } from './fields.ts'

/** An object of a bucket, as it was at `at`. */
export interface ObjectInfo {
  /** The name of its bucket. */
  readonly bucket: string
  /** Under which it was put. */
  readonly name: string
  /** Of the object, in bytes. */
  readonly size: number
  /** How many messages hold it. */
  readonly chunks: number
  /** By which its chunks are found: another one each time that it is put. */
  readonly nuid: string
  /** Of its bytes: SHA-256, as `SHA-256=` and base64url. */
  readonly digest: string
  /** It was deleted: nothing is there to get. */
  readonly isDeleted: boolean
  /** When it was put or deleted: its event time. */
  readonly at: Instant
}

/** Base64 for URLs, with its padding: as the clients of NATS write names and digests. */
export const base64Url = (bytes: string | Uint8Array): string => {
  const text = Buffer.from(bytes).toString('base64url')
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

export const objectStream = (bucket: string): string => `OBJ_${bucket}`
export const infoSubjects = (bucket: string): string => `$O.${bucket}.M.>`
export const infoSubject = (bucket: string, name: string): string => `$O.${bucket}.M.${base64Url(name)}`
export const chunkSubject = (bucket: string, nuid: string): string => `$O.${bucket}.C.${nuid}`

/** A Left says what is wrong. */
export const infoIn = (bucket: string, { payload, publishedAt }: StreamMessage): Either<string, ObjectInfo> => {
  const told = jsonIn(payload)
  const [name, nuid, digest, size, chunks] = ['name', 'nuid', 'digest', 'size', 'chunks'].map(key => field(told, key))
  const isDeleted = field(told, 'deleted') === true
  if (typeof name !== 'string' || typeof nuid !== 'string') return E.left('it tells no object: name and nuid are missing')
  if (!isCount(size) || !isCount(chunks)) return E.left(`the object ${name} has no size or no number of chunks`)
  return E.right({ bucket, name, nuid, size, chunks, digest: typeof digest === 'string' ? digest : '', isDeleted, at: publishedAt })
}
