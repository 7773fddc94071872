// Pairs without their keys.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'

/**
 * The value of each pair (Beam's Values).
 *
 * @example
 * pipe(counts, PCollection.values) // => 2, 1
 */
export const values = <K, V>(pc: PCollection<KV<K, V>>): PCollection<V> => apply({ _tag: 'Values' }, [pc], { kind: 'values' })
