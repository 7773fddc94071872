// Pairs without their values.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'

/**
 * The key of each pair; as many as there are pairs (Beam's Keys).
 *
 * @example
 * pipe(counts, PCollection.keys) // => 'a', 'b'
 */
export const keys = <K, V>(pc: PCollection<KV<K, V>>): PCollection<K> => apply({ _tag: 'Keys' }, [pc], { kind: 'keys' })
