// Memory for small byte arrays, cut from larger pieces: a Uint8Array of its own costs some 500 ns more than a view once it is longer
// than 64 bytes, and the collector pays for each again. One that is kept keeps its piece, 8 KiB, as Node's own Buffers do.

const slabBytes = 8_192
// A longer one would leave much of a piece unused.
const longest = 2_048

let slab = new ArrayBuffer(slabBytes)
let used = 0

/** A copy of `source` from `start` to before `end`. Its `buffer` holds other values too: do not transfer it. */
export const copyBytes = (source: Uint8Array, start: number, end: number): Uint8Array => {
  const count = end - start
  // A Buffer's slice is a view: this copies either.
  if (count > longest) return new Uint8Array(source.subarray(start, end))
  if (used + count > slabBytes) {
    slab = new ArrayBuffer(slabBytes)
    used = 0
  }
  const copy = new Uint8Array(slab, used, count)
  // Aligned, so that a view of wider numbers stays possible.
  used = (used + count + 7) & ~7
  if (count < 48)
    for (let i = 0; i < count; i++) copy[i] = source[start + i] as number // within the array: callers have checked
  else copy.set(start === 0 && end === source.length ? source : source.subarray(start, end))
  return copy
}
