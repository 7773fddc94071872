// A cursor over bytes that all coders read from. Running out of bytes, or meeting wrong ones, throws Malformed, which the outermost
// decode turns into a Left.
import { Malformed } from './malformed.ts'
import { copyBytes } from './slab.ts'

// Throws on bytes that are no UTF-8, where Buffer would put U+FFFD without a word; keeps a byte order mark, which is part of the text.
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const doubleBytes = new Uint8Array(8)
const doubleView = new DataView(doubleBytes.buffer)

export class ByteReader {
  readonly bytes: Uint8Array
  readonly end: number
  position: number
  /** The unsigned halves of the varint read last. */
  high = 0
  low = 0
  #view: Buffer | null = null

  /** Reads `bytes` from `start` to before `end`. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes
    this.position = start
    this.end = end
  }

  get remaining(): number {
    return this.end - this.position
  }

  /** Passes over `count` bytes and says where they began. */
  take(count: number): number {
    const at = this.position
    if (count > this.end - at) throw new Malformed(`truncated: ${count} bytes should follow, and ${this.end - at} do`)
    this.position = at + count
    return at
  }

  byte(): number {
    if (this.position >= this.end) throw new Malformed('truncated: another byte should follow')
    return this.bytes[this.position++] as number // below `end`, which is within the array
  }

  int32(): number {
    return this.uint32() | 0
  }

  uint32(): number {
    const at = this.take(4)
    const bytes = this.bytes // `take` has checked the range
    return (
      (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>>
      0
    )
  }

  /** A varint of up to 64 bits, into `high` and `low`. */
  varintWords(): void {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte()
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high |= bits >>> 4
      } else if (shift < 63) high |= bits << (shift - 32)
      else if (bits > 1) break
      else high |= bits << 31
      if (byte < 0x80) {
        this.low = low >>> 0
        this.high = high >>> 0
        return
      }
    }
    throw new Malformed('a varint of more than 64 bits')
  }

  /** A varint as the signed 64-bit integer that it is, if a number can hold it. */
  varint(): number {
    const first = this.byte()
    if (first < 0x80) return first
    this.position--
    this.varintWords()
    const value = (this.high | 0) * 0x1_0000_0000 + this.low
    if (!Number.isSafeInteger(value)) {
      throw new Malformed(`the integer ${(BigInt(this.high | 0) << 32n) + BigInt(this.low)} is beyond JavaScript's safe integers`)
    }
    return value
  }

  /** A varint that counts bytes or items still to come, each of which takes at least `bytesEach`. */
  count(bytesEach = 1): number {
    const count = this.varint()
    if (count < 0 || count * bytesEach > this.remaining)
      throw new Malformed(`truncated: a length of ${count}, with ${this.remaining} bytes left`)
    return count
  }

  double(): number {
    const at = this.take(8)
    for (let i = 0; i < 8; i++) doubleBytes[i] = this.bytes[at + i] as number // `take` has checked the range
    return doubleView.getFloat64(0)
  }

  /** A copy of the next `count` bytes. */
  copy(count: number): Uint8Array {
    const at = this.take(count)
    return copyBytes(this.bytes, at, at + count)
  }

  /** UTF-8 text of `count` bytes. */
  text(count: number): string {
    const at = this.take(count)
    const end = at + count
    const bytes = this.bytes
    let any = 0
    for (let i = at; i < end; i++) any |= bytes[i] as number // `take` has checked the range
    if (any > 0x7f) return strictText(bytes.subarray(at, end))
    if (count === 0) return ''
    // A view costs as much as a dozen characters: not worth it for the one key that a message may hold.
    if (count < 4 || (count < 16 && this.#view === null)) {
      let text = ''
      for (let i = at; i < end; i++) text += String.fromCharCode(bytes[i] as number)
      return text
    }
    this.#view ??= Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return this.#view.toString('latin1', at, end)
  }

  /** Everything that is left. */
  restText(): string {
    return this.text(this.remaining)
  }

  prefixedText(): string {
    return this.text(this.count())
  }
}

/** Throws Malformed for bytes that are no UTF-8. */
export const strictText = (bytes: Uint8Array): string => {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    throw new Malformed('bytes that are no UTF-8')
  }
}
