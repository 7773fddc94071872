// Sequences on Beam's wire: an int32 count and the elements, or -1 and chunks with counts of their own, ended by an empty one, for
// who did not know the count. We always know it, and so write the first and read both.
import type { ByteReader } from './byte-reader.ts'
import type { Coder } from './contract.ts'
import { EncodeError } from './encode-error.ts'
import { urnOf } from './composites.ts'
import { Malformed, within } from './malformed.ts'
import { type StreamCoder, coderOf, streamOf } from './stream.ts'
import { showValue } from './value-path.ts'

const largestCount = 0x7fff_ffff
// Elements of no bytes (global windows) have no end but their count: four forged bytes must not fill the memory.
const largestEmptyCount = 1 << 20

export const iterable = <A>(c: Coder<A>): Coder<ReadonlyArray<A>> => {
  const element = streamOf(c)
  return coderOf(urnOf('beam:coder:iterable:v1', c), c.deterministic, iterableStream(element))
}

export const iterableStream = <A>(element: StreamCoder<A>): StreamCoder<ReadonlyArray<A>> => ({
  write: (values, w) => {
    if (!Array.isArray(values))
      throw new EncodeError(`${showValue(values)}, where an array belongs`, 'Make it an array: Array.from(values).')
    if (values.length > largestCount)
      throw new EncodeError(`an array of ${values.length}, and the format counts to ${largestCount}`, 'Split it.')
    w.int32(values.length)
    const start = w.position
    let i = 0
    try {
      for (; i < values.length; i++) element.write(values[i] as A, w) // i < length
    } catch (error) {
      throw within(error, i)
    }
    if (i > largestEmptyCount && w.position === start)
      throw new EncodeError(`${i} elements that take no bytes`, 'Send their number instead.')
  },
  read: r => {
    const count = r.int32()
    const values: Array<A> = []
    if (count >= 0) readElements(element, count, values, r)
    else if (count === -1) for (let chunk = r.count(0); chunk !== 0; chunk = r.count(0)) readElements(element, chunk, values, r)
    else throw new Malformed(`a count of ${count}`)
    return values
  },
})

const readElements = <A>(element: StreamCoder<A>, count: number, values: Array<A>, r: ByteReader): void => {
  const start = r.position
  try {
    for (let i = 0; i < count; i++) {
      values.push(element.read(r))
      if (i === largestEmptyCount && r.position === start) throw new Malformed(`a count of ${count} elements that take no bytes`)
    }
  } catch (error) {
    throw within(error, values.length)
  }
}
