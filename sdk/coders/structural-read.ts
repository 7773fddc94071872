// Bytes to structural values. Everything is checked, since the bytes may come from a damaged file: what is no encoding is Malformed.
import type { ByteReader } from './byte-reader.ts'
import { deepest, deepestWhole } from './cycle.ts'
import { Malformed, within } from './malformed.ts'
import { readNames } from './record-shape.ts'
import { setOwn } from './struct.ts'
import { Tag } from './structural-format.ts'
import { readUnits } from './structural-string.ts'

export const readStructural = (r: ByteReader): unknown => readValue(r, 0)

/** A value that is the whole encoding. */
export const readWholeStructural = (r: ByteReader): unknown => readValue(r, deepest - deepestWhole)

const readValue = (r: ByteReader, depth: number): unknown => {
  const tag = r.byte()
  if (tag >= Tag.smallInteger) return tag - Tag.smallInteger
  if (tag >= Tag.shortString) return r.text(tag - Tag.shortString)
  switch (tag) {
    case Tag.undefined:
      return undefined
    case Tag.null:
      return null
    case Tag.false:
      return false
    case Tag.true:
      return true
    case Tag.integer:
      return readMagnitude(r)
    case Tag.negativeInteger:
      return -1 - readMagnitude(r)
    case Tag.double:
      return r.double()
    case Tag.bigint:
      return readBigint(r)
    case Tag.negativeBigint:
      return -readBigint(r)
    case Tag.string:
      return r.prefixedText()
    case Tag.illFormedString:
      return readUnits(r)
    case Tag.date:
      return readDate(r)
    case Tag.bytes:
      return r.copy(r.count())
    case Tag.array:
      return readArray(r, depth)
    case Tag.record:
      return readRecord(r, depth, true)
    case Tag.orderedRecord:
      return readRecord(r, depth, false)
    case Tag.map:
      return readMap(r, depth)
    case Tag.set:
      return new Set(readArray(r, depth))
    default:
      throw new Malformed(`the byte ${tag}, which begins no value`)
  }
}

const readMagnitude = (r: ByteReader): number => {
  const value = r.varint()
  if (value < 0) throw new Malformed('an integer beyond 2^53')
  return value
}

const readBigint = (r: ByteReader): bigint => {
  const count = r.count()
  const at = r.take(count)
  return count === 0 ? 0n : BigInt(`0x${Buffer.from(r.bytes.subarray(at, at + count)).toString('hex')}`)
}

const readDate = (r: ByteReader): Date => {
  const tag = r.byte()
  if (tag >= Tag.smallInteger) return new Date(tag - Tag.smallInteger)
  if (tag === Tag.integer) return new Date(readMagnitude(r))
  if (tag === Tag.negativeInteger) return new Date(-1 - readMagnitude(r))
  if (tag === Tag.double) return new Date(r.double())
  throw new Malformed('a date without a number of milliseconds')
}

const enter = (depth: number): number => {
  if (depth >= deepest) throw new Malformed(`values nested deeper than ${deepestWhole} levels`)
  return depth + 1
}

const readArray = (r: ByteReader, depth: number): Array<unknown> => {
  const inner = enter(depth)
  const count = r.count()
  const values: Array<unknown> = []
  try {
    for (let i = 0; i < count; i++) values.push(readValue(r, inner))
  } catch (error) {
    throw within(error, values.length)
  }
  return values
}

const readRecord = (r: ByteReader, depth: number, sorted: boolean): Record<string, unknown> => {
  const inner = enter(depth)
  const names = readNames(r, sorted)
  const record: Record<string, unknown> = {}
  let i = 0
  try {
    for (; i < names.length; i++) setOwn(record, names[i] as string, readValue(r, inner)) // i < length
  } catch (error) {
    throw within(error, names[i] ?? i)
  }
  return record
}

const readMap = (r: ByteReader, depth: number): Map<unknown, unknown> => {
  const inner = enter(depth)
  const count = r.count(2)
  const entries = new Map<unknown, unknown>()
  for (let i = 0; i < count; i++) {
    try {
      const key = readValue(r, inner)
      entries.set(key, readValue(r, inner))
    } catch (error) {
      throw within(error, i)
    }
  }
  return entries
}
