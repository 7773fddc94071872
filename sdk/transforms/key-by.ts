// Elements under a key.
import type { Coder } from '../coders/index.ts'
import { erasedCoder } from '../graph/erased.ts'
import { requireKnown } from '../graph/misuse.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'

/**
 * Each element with the key that `f` gives it. Keys are compared by their encoding, so a tuple or a record works as one.
 *
 * @param f synchronous and pure
 * @param o `coder`: how keys are encoded; the default one takes any plain data. It must be deterministic
 * @example
 * pipe(views, PCollection.keyBy(view => [view.user, view.page]), Count.perKey)
 */
export const keyBy =
  <A, const K>(f: (a: A) => K, o?: { readonly coder?: Coder<K> | undefined }) =>
  (pc: PCollection<A>): PCollection<KV<K, A>> => {
    requireKnown('keyBy', o, ['coder'])
    return apply({ _tag: 'KeyBy', f, coder: o?.coder === undefined ? null : erasedCoder(o.coder) }, [pc], { kind: 'keyBy' })
  }
