// The arithmetic mean, and the sum.
import { MonoidSum } from 'fp-ts/lib/number.js'
import type { PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { combineAll, combineValues } from './combine.ts'
import { CombineFn } from './combine-fn.ts'

/**
 * The arithmetic mean of each window's numbers, or of each key's; NaN of nothing (Beam's Mean).
 *
 * @example
 * pipe(views, PCollection.keyBy(view => view.page), PCollection.mapValues(view => view.millis), Mean.perKey)
 */
export const Mean = Object.freeze({
  globally: (pc: PCollection<number>): PCollection<number> => combineAll(CombineFn.mean, 'Mean.globally', pc),
  perKey: <K>(pc: PCollection<KV<K, number>>): PCollection<KV<K, number>> => combineValues(CombineFn.mean, 'Mean.perKey', pc),
})

const sum = CombineFn.fromMonoid(MonoidSum)

/**
 * The sum of each window's numbers, or of each key's; 0 of nothing (Beam's Sum).
 *
 * @example
 * pipe(orders, PCollection.map(order => order.total), Sum.globally)
 */
export const Sum = Object.freeze({
  globally: (pc: PCollection<number>): PCollection<number> => combineAll(sum, 'Sum.globally', pc),
  perKey: <K>(pc: PCollection<KV<K, number>>): PCollection<KV<K, number>> => combineValues(sum, 'Sum.perKey', pc),
})
