// A collection of what the program already holds.
import type { Coder } from '../coders/index.ts'
import { erasedCoder } from '../graph/erased.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'

/**
 * Collections from values in memory: bounded, at Instant.min, in the global window (Beam's Create).
 *
 * An array is kept, not copied, so it must not change afterwards; any other iterable is read at once. Elements have no order.
 *
 * @param as the elements; none is fine
 * @param o `name`: what the source is called in errors and checkpoints; `coder`: of the elements
 * @example
 * pipe(Create.of(['a b', 'b']), PCollection.flatMap(line => line.split(' ')), Count.perElement)
 */
export const Create = Object.freeze({
  /** Keeps an array as it is: do not change it afterwards. */
  of: <A>(as: Iterable<A>, o?: { readonly name?: string | undefined; readonly coder?: Coder<A> | undefined }): PCollection<A> =>
    apply(
      { _tag: 'Create', elements: Array.isArray(as) ? as : Array.from(as), coder: o?.coder === undefined ? null : erasedCoder(o.coder) },
      [],
      { kind: 'Create', name: o?.name ?? null },
    ),
})
