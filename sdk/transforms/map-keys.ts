// The keys of pairs, one to one.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'

/**
 * Each pair with its key through `f`; the new keys have the default coder.
 *
 * @example
 * pipe(counts, PCollection.mapKeys(word => word.toUpperCase())) // => ['A', 2], ['B', 1]
 */
export const mapKeys =
  <K, const L>(f: (k: K) => L) =>
  <V>(pc: PCollection<KV<K, V>>): PCollection<KV<L, V>> =>
    apply({ _tag: 'MapKeys', f, coder: null }, [pc], { kind: 'mapKeys' })
