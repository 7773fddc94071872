// The values of pairs, one to one.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'

/**
 * Each pair with its value through `f`; keys, and their coder, stay.
 *
 * @example
 * pipe(views, PCollection.keyBy(view => view.page), PCollection.mapValues(view => view.millis))
 */
export const mapValues =
  <V, const B>(f: (v: V) => B) =>
  <K>(pc: PCollection<KV<K, V>>): PCollection<KV<K, B>> =>
    apply({ _tag: 'MapValues', f }, [pc], { kind: 'mapValues' })
