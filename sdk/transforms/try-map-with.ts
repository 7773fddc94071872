// Element-wise verbs whose functions read side inputs, where what throws is data.
import { type Either, isLeft, left } from 'fp-ts/lib/Either.js'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { Failure } from '../model/failure.ts'
import type { Sides, SideValues } from '../model/side-input.ts'
import type { ItemOf } from './flat-map.ts'
import { withSides } from './map-with.ts'
import { eachOf } from './try-flat-map.ts'
import { attempted } from './try-map.ts'

type Sided<A, S extends Sides> = readonly [sides: SideValues<S>, element: A]

/** The failure is of the element, without its sides. */
const withoutSides = <A, S extends Sides, B>(
  kind: string,
  pc: PCollection<Either<Failure<Sided<A, S>>, B>>,
): PCollection<Either<Failure<A>, B>> => {
  const f = (result: Either<Failure<Sided<A, S>>, B>): Either<Failure<A>, B> =>
    isLeft(result) ? left({ ...result.left, element: result.left.element[1] }) : result
  return apply({ _tag: 'Map', f }, [pc], { kind: `${kind}.element` })
}

const attemptedWith = <S extends Sides, A, R, B>(
  kind: string,
  sides: S,
  f: (a: A, sides: SideValues<S>) => R,
  then: (result: R) => B,
  pc: PCollection<A>,
): PCollection<Either<Failure<A>, B>> => {
  // What withSides gives: the one place that reads it is the function below.
  const sided = withSides(kind, sides, pc) as PCollection<Sided<A, S>>
  return withoutSides(
    kind,
    attempted(kind, ([values, a]: Sided<A, S>) => f(a, values), then, sided),
  )
}

/**
 * As `mapWith`, but what throws becomes a Left with the element: for `separate` or `deadLetter`. So does a side that lacks what `f` reads.
 *
 * @example
 * const rate = pipe(rates, PCollection.filter(([currency]) => currency === 'USD'), PCollection.values, View.asSingleton)
 * pipe(orders, PCollection.tryMapWith({ rate }, (order, { rate }) => order.total * rate), PCollection.deadLetter(rejected)) // => 10, 15, 2.5, 0
 */
export const tryMapWith =
  <S extends Sides, A, B>(sides: S, f: (a: A, sides: SideValues<S>) => B) =>
  (pc: PCollection<A>): PCollection<Either<Failure<A>, B>> =>
    attemptedWith('tryMapWith', sides, f, result => result, pc)

/**
 * As `flatMapWith`, but what throws becomes a Left with the element: all of an element's outputs come out, or none and its failure.
 *
 * @example
 * const wanted = { ids: View.asIterable(Create.of(['x'])) }
 * pipe(texts, PCollection.tryFlatMapWith(wanted, (text, { ids }) => Array.from(ids).filter(id => id === parse(text).id)), PCollection.deadLetter(rejected)) // => 'x'
 */
export const tryFlatMapWith =
  <S extends Sides, A, R extends Iterable<unknown>>(sides: S, f: (a: A, sides: SideValues<S>) => R) =>
  (pc: PCollection<A>): PCollection<Either<Failure<A>, ItemOf<R>>> =>
    eachOf(
      'tryFlatMapWith',
      attemptedWith('tryFlatMapWith', sides, f, many => Array.from(many), pc),
    )
