// Bytes of any length as messages: pieces of one size, numbered below one subject, that are written once.
import { createHash } from 'node:crypto'
import type { StoredMsg } from '@nats-io/jetstream'
import { type Link, placeOf } from './jetstream-link.ts'
import { pieceBytes } from './jetstream-place.ts'
import type { CheckpointError, Segment } from './store.ts'

export type Written = Pick<Segment, 'bytes' | 'checksum'>

/** How pieces are read: from any replica, if the stream allows it. */
export interface Reading {
  readonly link: Link
  readonly allowsDirect: boolean
}

/** Durable, as far as the server's acknowledgments are, when it resolves. What was half written has then been removed or will be at the next opening. */
export const writeObject = async (link: Link, subject: string, content: ReadonlyArray<Uint8Array>): Promise<Written> => {
  const hash = createHash('sha256')
  const failures: Array<unknown> = []
  const underWay = new Set<Promise<void>>()
  let bytes = 0
  let ordinal = 0
  for (const piece of piecesOf(content)) {
    // No more pieces are made than can be sent.
    await link.window.enter()
    hash.update(piece)
    bytes += piece.length
    const to = `${subject}.${ordinal++}`
    // Sent again after a doubt, it replaces itself.
    const sent = link
      .patiently('write a checkpoint', () => link.publish(to, piece))
      .then(
        () => undefined,
        (error: unknown) => void failures.push(error),
      )
      .finally(() => {
        link.window.leave()
        underWay.delete(sent)
      })
    underWay.add(sent)
    if (failures.length > 0) break
  }
  await Promise.all(underWay)
  if (failures.length === 0) return { bytes, checksum: hash.digest('hex') }
  // The failure is what matters: what stays is removed when the job is opened again.
  await removeObject(link, subject).catch(() => undefined)
  throw failures[0]
}

/** Rejects with `damaged` unless it has its length and checksum. */
export const readObject = async (
  { link, allowsDirect }: Reading,
  subject: string,
  { bytes, checksum }: Written,
  damaged: (where: string, why: string) => CheckpointError,
): Promise<Uint8Array> => {
  const where = `${subject} in ${placeOf(link)}`
  const content = new Uint8Array(bytes)
  const pieces = Math.ceil(bytes / pieceBytes)
  const hash = createHash('sha256')
  const read = async (ordinal: number): Promise<void> => {
    const at = ordinal * pieceBytes
    await link.window.enter()
    const data = await readLast(link, `${subject}.${ordinal}`, allowsDirect).finally(link.window.leave)
    if (data === null) throw damaged(where, `piece ${ordinal} of ${pieces} is missing`)
    if (data.length !== Math.min(pieceBytes, bytes - at)) throw damaged(where, `piece ${ordinal} of ${pieces} has ${data.length} bytes`)
    content.set(data, at)
  }
  for (let from = 0; from < pieces; from += piecesAtOnce) {
    const to = Math.min(from + piecesAtOnce, pieces)
    await Promise.all(Array.from({ length: to - from }, (_, i) => read(from + i)))
    // In turns, so that hashing a large one does not hold up the thread.
    hash.update(content.subarray(from * pieceBytes, to * pieceBytes))
  }
  if (hash.digest('hex') !== checksum) throw damaged(where, 'its content does not match its checksum')
  return content
}

const piecesAtOnce = 16

/** A replica may be behind, or have gone: what it does not have the leader is asked for. */
const readLast = async (link: Link, subject: string, allowsDirect: boolean): Promise<Uint8Array | null> => {
  const query = { last_by_subj: subject }
  if (allowsDirect) {
    const found = await link.once(() => link.jsm.direct.getMessage(link.stream, query)).catch(() => null)
    if (found !== null) return found.data
  }
  return (await lastOf(link, subject))?.data ?? null
}

/** The last message on a subject, by the stream's leader. */
export const lastOf = (link: Link, subject: string, budgetMs?: number): Promise<StoredMsg | null> =>
  link.patiently(`read ${subject}`, () => link.jsm.streams.getMessage(link.stream, { last_by_subj: subject }), budgetMs)

/** Once. */
export const removeObject = async (link: Link, subject: string): Promise<void> => {
  await link.once(() => link.jsm.streams.purge(link.stream, { filter: `${subject}.>` }))
}

const piecesOf = function* (content: ReadonlyArray<Uint8Array>): Generator<Uint8Array> {
  let gathered: Array<Uint8Array> = []
  let bytes = 0
  for (const block of content)
    for (let at = 0; at < block.length;) {
      const part = block.subarray(at, at + pieceBytes - bytes)
      gathered.push(part)
      bytes += part.length
      at += part.length
      if (bytes === pieceBytes) {
        yield gathered.length === 1 ? part : Buffer.concat(gathered, bytes)
        gathered = []
        bytes = 0
      }
    }
  if (bytes > 0) yield Buffer.concat(gathered, bytes)
}
