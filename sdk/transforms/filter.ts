// Some of the elements.
import type { Refinement } from 'fp-ts/lib/Refinement.js'
import { apply, type PCollection } from '../graph/pcollection.ts'

/**
 * The elements for which `p` holds. A type guard, also one that TypeScript infers, narrows their type.
 *
 * @example
 * pipe(names, PCollection.filter(name => name !== null))
 */
export function filter<A, B extends A>(p: Refinement<A, B>): (pc: PCollection<A>) => PCollection<B>
export function filter<A>(p: (a: A) => boolean): (pc: PCollection<A>) => PCollection<A>
export function filter<A>(p: (a: A) => boolean): (pc: PCollection<A>) => PCollection<A> {
  return pc => apply({ _tag: 'Filter', f: p }, [pc], { kind: 'filter' })
}
