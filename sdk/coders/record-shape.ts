// Records of one kind have the same names in the same order, over and over: their sorted header is made once and kept. The caches are
// of fixed size and hold names only; what they hold never changes what is written or read.
import { ByteReader } from './byte-reader.ts'
import { copyBytes } from './slab.ts'
import { ByteWriter } from './byte-writer.ts'
import { Malformed } from './malformed.ts'
import { readName, writeString } from './structural-string.ts'

/**
 * The names of a record, as they were given and sorted, with their structural encodings in either order, each behind its length. `isSorted`:
 * both are the same.
 */
export interface RecordShape {
  readonly given: ReadonlyArray<string>
  readonly sorted: ReadonlyArray<string>
  readonly header: Uint8Array
  readonly givenHeader: Uint8Array
  readonly isSorted: boolean
}

const slots = 256
const written: Array<RecordShape | undefined> = new Array<RecordShape | undefined>(slots).fill(undefined)
const largestCachedNames = 64

/** The shape of a record with these names, in this order. */
export const shapeOfNames = (names: ReadonlyArray<string>): RecordShape => {
  const count = names.length
  if (count > largestCachedNames) return makeShape(names)
  let hash = count
  for (let i = 0; i < count; i++) {
    const name = names[i] ?? ''
    hash = (hash * 31 + name.length + name.charCodeAt(0)) | 0
  }
  const slot = hash & (slots - 1)
  const kept = written[slot]
  if (kept !== undefined && sameNames(kept.given, names)) return kept
  const made = makeShape(names)
  if (made.header.length <= largestCachedHeader) written[slot] = made
  return made
}

const sameNames = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

const makeShape = (given: ReadonlyArray<string>): RecordShape => {
  const sorted = given.toSorted()
  const header = headerOf(sorted)
  const isSorted = sameNames(given, sorted)
  return { given, sorted, header, givenHeader: isSorted ? header : headerOf(given), isSorted }
}

const headerOf = (all: ReadonlyArray<string>): Uint8Array => {
  const names = new ByteWriter()
  for (const name of all) writeString(name, names)
  const header = new ByteWriter()
  header.prefixed(names.finish())
  return header.finish()
}

interface ReadShape {
  readonly header: Uint8Array
  readonly names: ReadonlyArray<string>
  readonly isSorted: boolean
}

const read: Array<ReadShape | undefined> = new Array<ReadShape | undefined>(slots).fill(undefined)
const largestCachedHeader = 1024

/** Reads a record's header: the names, in the order of its values. `sorted`: they must be. */
export const readNames = (r: ByteReader, sorted: boolean): ReadonlyArray<string> => {
  const length = r.count()
  const at = r.take(length)
  const bytes = r.bytes
  let hash = length
  for (let i = at; i < at + length; i += 3) hash = (hash * 31 + (bytes[i] as number)) | 0 // `take` has checked the range
  const slot = hash & (slots - 1)
  const kept = read[slot]
  if (kept !== undefined && sameBytes(kept.header, bytes, at, length)) return inOrder(kept, sorted)
  const names = parseNames(new ByteReader(bytes, at, at + length))
  const isSorted = names.every((name, i) => i === 0 || (names[i - 1] ?? '') < name)
  const shape = { header: length <= largestCachedHeader ? copyBytes(bytes, at, at + length) : bytes, names, isSorted }
  if (length <= largestCachedHeader) read[slot] = shape
  return inOrder(shape, sorted)
}

const inOrder = ({ names, isSorted }: ReadShape, sorted: boolean): ReadonlyArray<string> => {
  if (isSorted !== sorted) throw new Malformed('the names of a record, out of order')
  return names
}

const sameBytes = (header: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean => {
  if (header.length !== length) return false
  for (let i = 0; i < length; i++) if (header[i] !== bytes[at + i]) return false
  return true
}

const parseNames = (r: ByteReader): ReadonlyArray<string> => {
  const names: Array<string> = []
  while (r.remaining > 0) {
    const name = readName(r)
    names.push(name)
  }
  if (new Set(names).size < names.length) throw new Malformed('the names of a record, one of them twice')
  return names
}
