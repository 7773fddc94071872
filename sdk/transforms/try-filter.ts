// Some of the elements, where what throws is data.
import type { Either } from 'fp-ts/lib/Either.js'
import { none, some } from 'fp-ts/lib/Option.js'
import type { Refinement } from 'fp-ts/lib/Refinement.js'
import type { PCollection } from '../graph/pcollection.ts'
import type { Failure } from '../model/failure.ts'
import { somes } from './try-filter-map.ts'
import { attempted } from './try-map.ts'

/**
 * As `filter`, but an element for which `p` throws becomes a Left; one for which it does not hold is dropped.
 *
 * @example
 * pipe(texts, PCollection.tryFilter(text => parse(text).size > 1), PCollection.deadLetter(rejected))
 */
export function tryFilter<A, B extends A>(p: Refinement<A, B>): (pc: PCollection<A>) => PCollection<Either<Failure<A>, B>>
export function tryFilter<A>(p: (a: A) => boolean): (pc: PCollection<A>) => PCollection<Either<Failure<A>, A>>
export function tryFilter<A>(p: (a: A) => boolean): (pc: PCollection<A>) => PCollection<Either<Failure<A>, A>> {
  return pc =>
    somes(
      'tryFilter',
      attempted('tryFilter', p, (holds, a) => (holds ? some(a) : none), pc),
    )
}
