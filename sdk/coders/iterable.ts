// Sequences on Beam's wire: an int32 count and the elements, or -1 and chunks with counts of their own, ended by an empty one, for
// who did not know the count. We always know it, and so write the first and read both.
import type { ByteReader } from './byte-reader.ts'
import type { Coder } from './coder.ts'
import { EncodeError } from './encode-error.ts'
import { urnOf } from './composites.ts'
import { Malformed, within } from './malformed.ts'
import { type StreamCoder, coderOf, streamOf } from './stream.ts'
import { showValue } from './value-path.ts'

const largestCount = 0x7fff_ffff
/**
 * How many elements of one sequence may take no bytes (global windows, records without fields): nothing but their count bounds them, and
 * forged bytes must not fill the memory.
 */
const mostEmpty = 64

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
    let empty = 0
    let i = 0
    try {
      for (; i < values.length; i++) {
        const before = w.position
        element.write(values[i] as A, w) // i < length
        if (w.position === before && ++empty > mostEmpty)
          throw new EncodeError(`more than ${mostEmpty} elements that take no bytes`, 'Send their number instead.')
      }
    } catch (error) {
      throw within(error, i)
    }
  },
  read: r => {
    const count = r.int32()
    const values: Array<A> = []
    if (count >= 0) readElements(element, count, values, r, 0)
    else if (count === -1) readChunks(element, values, r)
    else throw new Malformed(`a count of ${count}`)
    return values
  },
})

/** All chunks are one sequence: a bound for each would be none. */
const readChunks = <A>(element: StreamCoder<A>, values: Array<A>, r: ByteReader): void => {
  let empty = 0
  for (let chunk = r.count(0); chunk !== 0; chunk = r.count(0)) empty = readElements(element, chunk, values, r, empty)
}

/** Gives how many elements of the sequence have taken no bytes: `empty` before, and those of this call. */
const readElements = <A>(element: StreamCoder<A>, count: number, values: Array<A>, r: ByteReader, empty: number): number => {
  let found = empty
  try {
    for (let i = 0; i < count; i++) {
      const before = r.position
      values.push(element.read(r))
      if (r.position === before && ++found > mostEmpty) throw new Malformed(`more than ${mostEmpty} elements that take no bytes`)
    }
  } catch (error) {
    throw within(error, values.length)
  }
  return found
}
