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
 * pipe(totals, Top.of(10, Ord.contramap(([, millis]: KV<string, number>) => millis)(N.Ord)))
 */
export const Top = Object.freeze({
  of: <V>(n: number, ord: Ord<V>): ((pc: PCollection<V>) => PCollection<ReadonlyArray<V>>) => globally(n, ord, 'Top.of'),
  perKey: <V>(n: number, ord: Ord<V>) => perKey(n, ord, 'Top.perKey'),
  smallest: <V>(n: number, ord: Ord<V>): ((pc: PCollection<V>) => PCollection<ReadonlyArray<V>>) =>
    globally(n, reverse(ord), 'Top.smallest'),
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
