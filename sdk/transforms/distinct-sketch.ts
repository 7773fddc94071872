// How many different elements there are, from a sketch of fixed size: HyperLogLog over 53 bits of MurmurHash3, with the estimator of Otmar
// Ertl ("New cardinality estimation algorithms for HyperLogLog sketches", 2017), which needs no tables of corrections. A small set keeps
// the hashes themselves, and so is counted exactly.
import { ByteWriter, Coder, coderOf, murmur3, streamOf } from '../coders/index.ts'
import type { CombineFn } from '../graph/combine-fn.ts'

/** How exact ApproximateCountDistinct and CombineFn.countDistinct are. */
export interface CountDistinctOptions {
  /** The standard error of the count as a share of it, from 0.0021 to 0.25: a tenth of the error takes a hundred times the memory. 0.01 unless told, which takes 16 kB. */
  readonly relativeError?: number | undefined
}

/** The accumulator of `CombineFn.countDistinct`. Its layout may change between versions. */
export type DistinctSketch = {
  /** Hashes; null once there are too many. */
  hashes: Set<number> | null
  /** By a hash's first bits: the most zeros that followed them, and 1. */
  registers: Uint8Array | null
}

const hashBits = 53
// The low word of a hash has this many bits, the high one 32.
const lowBits = hashBits - 32
// Not the seed of key groups, by which elements may have come here.
const seeds = [0x9e37_79b9, 0x85eb_ca77] as const
const [leastPrecision, mostPrecision] = [4, 18]

/** The number of different elements; equal if their encodings are. */
export const countDistinct = (o?: CountDistinctOptions): CombineFn<unknown, DistinctSketch, number> => {
  const precision = precisionOf(o?.relativeError ?? 0.01)
  const size = 2 ** precision
  // Up to here hashes take less room than registers would.
  const mostHashes = size / 8
  const hashOf = hashing()
  const record = (sketch: DistinctSketch, hash: number): void => {
    if (sketch.hashes === null) raise(sketch.registers ?? missing(), hash, precision)
    else if (sketch.hashes.add(hash).size > mostHashes) dense(sketch, size, precision)
  }
  return Object.freeze({
    create: (): DistinctSketch => ({ hashes: new Set(), registers: null }),
    add: (sketch: DistinctSketch, element: unknown) => {
      record(sketch, hashOf(element))
      return sketch
    },
    merge: (into: DistinctSketch, from: DistinctSketch) => {
      if (from.hashes !== null) for (const hash of from.hashes) record(into, hash)
      else {
        const [mine, others] = [dense(into, size, precision), from.registers ?? missing()]
        for (let i = 0; i < size; i++) mine[i] = Math.max(mine[i] ?? 0, others[i] ?? 0)
      }
      return into
    },
    extract: ({ hashes, registers }: DistinctSketch) => (hashes === null ? Math.round(estimate(registers ?? missing())) : hashes.size),
    coder: sketchCoder(precision),
  })
}

const missing = (): never => {
  throw new Error('a sketch of different elements has its hashes or its registers')
}

const precisionOf = (relativeError: number): number => {
  const precision = Math.ceil(2 * Math.log2(1.04 / relativeError))
  if (!(precision <= mostPrecision && relativeError <= 0.25))
    throw new RangeError(`countDistinct: relativeError is a share from 0.0021 to 0.25, and ${relativeError} is not`)
  return Math.max(precision, leastPrecision)
}

const hashing = (): ((element: unknown) => number) => {
  const coder = streamOf(Coder.structural<unknown>())
  const bytes = new ByteWriter()
  return element => {
    bytes.position = 0
    coder.write(element, bytes)
    const encoded = bytes.bytes.subarray(0, bytes.position)
    return murmur3(encoded, seeds[0]) * 2 ** lowBits + (murmur3(encoded, seeds[1]) >>> (32 - lowBits))
  }
}

const raise = (registers: Uint8Array, hash: number, precision: number): void => {
  const high = Math.floor(hash / 2 ** lowBits)
  const low = hash % 2 ** lowBits
  const at = high >>> (32 - precision)
  const rest = (high << precision) >>> precision
  const zeros = rest !== 0 ? Math.clz32(rest) - precision : 32 - precision + Math.clz32(low) - (32 - lowBits)
  if (zeros + 1 > (registers[at] ?? 0)) registers[at] = zeros + 1
}

const dense = (sketch: DistinctSketch, size: number, precision: number): Uint8Array => {
  if (sketch.hashes === null) return sketch.registers ?? missing()
  const registers = new Uint8Array(size)
  for (const hash of sketch.hashes) raise(registers, hash, precision)
  sketch.hashes = null
  sketch.registers = registers
  return registers
}

const estimate = (registers: Uint8Array): number => {
  const size = registers.length
  const most = hashBits - Math.log2(size) + 1
  const howMany = new Array<number>(most + 1).fill(0)
  for (const value of registers) howMany[value] = (howMany[value] ?? 0) + 1
  let z = size * tau(1 - (howMany[most] ?? 0) / size)
  for (let value = most - 1; value >= 1; value--) z = 0.5 * (z + (howMany[value] ?? 0))
  z += size * sigma((howMany[0] ?? 0) / size)
  return (size * size) / (2 * Math.LN2 * z)
}

/** Registers that saw nothing. */
const sigma = (share: number): number => {
  if (share === 1) return Infinity
  let [x, y, z, before] = [share, 1, share, Number.NaN]
  while (z !== before) {
    x *= x
    before = z
    z += x * y
    y += y
  }
  return z
}

/** Registers that are full. */
const tau = (share: number): number => {
  if (share === 0 || share === 1) return 0
  let [x, y, z, before] = [share, 1, 1 - share, Number.NaN]
  while (z !== before) {
    x = Math.sqrt(x)
    before = z
    y *= 0.5
    z -= (1 - x) ** 2 * y
  }
  return z / 3
}

const sketchCoder = (precision: number): Coder<DistinctSketch> =>
  coderOf(`jetbeam:coder:distinct_sketch:v1(${precision})`, true, {
    write: ({ hashes, registers }, w) => {
      w.byte(hashes === null ? 1 : 0)
      if (hashes === null) return w.raw(registers ?? missing())
      w.varint(hashes.size)
      for (const hash of [...hashes].sort((a, b) => a - b)) w.varint(hash)
    },
    read: r => {
      if (r.byte() === 1) return { hashes: null, registers: r.copy(2 ** precision) }
      const count = r.count()
      return { hashes: new Set(Array.from({ length: count }, () => r.varint())), registers: null }
    },
  })
