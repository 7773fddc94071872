// A growable buffer that all coders write into, so that a nested value costs its bytes and no allocation of its own.
// Hot: bounds are reserved once a field, and the loops below are what facts about V8 made them.
import { EncodeError } from './encode-error.ts'
import { copyBytes } from './slab.ts'

const loneSurrogate = /\p{Surrogate}/u

/** Whether a string is Unicode text; one with half a surrogate pair has no UTF-8. */
export const isWellFormed = (text: string): boolean => !loneSurrogate.test(text)

// Below this a loop over char codes beats the call into native code.
const shortText = 20

/** Bytes, appended. `bytes` and `position` may be read, and written by who reserves first. */
export class ByteWriter {
  bytes: Uint8Array<ArrayBuffer>
  position = 0
  // The same memory, for the one thing that only Buffer does well: text in native code without an allocation.
  #native: Buffer<ArrayBuffer>

  constructor(capacityBytes = 256) {
    this.#native = Buffer.allocUnsafeSlow(capacityBytes)
    this.bytes = new Uint8Array(this.#native.buffer)
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.position + count > this.bytes.length) this.#grow(count)
  }

  #grow(count: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.position + count))
    this.#native.copy(larger, 0, 0, this.position)
    this.#native = larger
    this.bytes = new Uint8Array(larger.buffer)
  }

  byte(value: number): void {
    if (this.position === this.bytes.length) this.#grow(1)
    this.bytes[this.position++] = value
  }

  /** Big endian. */
  int32(value: number): void {
    this.reserve(4)
    this.position = this.#native.writeInt32BE(value, this.position)
  }

  /** Protobuf's varint of a safe integer; a negative one takes ten bytes, as its 64-bit two's complement. */
  varint(value: number): void {
    this.reserve(10)
    if (value >= 0 && value < 0x8000_0000) {
      const bytes = this.bytes
      let position = this.position
      let rest = value
      while (rest > 0x7f) {
        bytes[position++] = (rest & 0x7f) | 0x80
        rest >>>= 7
      }
      bytes[position++] = rest
      this.position = position
    } else {
      this.varintWords(Math.floor(value / 0x1_0000_0000) >>> 0, value >>> 0)
    }
  }

  /** A varint of 64 bits, given as two unsigned halves. */
  varintWords(high: number, low: number): void {
    this.reserve(10)
    let hi = high
    let lo = low
    while (hi !== 0 || lo > 0x7f) {
      this.bytes[this.position++] = (lo & 0x7f) | 0x80
      lo = ((lo >>> 7) | (hi << 25)) >>> 0
      hi >>>= 7
    }
    this.bytes[this.position++] = lo
  }

  /** Big endian IEEE 754, with one NaN and one zero, so that numbers a Map holds equal have equal bytes. */
  double(value: number): void {
    this.reserve(8)
    // Adding 0 makes -0 into 0; the literal NaN has the canonical bits, a computed one may have others.
    this.position = this.#native.writeDoubleBE(value !== value ? NaN : value + 0, this.position)
  }

  /** Two 32-bit halves, big endian. */
  words(high: number, low: number): void {
    this.reserve(8)
    this.#native.writeUInt32BE(high >>> 0, this.position)
    this.position = this.#native.writeUInt32BE(low >>> 0, this.position + 4)
  }

  raw(source: Uint8Array): void {
    const count = source.length
    this.reserve(count)
    if (count < 32) {
      const bytes = this.bytes
      const position = this.position
      for (let i = 0; i < count; i++) bytes[position + i] = source[i] as number // i < length
    } else {
      this.bytes.set(source, this.position)
    }
    this.position += count
  }

  prefixed(source: Uint8Array): void {
    this.varint(source.length)
    this.raw(source)
  }

  /** Writes short ASCII text and says true; leaves no trace of anything else and says false. The caller has reserved. */
  shortAscii(text: string, at: number): boolean {
    const length = text.length
    if (length > shortText) return false
    const bytes = this.bytes
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) return false
      bytes[at + i] = code
    }
    this.position = at + length
    return true
  }

  /** UTF-8, with no length. Throws an EncodeError for text that has no UTF-8. */
  text(text: string): void {
    this.reserve(text.length * 3)
    if (this.shortAscii(text, this.position)) return
    if (this.utf8(text) !== text.length) requireWellFormed(text)
  }

  /** UTF-8 in native code, with U+FFFD for what has none; says how many bytes. The caller has reserved. */
  utf8(text: string): number {
    const written = this.#native.write(text, this.position, 'utf8')
    this.position += written
    return written
  }

  /** UTF-8 after its length in bytes. */
  prefixedText(text: string): void {
    this.reserve(text.length * 3 + 5)
    if (text.length <= shortText && this.shortAscii(text, this.position + 1)) {
      this.bytes[this.position - text.length - 1] = text.length
      return
    }
    this.varint(Buffer.byteLength(text))
    this.text(text)
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return copyBytes(this.bytes, 0, this.position)
  }

  /** What was written, a character for each byte. */
  finishLatin1(): string {
    return this.#native.toString('latin1', 0, this.position)
  }
}

const requireWellFormed = (text: string): void => {
  if (isWellFormed(text)) return
  throw new EncodeError(
    'a string with half a surrogate pair, which has no UTF-8',
    'Repair it with toWellFormed(), or carry it in a structural coder.',
  )
}

// Encoding may nest through a user's coder, so there is a writer for each depth; the first one serves nearly all.
const idle: Array<ByteWriter> = []
const largestKept = 1 << 20

/** Lends a writer for the length of one call. */
export const withWriter = <A>(use: (w: ByteWriter) => A): A => {
  const writer = idle.pop() ?? new ByteWriter(1024)
  writer.position = 0
  try {
    return use(writer)
  } finally {
    if (writer.bytes.length <= largestKept) idle.push(writer)
  }
}
