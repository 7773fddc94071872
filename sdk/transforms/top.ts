// The first few by an order.
import { type Ord, reverse } from 'fp-ts/lib/Ord.js'
import type { PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { combineAll, combineValues } from './combine.ts'
import { CombineFn } from './combine-fn.ts'

/**
 * The `n` largest elements of each window by an Ord as one array, largest first; `perKey` those of each key, `smallest` from the other
 * end (Beam's Top). Fewer where there are fewer. All throw a RangeError for an `n` that is no whole number from 1.
 *
 * @example
 * pipe(totals, Top.of(1, Ord.contramap(([, millis]: KV<string, number>) => millis)(N.Ord))) // => [['/', 3_000]]
 * pipe(temperatures, Top.smallest(2, N.Ord)) // => [18, 19]
 * const spent = pipe(orders, PCollection.keyBy(order => order.shop), PCollection.mapValues(order => order.total))
 * pipe(spent, Top.perKey(1, N.Ord)) // => ['north', [30]], ['south', [5]]
 * pipe(spent, Top.smallestPerKey(1, N.Ord)) // => ['north', [20]], ['south', [0]]
 */
export const Top = Object.freeze({
  /** The largest of each window. */
  of: <V>(n: number, ord: Ord<V>): ((pc: PCollection<V>) => PCollection<ReadonlyArray<V>>) => globally(n, ord, 'Top.of'),
  /** The largest of each key's values. */
  perKey: <V>(n: number, ord: Ord<V>) => perKey(n, ord, 'Top.perKey'),
  /** The smallest of each window, smallest first. */
  smallest: <V>(n: number, ord: Ord<V>): ((pc: PCollection<V>) => PCollection<ReadonlyArray<V>>) =>
    globally(n, reverse(ord), 'Top.smallest'),
  /** The smallest of each key's values. */
  smallestPerKey: <V>(n: number, ord: Ord<V>) => perKey(n, reverse(ord), 'Top.smallestPerKey'),
})

const globally = <V>(n: number, ord: Ord<V>, kind: string) => {
  const fn = CombineFn.top(n, ord)
  return (pc: PCollection<V>): PCollection<ReadonlyArray<V>> => combineAll(fn, kind, pc)
}

const perKey = <V>(n: number, ord: Ord<V>, kind: string) => {
  const fn = CombineFn.top(n, ord)
  return <K>(pc: PCollection<KV<K, V>>): PCollection<KV<K, ReadonlyArray<V>>> => combineValues(fn, kind, pc)
}
