// All values of a key and window, together.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'

/**
 * Each key of a window with all its values, in no order (Beam's GroupByKey). Keys are equal if their encodings are. A window fires when
 * its trigger says so; an unbounded collection in the global window needs one that fires before the end. A Combine is cheaper where one
 * will do: it keeps one accumulator instead of all values.
 *
 * @example
 * pipe(orders, PCollection.keyBy(order => order.customer), GroupByKey.of) // PCollection<KV<string, readonly Order[]>>
 */
export const GroupByKey = Object.freeze({
  /** Each key of a window with all its values. */
  of: <K, V>(pc: PCollection<KV<K, V>>): PCollection<KV<K, ReadonlyArray<V>>> =>
    apply({ _tag: 'GroupByKey' }, [pc], { kind: 'GroupByKey' }),
})
