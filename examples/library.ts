// Composite transforms as a package would publish them: generic, named, with several outputs; types flow through from whoever uses them.
import * as E from 'fp-ts/lib/Either.js'
import type { Ord } from 'fp-ts/lib/Ord.js'
import { type Duration, FixedWindows, type KV, Latest, PCollection, Top, Window, flow, named, pipe } from 'jetbeam'

export interface Rejected<A, R> {
  readonly element: A
  readonly reason: R
}

/** Splits a collection by a check; the reasons keep their type. */
export const validate = <A, R, B>(check: (a: A) => E.Either<R, B>) =>
  named('Validate', (pc: PCollection<A>) => {
    const { left, right } = pipe(
      pc,
      PCollection.map(element =>
        pipe(
          check(element),
          E.mapLeft((reason): Rejected<A, R> => ({ element, reason })),
        ),
      ),
      PCollection.separate,
    )
    return { rejected: left, valid: right }
  })

/** The best `n` of each key in each window. */
export const bestPerKey = <V>(n: number, ord: Ord<V>, every: Duration) =>
  named('BestPerKey', <K>(pc: PCollection<KV<K, V>>) => pipe(pc, Window.into(FixedWindows.of(every)), Top.perKey(n, ord)))

/** Generic to the end: nothing is fixed until it is used. */
export const latestValues = <K, V>(pc: PCollection<KV<K, V>>) =>
  pipe(pc, named('LatestValues', flow(Latest.perKey<K, V>, PCollection.values)))
