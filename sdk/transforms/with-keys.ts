// Elements under a key, by Beam's name.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { keyBy } from './key-by.ts'

/**
 * Gives each element a key (Beam's WithKeys): `of` by a function, as PCollection.keyBy, `constant` the same one to all, which brings
 * them together in one place.
 *
 * @example
 * pipe(orders, WithKeys.of(order => order.customer))
 * pipe(orders, WithKeys.constant('all'), GroupByKey.of)
 */
export const WithKeys = Object.freeze({
  of: keyBy,
  constant:
    <const K>(key: K) =>
    <A>(pc: PCollection<A>): PCollection<KV<K, A>> =>
      apply({ _tag: 'KeyBy', f: () => key, coder: null }, [pc], { kind: 'WithKeys.constant' }),
})
