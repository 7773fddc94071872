// Some of the elements, changed.
import type { Option } from 'fp-ts/lib/Option.js'
import { apply, type PCollection } from '../graph/pcollection.ts'

/**
 * What `f` gives as Some; a None is dropped.
 *
 * @example
 * pipe(names, PCollection.filterMap(O.fromNullable)) // => 'ada'
 */
export const filterMap =
  <A, B>(f: (a: A) => Option<B>) =>
  (pc: PCollection<A>): PCollection<B> =>
    apply({ _tag: 'FilterMap', f }, [pc], { kind: 'filterMap' })
