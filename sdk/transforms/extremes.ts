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
 * pipe(temperatures, Min.globally(N.Ord)) // => 18
 * pipe(orders, PCollection.keyBy(order => order.shop), PCollection.mapValues(order => order.total), Min.perKey(N.Ord)) // => ['north', 20], ['south', 0]
 */
export const Min = Object.freeze({
  /** Of each window's elements. */
  globally:
    <V>(ord: Ord<V>) =>
    (pc: PCollection<V>): PCollection<V> =>
      someOfAll(CombineFn.min(ord), 'Min.globally', pc),
  /** Of each key's values. */
  perKey:
    <V>(ord: Ord<V>) =>
    <K>(pc: PCollection<KV<K, V>>): PCollection<KV<K, V>> =>
      someValues(CombineFn.min(ord), 'Min.perKey', pc),
  /**
   * The same in two steps, for keys with more elements than one task combines in time (Beam's withFanout and withHotKeyFanout).
   *
   * @param fanout number of parts, from 1, that each key's elements are spread over
   * @throws RangeError for a fanout that is no whole number from 1, when the transform is applied
   * @example
   * pipe(temperatures, Min.withFanout(4).globally(N.Ord)) // => 18
   */
  withFanout: (fanout: number) => ({
    globally:
      <V>(ord: Ord<V>) =>
      (pc: PCollection<V>): PCollection<V> =>
        someOfAll(CombineFn.min(ord), 'Min.globally', pc, fanout),
    perKey:
      <V>(ord: Ord<V>) =>
      <K>(pc: PCollection<KV<K, V>>): PCollection<KV<K, V>> =>
        someValues(CombineFn.min(ord), 'Min.perKey', pc, fanout),
  }),
})

/**
 * The greatest element of each window by an Ord, or the greatest value of each key; any of them where several are. Nothing comes out of
 * nothing (Beam's Max).
 *
 * @example
 * pipe(temperatures, Max.globally(N.Ord)) // => 21
 * pipe(orders, PCollection.keyBy(order => order.shop), PCollection.mapValues(order => order.total), Max.perKey(N.Ord)) // => ['north', 30], ['south', 5]
 */
export const Max = Object.freeze({
  /** Of each window's elements. */
  globally:
    <V>(ord: Ord<V>) =>
    (pc: PCollection<V>): PCollection<V> =>
      someOfAll(CombineFn.max(ord), 'Max.globally', pc),
  /** Of each key's values. */
  perKey:
    <V>(ord: Ord<V>) =>
    <K>(pc: PCollection<KV<K, V>>): PCollection<KV<K, V>> =>
      someValues(CombineFn.max(ord), 'Max.perKey', pc),
  /**
   * The same in two steps, for keys with more elements than one task combines in time (Beam's withFanout and withHotKeyFanout).
   *
   * @param fanout number of parts, from 1, that each key's elements are spread over
   * @throws RangeError for a fanout that is no whole number from 1, when the transform is applied
   * @example
   * pipe(temperatures, Max.withFanout(4).globally(N.Ord)) // => 21
   */
  withFanout: (fanout: number) => ({
    globally:
      <V>(ord: Ord<V>) =>
      (pc: PCollection<V>): PCollection<V> =>
        someOfAll(CombineFn.max(ord), 'Max.globally', pc, fanout),
    perKey:
      <V>(ord: Ord<V>) =>
      <K>(pc: PCollection<KV<K, V>>): PCollection<KV<K, V>> =>
        someValues(CombineFn.max(ord), 'Max.perKey', pc, fanout),
  }),
})
