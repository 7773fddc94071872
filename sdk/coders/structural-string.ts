// Strings and property names of structural values: UTF-8 where there is one, and UTF-16 where half a surrogate pair stands alone, so
// that two different strings never have the same bytes.
import type { ByteReader } from './byte-reader.ts'
import { type ByteWriter, isWellFormed } from './byte-writer.ts'
import { Malformed } from './malformed.ts'
import { Tag } from './structural-format.ts'

export const writeString = (text: string, w: ByteWriter): void => {
  const length = text.length
  w.reserve(length * 3 + 6)
  const at = w.position
  if (w.shortAscii(text, at + 1)) {
    w.bytes[at] = Tag.shortString + length
    return
  }
  const size = Buffer.byteLength(text)
  if (size !== length && !isWellFormed(text)) {
    writeUnits(text, w)
    return
  }
  if (size < 64) w.bytes[w.position++] = Tag.shortString + size
  else {
    w.bytes[w.position++] = Tag.string
    w.varint(size)
  }
  w.utf8(text)
}

const writeUnits = (text: string, w: ByteWriter): void => {
  w.byte(Tag.illFormedString)
  w.varint(text.length)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    w.byte(unit >>> 8)
    w.byte(unit & 0xff)
  }
}

export const readUnits = (r: ByteReader): string => {
  const count = r.count(2)
  const units: Array<string> = []
  for (let i = 0; i < count; i++) units.push(String.fromCharCode((r.byte() << 8) | r.byte()))
  const text = units.join('')
  if (isWellFormed(text)) throw new Malformed('a string in UTF-16 that has UTF-8')
  return text
}

/** A string with its tag, where only a string may be. */
export const readName = (r: ByteReader): string => {
  const tag = r.byte()
  if (tag >= Tag.shortString && tag < Tag.smallInteger) return r.text(tag - Tag.shortString)
  if (tag === Tag.string) return r.prefixedText()
  if (tag === Tag.illFormedString) return readUnits(r)
  throw new Malformed(`the tag ${tag}, where a name belongs`)
}
