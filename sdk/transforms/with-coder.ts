// A coder for a collection's elements.
import type { Coder } from '../coders/index.ts'
import { erasedCoder } from '../graph/erased.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'

/**
 * Says how the elements are encoded wherever they must be; the default coder takes any plain data. With `Coder.kv` it also says how
 * their keys are.
 *
 * @example
 * pipe(totals, PCollection.withCoder(Coder.kv(Coder.string, Coder.double)))
 */
export const withCoder =
  <A>(coder: Coder<A>) =>
  (pc: PCollection<A>): PCollection<A> =>
    apply({ _tag: 'WithCoder', coder: erasedCoder(coder) }, [pc], { kind: 'withCoder' })
