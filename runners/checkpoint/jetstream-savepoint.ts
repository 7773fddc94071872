// Savepoints in a stream: objects that only one record names, which is written last, once, and never touched again.
//
//   …savepoint.NAME             the record: which id, and the manifest's length and checksum
//   …saving.NAME.ID.manifest.…  the manifest: the content, and the length and checksum of each segment
//   …saving.NAME.ID.0.…         the segments
//   …saving.NAME.ID.writer      who wrote it, for whoever finds it without a record
import { randomUUID } from 'node:crypto'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { holderOf, isGone, thisProcess } from './holder.ts'
import { type Link, placeOf } from './jetstream-link.ts'
import { lastOf, type Reading, readObject, removeObject, writeObject, type Written } from './jetstream-object.ts'
import { type JobPlace, nameIn, subjectsBelow, tokenOf } from './jetstream-place.ts'
import { readRegister, writeRegister } from './jetstream-register.ts'
import { noSuchSavepoint, savepointExists } from './savepoint-name.ts'
import { fieldsOf, isCount, seal, unseal } from './sealed-text.ts'
import { CheckpointError } from './store.ts'

const version = 1
const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

const recordSubject = (place: JobPlace, name: string): string => `${place.savepoints}.${tokenOf(name)}`
const objectSubject = (place: JobPlace, name: string, id: string): string => `${place.saving}.${tokenOf(name)}.${id}`

/** Gives where it lies. */
export const writeSavepoint = async (
  link: Link,
  place: JobPlace,
  name: string,
  segments: ReadonlyArray<Uint8Array>,
  content: unknown,
): Promise<string> => {
  const subject = recordSubject(place, name)
  // Checked for its message; the last write is what decides.
  if ((await readRegister(link, subject)) !== null) throw savepointExists(place.label, name)
  const id = randomUUID()
  const objects = objectSubject(place, name, id)
  const doing = `write the savepoint ${name} of ${JSON.stringify(place.job)}`
  const writer = seal(version, await thisProcess())
  await link.patiently(doing, () => link.publish(`${objects}.writer`, encode(writer)))
  const written: Array<Written> = []
  for (const [i, segment] of segments.entries()) written.push(await writeObject(link, `${objects}.${i}`, [segment]))
  const text = seal(version, { job: place.job, name, segments: written, content })
  const manifest = await writeObject(link, `${objects}.manifest`, [encode(text)])
  const outcome = await writeRegister(link, { subject, text: seal(version, { id, manifest }), expected: 0, doing })
  // Where it may be there it must stay whole.
  if (outcome._tag === 'Refused' || (outcome._tag === 'Failed' && !outcome.mayBeThere))
    await removeObject(link, objects).catch(() => undefined)
  if (outcome._tag === 'Refused') throw savepointExists(place.label, name)
  if (outcome._tag === 'Failed') throw outcome.error
  return `${subject} in ${placeOf(link)} (savepoint ${name})`
}

/** Rejects with `NoSuchSavepoint`, and says which there are; with `Damaged` unless all of it reads back as written. */
export const readSavepoint = async (
  reading: Reading,
  place: JobPlace,
  name: string,
): Promise<{ readonly content: unknown; readonly segments: ReadonlyArray<Uint8Array> }> => {
  const { link } = reading
  const subject = recordSubject(place, name)
  const found = await readRegister(link, subject)
  if (found === null) throw noSuchSavepoint(place.label, name, await savepointNames(link, place))
  const record = E.flatMap(recordOf)(unseal(version, found.text))
  if (E.isLeft(record)) throw damaged(`${subject} in ${placeOf(link)}`, record.left)
  const { id, manifest } = record.right
  const objects = objectSubject(place, name, id)
  const text = new TextDecoder().decode(await readObject(reading, `${objects}.manifest`, manifest, damaged))
  const read = E.flatMap(manifestOf)(unseal(version, text))
  if (E.isLeft(read)) throw damaged(`${objects}.manifest in ${placeOf(link)}`, read.left)
  const segments: Array<Uint8Array> = []
  for (const [i, segment] of read.right.segments.entries()) segments.push(await readObject(reading, `${objects}.${i}`, segment, damaged))
  return { content: read.right.content, segments }
}

/** The objects of savepoints that were never completed and whose writers are gone. One of another host is left alone for a day. */
export const abandonedSavepoints = async (link: Link, place: JobPlace): Promise<ReadonlyArray<string>> => {
  const here = await thisProcess()
  const depth = place.saving.split('.').length + 2
  const found = new Set((await subjectsBelow(link, place.saving)).map(subject => subject.split('.').slice(0, depth).join('.')))
  const abandoned: Array<string> = []
  for (const objects of found) {
    const writer = await lastOf(link, `${objects}.writer`)
    const holder = writer === null ? null : holderOf(E.getOrElse((): unknown => null)(unseal(version, writer.string())))
    const isOver = writer === null || (holder !== null && (await isGone(holder, here))) || Date.now() - writer.time.getTime() > dayMs
    // In this order: who is gone will not complete it any more.
    if (isOver && !(await isRecorded(link, place, objects))) abandoned.push(objects)
  }
  return abandoned
}

const isRecorded = async (link: Link, place: JobPlace, objects: string): Promise<boolean> => {
  const [token = '', id] = objects.slice(place.saving.length + 1).split('.')
  const found = await readRegister(link, `${place.savepoints}.${token}`)
  if (found === null) return false
  const record = E.flatMap(recordOf)(unseal(version, found.text))
  // One that does not read back may name anything.
  return E.isLeft(record) || record.right.id === id
}

const savepointNames = async (link: Link, place: JobPlace): Promise<ReadonlyArray<string>> =>
  (await subjectsBelow(link, place.savepoints)).map(subject => nameIn(subject.slice(place.savepoints.length + 1))).sort()

const recordOf = (value: unknown): Either<string, { readonly id: string; readonly manifest: Written }> => {
  const { id, manifest } = fieldsOf(value)
  const [written] = writtenIn([manifest]) ?? []
  return typeof id === 'string' && written !== undefined ? E.right({ id, manifest: written }) : lacking
}

const manifestOf = (value: unknown): Either<string, { readonly segments: ReadonlyArray<Written>; readonly content: unknown }> => {
  const { segments, content } = fieldsOf(value)
  const written = writtenIn(segments)
  return written === null ? lacking : E.right({ segments: written, content })
}

const lacking = E.left('it lacks what every savepoint has')

/** null unless each of them is one. */
const writtenIn = (value: unknown): ReadonlyArray<Written> | null => {
  if (!Array.isArray(value)) return null
  const all: Array<Written> = []
  for (const item of value) {
    const { bytes, checksum } = fieldsOf(item)
    if (!isCount(bytes) || typeof checksum !== 'string') return null
    all.push({ bytes, checksum })
  }
  return all
}

const damaged = (where: string, why: string): CheckpointError =>
  new CheckpointError(
    'Damaged',
    `The savepoint's ${where} is damaged: ${why}. Restore the stream from a backup, or start from another savepoint.`,
  )

const dayMs = 24 * 60 * 60 * 1_000
