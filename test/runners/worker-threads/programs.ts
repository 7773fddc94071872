// Pipelines that worker threads build again.
import * as N from 'fp-ts/lib/number.js'
import { Combine, Count, Create, PCollection, Pipeline, pipe } from '../../../sdk/index.ts'
import { PAssert, containsInAnyOrder } from '../../../runners/direct/testing.ts'

export const counts = Pipeline.define(import.meta, 'counts', () =>
  pipe(
    Create.of(Array.from({ length: 10_000 }, (_, i) => `word${i % 7}`)),
    Count.perElement,
    PAssert.that(containsInAnyOrder(Array.from({ length: 7 }, (_, i) => [`word${i}`, i < 4 ? 1_429 : 1_428]))),
    PCollection.ignore,
  ),
)

export const sums = Pipeline.define(import.meta, 'sums', () =>
  pipe(Create.of([1, 2, 3, 4]), Combine.globally(N.MonoidSum), PAssert.that(containsInAnyOrder([10])), PCollection.ignore),
)
