// One to one.
import { apply, type PCollection } from '../graph/pcollection.ts'

/**
 * Each element through `f`, which must be synchronous and pure: a promise is an error that names `mapAsync`, and what it throws ends the
 * run with the transform's path and the element (see `tryMap`). A literal array or record keeps its shape: `w => [w, 1]` gives pairs.
 *
 * @example
 * pipe(orders, PCollection.map(order => order.total))
 */
export const map =
  <A, const B>(f: (a: A) => B) =>
  (pc: PCollection<A>): PCollection<B> =>
    apply({ _tag: 'Map', f }, [pc], { kind: 'map' })
