// The least and the greatest.
import type { Ord } from 'fp-ts/lib/Ord.js'
import type { PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { CombineFn } from './combine-fn.ts'
import { someOfAll, someValues } from './combine-some.ts'

/**
 * The least element of each window by an Ord, or the least value of each key; any of them where several are. Nothing comes out of nothing
 * (Beam's Min).
 *
 * @example
 * pipe(orders, PCollection.keyBy(order => order.customer), PCollection.mapValues(order => order.total), Min.perKey(N.Ord))
 */
export const Min = Object.freeze({
  globally:
    <V>(ord: Ord<V>) =>
    (pc: PCollection<V>): PCollection<V> =>
      someOfAll(CombineFn.min(ord), 'Min.globally', pc),
  perKey:
    <V>(ord: Ord<V>) =>
    <K>(pc: PCollection<KV<K, V>>): PCollection<KV<K, V>> =>
      someValues(CombineFn.min(ord), 'Min.perKey', pc),
})

/**
 * The greatest element of each window by an Ord, or the greatest value of each key; any of them where several are. Nothing comes out of
 * nothing (Beam's Max).
 *
 * @example
 * pipe(temperatures, Max.globally(N.Ord))
 */
export const Max = Object.freeze({
  globally:
    <V>(ord: Ord<V>) =>
    (pc: PCollection<V>): PCollection<V> =>
      someOfAll(CombineFn.max(ord), 'Max.globally', pc),
  perKey:
    <V>(ord: Ord<V>) =>
    <K>(pc: PCollection<KV<K, V>>): PCollection<KV<K, V>> =>
      someValues(CombineFn.max(ord), 'Max.perKey', pc),
})
