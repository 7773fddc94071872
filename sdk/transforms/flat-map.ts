// One to any number.
import { apply, type PCollection } from '../graph/pcollection.ts'

/** What an iterable gives. */
export type ItemOf<R> = R extends Iterable<infer A> ? A : never

/**
 * Each element into all that `f` gives for it: an array, a generator, any iterable. Outputs have their element's timestamp and windows.
 *
 * @example
 * pipe(lines, PCollection.flatMap(line => line.split(' ')))
 */
export const flatMap =
  // The whole return type is inferred: from an element type alone, branches of unlike arrays would not unify.
  <A, R extends Iterable<unknown>>(f: (a: A) => R) =>
    (pc: PCollection<A>): PCollection<ItemOf<R>> =>
      apply({ _tag: 'FlatMap', f }, [pc], { kind: 'flatMap' })
