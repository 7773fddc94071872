// Structural values to bytes. See structural-format.ts for the bytes themselves.
import { type ByteWriter, withWriter } from './byte-writer.ts'
import { TooDeep, deepest, deepestWhole, explainDepth } from './cycle.ts'
import { EncodeError } from './encode-error.ts'
import { within } from './malformed.ts'
import { shapeOfNames } from './record-shape.ts'
import { Tag, compareBytes } from './structural-format.ts'
import { writeString } from './structural-string.ts'
import { type PathKey, isPlainPrototype, showValue } from './value-path.ts'

/** `canonical`: the same bytes for equal values. Otherwise records keep the order of their properties. */
const writing =
  (limit: number, canonical: boolean) =>
  (value: unknown, w: ByteWriter): void => {
    try {
      writeValue(value, w, deepest - limit, canonical)
    } catch (error) {
      throw error instanceof TooDeep ? explainDepth(value, limit) : error
    }
  }

/** Throws an EncodeError with the path to what is no data. */
export const writeStructural = writing(deepest, true)
/** The same for what is compared with nothing: records keep the order of their properties. */
export const writeInOrder = writing(deepest, false)

/** The same for a value that is the whole encoding. */
export const writeWholeStructural = writing(deepestWhole, true)
export const writeWholeInOrder = writing(deepestWhole, false)

const writeValue = (value: unknown, w: ByteWriter, depth: number, canonical: boolean): void => {
  switch (typeof value) {
    case 'string':
      return writeString(value, w)
    case 'number':
      return writeNumber(value, w)
    case 'object':
      return value === null ? w.byte(Tag.null) : writeObject(value, w, depth, canonical)
    case 'boolean':
      return w.byte(value ? Tag.true : Tag.false)
    case 'undefined':
      return w.byte(Tag.undefined)
    case 'bigint':
      return writeBigint(value, w)
    case 'function':
      throw new EncodeError(showValue(value), 'Functions never leave their thread: send the data that it would work on.')
    default:
      throw new EncodeError(showValue(value), 'Symbols have no meaning elsewhere: use a string.')
  }
}

const writeNumber = (value: number, w: ByteWriter): void => {
  if (!Number.isSafeInteger(value)) {
    w.byte(Tag.double)
    w.double(value)
  } else if (value >= 0) {
    if (value < 128) w.byte(Tag.smallInteger + value)
    else {
      w.byte(Tag.integer)
      w.varint(value)
    }
  } else {
    w.byte(Tag.negativeInteger)
    w.varint(-1 - value)
  }
}

const writeBigint = (value: bigint, w: ByteWriter): void => {
  const digits = (value < 0n ? -value : value).toString(16)
  const magnitude = value === 0n ? Buffer.alloc(0) : Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  w.byte(value < 0n ? Tag.negativeBigint : Tag.bigint)
  w.prefixed(magnitude)
}

const writeObject = (value: object, w: ByteWriter, depth: number, canonical: boolean): void => {
  if (depth >= deepest) throw new TooDeep()
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return writeRecord(value as Readonly<Record<string, unknown>>, w, depth, canonical)
  if (Array.isArray(value)) {
    if (isPlainPrototype(Object.getPrototypeOf(prototype))) {
      return writeArray(value, w, depth, canonical)
    }
  } else if (value instanceof Uint8Array) {
    w.byte(Tag.bytes)
    return w.prefixed(value)
  } else if (value instanceof Date) {
    w.byte(Tag.date)
    return writeNumber(value.getTime(), w)
  } else if (value instanceof Map) {
    return writeSorted(Tag.map, value, w, ([key, part], i, inner) => {
      writeAt(key, typeof key === 'string' || typeof key === 'number' ? key : i, inner, depth, true)
      const middle = inner.position
      writeAt(part, typeof key === 'string' || typeof key === 'number' ? key : i, inner, depth, canonical)
      return middle
    })
  } else if (value instanceof Set) {
    return writeSorted(Tag.set, value, w, (member, i, inner) => {
      writeAt(member, i, inner, depth, true)
      return inner.position
    })
  } else if (isPlainPrototype(prototype)) return writeRecord(value as Readonly<Record<string, unknown>>, w, depth, canonical)
  throw new EncodeError(
    showValue(value),
    value instanceof Promise
      ? 'Await it: mapAsync does.'
      : 'Send plain data (records, arrays, Map, Set, Date, bytes), or give the collection or state a coder made with Coder.imap.',
  )
}

const writeAt = (value: unknown, key: PathKey, w: ByteWriter, depth: number, canonical: boolean): void => {
  try {
    writeValue(value, w, depth + 1, canonical)
  } catch (error) {
    throw within(error, key)
  }
}

const writeRecord = (record: Readonly<Record<string, unknown>>, w: ByteWriter, depth: number, canonical: boolean): void => {
  const shape = shapeOfNames(Object.keys(record))
  const sorts = canonical || shape.isSorted
  const names = sorts ? shape.sorted : shape.given
  w.byte(sorts ? Tag.record : Tag.orderedRecord)
  w.raw(sorts ? shape.header : shape.givenHeader)
  let i = 0
  try {
    for (; i < names.length; i++) writeValue(record[names[i] as string], w, depth + 1, canonical) // i < length
  } catch (error) {
    throw within(error, names[i] ?? i)
  }
}

const writeArray = (values: ReadonlyArray<unknown>, w: ByteWriter, depth: number, canonical: boolean): void => {
  w.byte(Tag.array)
  w.varint(values.length)
  let i = 0
  try {
    for (; i < values.length; i++) writeValue(values[i], w, depth + 1, canonical)
  } catch (error) {
    throw within(error, i)
  }
}

/** Entries in the order of their bytes up to where `writeEntry` says the key ends, then of the rest. */
const writeSorted = <E>(
  tag: number,
  entries: Iterable<E> & { readonly size: number },
  w: ByteWriter,
  writeEntry: (entry: E, i: number, inner: ByteWriter) => number,
): void => {
  w.byte(tag)
  w.varint(entries.size)
  withWriter(inner => {
    const found: Array<{ readonly key: Uint8Array; readonly rest: Uint8Array }> = []
    let i = 0
    for (const entry of entries) {
      inner.position = 0
      const middle = writeEntry(entry, i++, inner)
      const whole = inner.finish()
      found.push({ key: whole.subarray(0, middle), rest: whole.subarray(middle) })
    }
    found.sort((a, b) => compareBytes(a.key, b.key) || compareBytes(a.rest, b.rest))
    for (const { key, rest } of found) {
      w.raw(key)
      w.raw(rest)
    }
  })
}
