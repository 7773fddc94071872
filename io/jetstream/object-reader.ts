// An object's bytes: its chunks, one after the other from the stream's leader, held against the digest.
import { constants } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { Link } from './connections.ts'
import { JetStreamIOError, errorText } from './errors.ts'
import { type ObjectInfo, base64Url, chunkSubject, objectStream } from './object-info.ts'
import { field } from './fields.ts'

export type ObjectReader = (info: ObjectInfo, signal: AbortSignal) => Promise<Uint8Array>

const askTimeoutMs = 5_000
const noMessageFound = 10_037

/** Rejects with ObjectGone or ObjectDamaged; with anything else where asking again may help. */
export const objectReaderOf =
  (link: Link, label: string): ObjectReader =>
  async (info, signal) => {
    if (info.isDeleted) throw gone(info, label, 'it was deleted')
    if (info.size > constants.MAX_LENGTH) throw damaged(info, label, `it is said to have ${info.size} bytes, more than memory can hold`)
    const data = new Uint8Array(info.size)
    const hash = createHash('sha256')
    let [length, sequence] = [0, 0]
    for (let n = 0; n < info.chunks; n++) {
      signal.throwIfAborted()
      const chunk = await nextChunk(link, info, sequence + 1)
      if (chunk === null) throw gone(info, label, `${n} of its ${info.chunks} chunks are there: it was deleted, or put again`)
      if (length + chunk.data.length > data.length) throw damaged(info, label, 'its chunks are longer than it is')
      data.set(chunk.data, length)
      hash.update(chunk.data)
      length += chunk.data.length
      sequence = chunk.sequence
    }
    if (length !== info.size) throw damaged(info, label, `its chunks have ${length} bytes of ${info.size}`)
    const digest = `SHA-256=${base64Url(hash.digest())}`
    if (unpadded(digest) !== unpadded(info.digest)) throw damaged(info, label, `its digest is ${digest} and should be ${info.digest}`)
    return data
  }

const unpadded = (digest: string): string => {
  let end = digest.length
  while (digest[end - 1] === '=') end--
  return digest.slice(0, end)
}

const gone = ({ bucket, name }: ObjectInfo, label: string, reason: string): JetStreamIOError =>
  new JetStreamIOError('ObjectGone', `${label}: the object ${name} of the bucket ${bucket} cannot be had as it was: ${reason}.`)

const damaged = ({ bucket, name }: ObjectInfo, label: string, reason: string): JetStreamIOError =>
  new JetStreamIOError('ObjectDamaged', `${label}: the object ${name} of the bucket ${bucket} is damaged: ${reason}. Put it again.`)

interface Chunk {
  readonly data: Uint8Array
  readonly sequence: number
}

/** The first at `from` or behind it; null: there is none. */
const nextChunk = async (link: Link, { bucket, nuid }: ObjectInfo, from: number): Promise<Chunk | null> => {
  const subject = `${link.apiPrefix}.STREAM.MSG.GET.${objectStream(bucket)}`
  const query = JSON.stringify({ seq: from, next_by_subj: chunkSubject(bucket, nuid) })
  const answer: unknown = (await link.nc.request(subject, query, { timeout: askTimeoutMs })).json()
  const [message, error] = [field(answer, 'message'), field(answer, 'error')]
  const [data, sequence] = [field(message, 'data'), field(message, 'seq')]
  if (field(error, 'err_code') === noMessageFound) return null
  if (typeof sequence === 'number') return { data: Buffer.from(typeof data === 'string' ? data : '', 'base64'), sequence }
  throw new Error(`the server gave no chunk: ${errorText(field(error, 'description') ?? 'no reason given')}`)
}
