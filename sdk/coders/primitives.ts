// The coders of single values, in Beam's wire formats (beam:coder:…:v1 of the Fn API's standard coders).
import * as E from 'fp-ts/lib/Either.js'
import { EncodeError } from './encode-error.ts'
import { Malformed } from './malformed.ts'
import { copyBytes } from './slab.ts'
import { coderOf } from './stream.ts'
import { showValue } from './value-path.ts'

const refuse = (value: unknown, expected: string): never => {
  throw new EncodeError(`${showValue(value)}, where ${expected} belongs`, 'Convert the value, or choose the coder of its type.')
}

const requireBytes = (value: Uint8Array): Uint8Array => (value instanceof Uint8Array ? value : refuse(value, 'a Uint8Array'))
const requireString = (value: string): string => (typeof value === 'string' ? value : refuse(value, 'a string'))

const copiedBytes = coderOf<Uint8Array>('beam:coder:bytes:v1', true, {
  write: (value, w) => w.prefixed(requireBytes(value)),
  read: r => r.copy(r.count()),
  outer: { write: (value, w) => w.raw(requireBytes(value)), read: r => r.copy(r.remaining) },
})

/** Bytes are their own encoding: elements do not change, so they go out as they are. What comes in is copied: who holds it is unknown. */
export const bytes: typeof copiedBytes = Object.freeze({
  ...copiedBytes,
  encode: requireBytes,
  decode: (raw: Uint8Array) => E.right(copyBytes(raw, 0, raw.length)),
})

export const string = coderOf<string>('beam:coder:string_utf8:v1', true, {
  write: (value, w) => w.prefixedText(requireString(value)),
  read: r => r.prefixedText(),
  outer: { write: (value, w) => w.text(requireString(value)), read: r => r.restText() },
})

export const varint = coderOf<number>('beam:coder:varint:v1', true, {
  write: (value, w) => {
    if (!Number.isSafeInteger(value)) {
      throw new EncodeError(
        `${showValue(value)}, where a whole number within ±${Number.MAX_SAFE_INTEGER} belongs`,
        'Round it, or use Coder.double for fractions and Coder.structural for bigints.',
      )
    }
    w.varint(value)
  },
  read: r => r.varint(),
})

// Beam writes the bits as they are. -0 and NaNs are made one here, since a coder with equal bytes for equal keys is worth more than the
// sign of a zero.
export const double = coderOf<number>('beam:coder:double:v1', true, {
  write: (value, w) => w.double(typeof value === 'number' ? value : refuse(value, 'a number')),
  read: r => r.double(),
})

export const boolean = coderOf<boolean>('beam:coder:bool:v1', true, {
  write: (value, w) => w.byte(value === true ? 1 : value === false ? 0 : refuse(value, 'a boolean')),
  read: r => {
    const byte = r.byte()
    if (byte > 1) throw new Malformed(`the byte ${byte}, where 0 or 1 stands for a boolean`)
    return byte === 1
  },
})
