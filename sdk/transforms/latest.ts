// What has the latest timestamp.
import { none, some, type Option } from 'fp-ts/lib/Option.js'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import type { Windowed } from '../model/pane.ts'
import type { CombineFn } from './combine-fn.ts'
import { someOfAll, someValues } from './combine-some.ts'
import { reifyValues } from './reify.ts'

type Newest<V> = readonly [timestamp: number, value: V] | null

const latest = <V>(): CombineFn<Windowed<V>, Newest<V>, Option<V>> => ({
  create: () => null,
  add: (newest, { timestamp, value }) => (newest === null || timestamp >= newest[0] ? [timestamp, value] : newest),
  merge: (a, b) => (a === null || (b !== null && b[0] >= a[0]) ? b : a),
  extract: newest => (newest === null ? none : some(newest[1])),
})

/**
 * The element of each window, or the value of each key, that has the latest timestamp; any of them where several are. Nothing comes out
 * of nothing (Beam's Latest).
 *
 * @example
 * pipe(prices, PCollection.map(price => price.price), Latest.globally) // => 3
 * pipe(prices, PCollection.keyBy(price => price.symbol), PCollection.mapValues(price => price.price), Latest.perKey) // => ['NAT', 3], ['JET', 2]
 */
export const Latest = Object.freeze({
  /** Of each window's elements. */
  globally: <V>(pc: PCollection<V>): PCollection<V> =>
    someOfAll(
      latest<V>(),
      'Latest.globally',
      apply<Windowed<V>>({ _tag: 'ReifyWindowed', of: 'element' }, [pc], { kind: 'Latest.globally.at' }),
    ),
  /** Of each key's values. */
  perKey: <K, V>(pc: PCollection<KV<K, V>>): PCollection<KV<K, V>> =>
    someValues(latest<V>(), 'Latest.perKey', reifyValues(pc, 'Latest.perKey.at')),
})
