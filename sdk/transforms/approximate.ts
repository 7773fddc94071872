// Quantiles and numbers of different elements, approximately, in little memory.
import type { PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { combineAll, combineValues } from './combine.ts'
import { countDistinct, type CountDistinctOptions } from './distinct-sketch.ts'
import { type QuantileOptions, quantiles } from './quantile-sketch.ts'

/**
 * `n` quantiles of each window's numbers, or of each key's, at even distances: of 5, the least, the quartiles and the greatest (Beam's
 * ApproximateQuantiles). The least and the greatest are exact; the others lie within `relativeError` of an element at that rank. None of
 * nothing. The sketch is a DDSketch, whose size follows from the range of the numbers, not from how many there are.
 *
 * Both throw a RangeError for an `n` below 2 and for a relativeError that is none; a number that is not finite ends the run.
 *
 * @example
 * pipe(views, PCollection.keyBy(view => view.page), PCollection.mapValues(view => view.millis), ApproximateQuantiles.perKey(101)) // percentiles
 */
export const ApproximateQuantiles = Object.freeze({
  globally: (n: number, o?: QuantileOptions): ((pc: PCollection<number>) => PCollection<ReadonlyArray<number>>) => {
    const fn = quantiles(n, o)
    return pc => combineAll(fn, 'ApproximateQuantiles.globally', pc)
  },
  perKey: (n: number, o?: QuantileOptions): (<K>(pc: PCollection<KV<K, number>>) => PCollection<KV<K, ReadonlyArray<number>>>) => {
    const fn = quantiles(n, o)
    return pc => combineValues(fn, 'ApproximateQuantiles.perKey', pc)
  },
})

/**
 * How many different elements each window has, or different values each key; equal if their encodings are (Beam's
 * ApproximateCountDistinct). Exact for small sets (2,048 elements, unless told another error), and beyond with a standard error of
 * `relativeError`: two counts of three lie within it. Throws a RangeError for a relativeError that is none.
 *
 * @example
 * pipe(views, PCollection.map(view => view.user), ApproximateCountDistinct.globally())
 */
export const ApproximateCountDistinct = Object.freeze({
  globally: (o?: CountDistinctOptions): ((pc: PCollection<unknown>) => PCollection<number>) => {
    const fn = countDistinct(o)
    return pc => combineAll(fn, 'ApproximateCountDistinct.globally', pc)
  },
  perKey: (o?: CountDistinctOptions): (<K>(pc: PCollection<KV<K, unknown>>) => PCollection<KV<K, number>>) => {
    const fn = countDistinct(o)
    return pc => combineValues(fn, 'ApproximateCountDistinct.perKey', pc)
  },
})
