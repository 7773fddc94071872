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
 * const millis = pipe(views, PCollection.keyBy(view => view.page), PCollection.mapValues(view => view.millis))
 * pipe(millis, ApproximateQuantiles.perKey(101)) // percentiles
 * pipe(millis, PCollection.values, ApproximateQuantiles.globally(2)) // => [1_000, 3_000]
 */
export const ApproximateQuantiles = Object.freeze({
  /** Of each window's numbers. */
  globally: (n: number, o?: QuantileOptions): ((pc: PCollection<number>) => PCollection<ReadonlyArray<number>>) => {
    const fn = quantiles(n, o)
    return pc => combineAll(fn, 'ApproximateQuantiles.globally', pc)
  },
  /** Of each key's numbers. */
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
 * pipe(views, PCollection.map(view => view.user), ApproximateCountDistinct.globally()) // => 2
 * const users = pipe(views, PCollection.keyBy(view => view.page), PCollection.mapValues(view => view.user))
 * pipe(users, ApproximateCountDistinct.perKey({ relativeError: 0.05 })) // => ['/', 2], ['/b', 1]
 */
export const ApproximateCountDistinct = Object.freeze({
  /** Of each window's elements. */
  globally: (o?: CountDistinctOptions): ((pc: PCollection<unknown>) => PCollection<number>) => {
    const fn = countDistinct(o)
    return pc => combineAll(fn, 'ApproximateCountDistinct.globally', pc)
  },
  /** Of each key's values. */
  perKey: (o?: CountDistinctOptions): (<K>(pc: PCollection<KV<K, unknown>>) => PCollection<KV<K, number>>) => {
    const fn = countDistinct(o)
    return pc => combineValues(fn, 'ApproximateCountDistinct.perKey', pc)
  },
})
