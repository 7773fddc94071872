// Some of the elements, changed, where what throws is data.
import { type Either, isLeft, right } from 'fp-ts/lib/Either.js'
import { isNone, type Option, some } from 'fp-ts/lib/Option.js'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { Failure } from '../model/failure.ts'
import { attempted } from './try-map.ts'

/**
 * As `filterMap`, but what throws becomes a Left with the element; a None is dropped.
 *
 * @example
 * pipe(texts, PCollection.tryFilterMap(text => O.fromNullable(parse(text))), PCollection.deadLetter(rejected))
 */
export const tryFilterMap =
  <A, B>(f: (a: A) => Option<B>) =>
  (pc: PCollection<A>): PCollection<Either<Failure<A>, B>> =>
    somes(
      'tryFilterMap',
      attempted('tryFilterMap', f, option => option, pc),
    )

/** Without what is Right of None. */
export const somes = <A, B>(kind: string, pc: PCollection<Either<Failure<A>, Option<B>>>): PCollection<Either<Failure<A>, B>> => {
  const f = (result: Either<Failure<A>, Option<B>>): Option<Either<Failure<A>, B>> =>
    isLeft(result) ? some(result) : isNone(result.right) ? result.right : some(right(result.right.value))
  return apply({ _tag: 'FilterMap', f }, [pc], { kind: `${kind}.some` })
}
