// One to any number, where what throws is data.
import { type Either, isLeft, right } from 'fp-ts/lib/Either.js'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { Failure } from '../model/failure.ts'
import type { ItemOf } from './flat-map.ts'
import { attempted } from './try-map.ts'

/**
 * As `flatMap`, but what throws becomes a Left with the element: all of an element's outputs come out, or none and its failure.
 *
 * @example
 * pipe(texts, PCollection.tryFlatMap(text => Object.keys(parse(text))), PCollection.deadLetter(rejected)) // => 'id', 'size'
 */
export const tryFlatMap =
  <A, R extends Iterable<unknown>>(f: (a: A) => R) =>
  (pc: PCollection<A>): PCollection<Either<Failure<A>, ItemOf<R>>> =>
    // A generator runs, and throws, only while it is read.
    eachOf(
      'tryFlatMap',
      attempted('tryFlatMap', f, many => Array.from(many), pc),
    )

/** Each output by itself; a failure as it is. The items are believed to be what the verb's signature says. */
export const eachOf = <A, B>(
  kind: string,
  pc: PCollection<Either<Failure<A>, ReadonlyArray<unknown>>>,
): PCollection<Either<Failure<A>, B>> => {
  const each = (outputs: Either<Failure<A>, ReadonlyArray<unknown>>): ReadonlyArray<Either<Failure<A>, unknown>> =>
    isLeft(outputs) ? [outputs] : outputs.right.map(output => right(output))
  return apply({ _tag: 'FlatMap', f: each }, [pc], { kind: `${kind}.each` })
}
