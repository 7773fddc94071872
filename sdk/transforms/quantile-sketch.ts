// Quantiles from a sketch whose size does not grow with its elements: DDSketch (Masson, Rim and Lee, 2019), which counts numbers in bins
// as wide as the error allows. Our own, since it is short and the libraries at hand fall short of it: @datadog/sketches-js 2.1.1 forgets
// negative numbers when it merges, and fails on numbers that lie far apart.
import { type ByteReader, type ByteWriter, type Coder, coderOf } from '../coders/index.ts'
import type { CombineFn } from '../graph/combine-fn.ts'

/** How exact ApproximateQuantiles and CombineFn.quantiles are. */
export interface QuantileOptions {
  /** How far a quantile may lie from the true one, as a share of it: between 0 and 1. 0.01 unless told. */
  readonly relativeError?: number | undefined
}

/** How many numbers lie in a bin: in bin number k those above gamma^(k - 1), up to gamma^k. */
type Bins = Map<number, number>

/**
 * The accumulator of `CombineFn.quantiles`: `min`, `max`, the number of `zeros`, and bins of `positive` and `negative` numbers. Its layout
 * may change between versions.
 */
export type QuantileSketch = {
  min: number
  max: number
  zeros: number
  readonly positive: Bins
  /** By their distance from 0. */
  readonly negative: Bins
}

/** `n` quantiles at even distances, from the least to the greatest, both of which are exact; none of nothing. */
export const quantiles = (n: number, o?: QuantileOptions): CombineFn<number, QuantileSketch, ReadonlyArray<number>> => {
  const { relativeError = 0.01 } = o ?? {}
  if (!Number.isSafeInteger(n) || n < 2)
    throw new RangeError(`quantiles: how many to give is a whole number from 2, the least and the greatest, and ${n} is not`)
  if (!(relativeError > 0 && relativeError < 1))
    throw new RangeError(`quantiles: relativeError is a share between 0 and 1, and ${relativeError} is not`)
  const gamma = (1 + relativeError) / (1 - relativeError)
  const logGamma = Math.log(gamma)
  const binOf = (distance: number): number => Math.ceil(Math.log(distance) / logGamma)
  /** As far from the bin's least number as from its greatest, each in its own measure. */
  const middleOf = (bin: number): number => (2 / (1 + gamma)) * Math.exp(bin * logGamma)
  return Object.freeze({
    create: empty,
    add: (sketch: QuantileSketch, value: number) => {
      if (!Number.isFinite(value)) throw new RangeError(`quantiles are of finite numbers, and ${value} is none`)
      if (value > 0) count(sketch.positive, binOf(value), 1)
      else if (value < 0) count(sketch.negative, binOf(-value), 1)
      else sketch.zeros++
      if (value < sketch.min) sketch.min = value
      if (value > sketch.max) sketch.max = value
      return sketch
    },
    merge: absorb,
    extract: (sketch: QuantileSketch) => spread(sketch, n, middleOf),
    coder: sketchCoder(relativeError),
  })
}

const empty = (): QuantileSketch => ({ min: Infinity, max: -Infinity, zeros: 0, positive: new Map(), negative: new Map() })

const count = (bins: Bins, bin: number, more: number): void => {
  bins.set(bin, (bins.get(bin) ?? 0) + more)
}

const absorb = (into: QuantileSketch, from: QuantileSketch): QuantileSketch => {
  for (const [bin, more] of from.positive) count(into.positive, bin, more)
  for (const [bin, more] of from.negative) count(into.negative, bin, more)
  into.zeros += from.zeros
  into.min = Math.min(into.min, from.min)
  into.max = Math.max(into.max, from.max)
  return into
}

const ascending = (bins: Bins): Array<readonly [bin: number, count: number]> => [...bins].sort(([a], [b]) => a - b)

const spread = (sketch: QuantileSketch, n: number, middleOf: (bin: number) => number): ReadonlyArray<number> => {
  const steps: ReadonlyArray<readonly [value: number, count: number]> = [
    ...ascending(sketch.negative)
      .reverse()
      .map(([bin, many]) => [-middleOf(bin), many] as const),
    [0, sketch.zeros],
    ...ascending(sketch.positive).map(([bin, many]) => [middleOf(bin), many] as const),
  ]
  const size = steps.reduce((sum, [, many]) => sum + many, 0)
  if (size === 0) return []
  let [step, below] = [0, 0]
  return Array.from({ length: n }, (_, i) => {
    if (i === 0) return sketch.min
    if (i === n - 1) return sketch.max
    const rank = (i / (n - 1)) * (size - 1)
    for (; below + (steps[step]?.[1] ?? Infinity) <= rank; step++) below += steps[step]?.[1] ?? 0
    return Math.min(Math.max(steps[step]?.[0] ?? sketch.max, sketch.min), sketch.max)
  })
}

const sketchCoder = (relativeError: number): Coder<QuantileSketch> =>
  coderOf(`jetbeam:coder:quantile_sketch:v1(${relativeError})`, true, {
    write: ({ min, max, zeros, positive, negative }, w) => {
      w.double(min)
      w.double(max)
      w.varint(zeros)
      writeBins(positive, w)
      writeBins(negative, w)
    },
    read: r => ({ min: r.double(), max: r.double(), zeros: r.varint(), positive: readBins(r), negative: readBins(r) }),
  })

// Bins lie close together: the first in full, then the steps to the next.
const writeBins = (bins: Bins, w: ByteWriter): void => {
  w.varint(bins.size)
  let before: number | null = null
  for (const [bin, many] of ascending(bins)) {
    if (before === null) w.int32(bin)
    else w.varint(bin - before)
    before = bin
    w.varint(many)
  }
}

const readBins = (r: ByteReader): Bins => {
  const bins: Bins = new Map()
  const length = r.count(2)
  let bin = 0
  for (let i = 0; i < length; i++) {
    bin = i === 0 ? r.int32() : bin + r.varint()
    bins.set(bin, r.varint())
  }
  return bins
}
