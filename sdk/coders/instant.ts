// Instants on Beam's wire: a 64-bit count of milliseconds, big endian, its sign bit flipped, so that bytes sort as time does.
import { Instant } from '../model/time.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { EncodeError } from './encode-error.ts'
import { Malformed } from './malformed.ts'
import { coderOf } from './stream.ts'
import { showValue } from './value-path.ts'

// Beam's bounds, ±9223372036854775 ms, which no double holds: ours lie a millisecond inside and stand for them.
const maxHigh = 0x0020_c49b
const maxLow = 0xa5e3_53f7
const minHigh = ~maxHigh | 0
const minLow = (~maxLow + 1) >>> 0
const signBit = 0x8000_0000

export const writeInstant = (t: Instant, w: ByteWriter): void => {
  if (!Number.isInteger(t))
    throw new EncodeError(`${showValue(t)}, where an Instant belongs`, 'Make it with Instant.ofMillis, ofDate or parse.')
  if (t >= Instant.max) w.words(maxHigh ^ signBit, maxLow)
  else if (t <= Instant.min) w.words(minHigh ^ signBit, minLow)
  // Division by a power of two is exact for all instants, even where only the even ones are numbers.
  else w.words(Math.floor(t / 0x1_0000_0000) ^ signBit, t >>> 0)
}

/** An instant; beyond ±2^53 ms (the year 287396), where numbers are even, an odd one becomes its even neighbour. */
export const readInstant = (r: ByteReader): Instant => {
  const high = (r.uint32() ^ signBit) | 0
  const low = r.uint32()
  return instantOfWords(high, low)
}

export const instantOfWords = (high: number, low: number): Instant => {
  if (high > maxHigh || (high === maxHigh && low > maxLow) || high < minHigh || (high === minHigh && low < minLow)) {
    throw new Malformed(`${(BigInt(high) << 32n) + BigInt(low)} ms lie beyond Beam's first and last timestamp`)
  }
  return Instant.ofMillis(high * 0x1_0000_0000 + low)
}

/** What an instant is on Beam's wire, exactly. */
export const wireMillis = (t: Instant): bigint => {
  if (t >= Instant.max) return (BigInt(maxHigh) << 32n) + BigInt(maxLow)
  if (t <= Instant.min) return (BigInt(minHigh) << 32n) + BigInt(minLow)
  return BigInt(t)
}

export const instant = coderOf<Instant>('jetbeam:coder:instant:v1', true, { write: writeInstant, read: readInstant })
