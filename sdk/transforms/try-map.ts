// One to one, where what throws is data.
import type { Either } from 'fp-ts/lib/Either.js'
import { requireFunction } from '../graph/misuse.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { Failure } from '../model/failure.ts'

/**
 * As `map`, but what throws becomes a Left with the element, the error's message and its stack: for `separate` or `deadLetter`.
 *
 * @example
 * pipe(texts, PCollection.tryMap(text => parse(text)), PCollection.deadLetter(rejected))
 */
export const tryMap =
  <A, B>(f: (a: A) => B) =>
  (pc: PCollection<A>): PCollection<Either<Failure<A>, B>> =>
    apply({ _tag: 'TryMap', f }, [pc], { kind: 'tryMap' })

/** As `tryMap` under another verb's name, of what `then` makes of a result. A promise is handed on, and refused as everywhere. */
export const attempted = <A, R, B>(
  kind: string,
  f: (a: A) => R,
  then: (result: R, a: A) => B,
  pc: PCollection<A>,
): PCollection<Either<Failure<A>, B>> => {
  requireFunction(kind, f)
  const attempt = (a: A): unknown => {
    const result = f(a)
    return result instanceof Promise ? result : then(result, a)
  }
  return apply({ _tag: 'TryMap', f: attempt }, [pc], { kind })
}
