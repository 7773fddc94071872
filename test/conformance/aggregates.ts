// Aggregations and joins by name: what they give must not depend on bundles, tasks or runners.
import { assert } from 'chai'
import * as N from 'fp-ts/lib/number.js'
import * as O from 'fp-ts/lib/Option.js'
import * as T from 'fp-ts/lib/These.js'
import {
  AfterCount,
  AfterWatermark,
  ApproximateCountDistinct,
  ApproximateQuantiles,
  CoGroupByKey,
  Combine,
  CombineFn,
  Count,
  Create,
  Distinct,
  Encoder,
  FixedWindows,
  GroupByKey,
  Instant,
  Join,
  type KV,
  Latest,
  Max,
  Mean,
  Min,
  PCollection,
  Pipeline,
  Sample,
  Sum,
  Top,
  Window,
  millis,
  pipe,
} from '../../sdk/index.ts'
import { PAssert, containsInAnyOrder, empty } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'

const scores: PCollection<KV<string, number>> = Create.of([
  ['a', 3],
  ['a', 1],
  ['b', 2],
  ['a', 8],
  ['b', 2],
])
const done = <A>(pc: PCollection<A>) => PCollection.ignore(pc)
const asserted =
  <A>(expected: ReadonlyArray<A>) =>
  (pc: PCollection<A>) =>
    pipe(pc, PAssert.that(containsInAnyOrder(expected)), done)

/** Of a sketch, what is sure. */
const rounded = (quantiles: ReadonlyArray<number>): ReadonlyArray<number> => quantiles.map(Math.round)

export const perKey = Pipeline.define(import.meta, 'perKey', () => [
  pipe(
    scores,
    Min.perKey(N.Ord),
    asserted<KV<string, number>>([
      ['a', 1],
      ['b', 2],
    ]),
  ),
  pipe(
    scores,
    Max.perKey(N.Ord),
    asserted<KV<string, number>>([
      ['a', 8],
      ['b', 2],
    ]),
  ),
  pipe(
    scores,
    Mean.perKey,
    asserted<KV<string, number>>([
      ['a', 4],
      ['b', 2],
    ]),
  ),
  pipe(
    scores,
    Sum.perKey,
    asserted<KV<string, number>>([
      ['a', 12],
      ['b', 4],
    ]),
  ),
  pipe(
    scores,
    Count.perKey,
    asserted<KV<string, number>>([
      ['a', 3],
      ['b', 2],
    ]),
  ),
  pipe(
    scores,
    Top.perKey(2, N.Ord),
    asserted<KV<string, ReadonlyArray<number>>>([
      ['a', [8, 3]],
      ['b', [2, 2]],
    ]),
  ),
  pipe(
    scores,
    Top.smallestPerKey(2, N.Ord),
    asserted<KV<string, ReadonlyArray<number>>>([
      ['a', [1, 3]],
      ['b', [2, 2]],
    ]),
  ),
  pipe(
    scores,
    ApproximateQuantiles.perKey(2),
    asserted<KV<string, ReadonlyArray<number>>>([
      ['a', [1, 8]],
      ['b', [2, 2]],
    ]),
  ),
  pipe(
    scores,
    ApproximateCountDistinct.perKey(),
    asserted<KV<string, number>>([
      ['a', 3],
      ['b', 1],
    ]),
  ),
  pipe(
    scores,
    Sample.fixedSizePerKey(5),
    PCollection.mapValues(all => [...all].sort()),
    asserted<KV<string, ReadonlyArray<number>>>([
      ['a', [1, 3, 8]],
      ['b', [2, 2]],
    ]),
  ),
])

export const globally = Pipeline.define(import.meta, 'globally', () => {
  const values = PCollection.values(scores)
  return [
    pipe(values, Min.globally(N.Ord), asserted([1])),
    pipe(values, Max.globally(N.Ord), asserted([8])),
    pipe(values, Sum.globally, asserted([16])),
    pipe(values, Top.of(1, N.Ord), asserted<ReadonlyArray<number>>([[8]])),
    pipe(values, Top.smallest(2, N.Ord), asserted<ReadonlyArray<number>>([[1, 2]])),
    pipe(values, ApproximateQuantiles.globally(3), PCollection.map(rounded), asserted<ReadonlyArray<number>>([[1, 2, 8]])),
    pipe(values, Mean.globally, asserted([3.2])),
    pipe(values, Latest.globally, Count.globally, asserted([1])),
    pipe(
      values,
      Sample.fixedSizeGlobally(3),
      PAssert.satisfies(all => {
        const rest = [1, 2, 2, 3, 8]
        assert.lengthOf(all, 1)
        assert.lengthOf(all[0] ?? [], 3)
        for (const n of all[0] ?? []) assert.lengthOf(rest.splice(rest.indexOf(n), 1), 1)
      }),
      done,
    ),
    pipe(values, Distinct.of, asserted([1, 2, 3, 8])),
    pipe(values, ApproximateCountDistinct.globally(), asserted([4])),
    pipe(values, ApproximateQuantiles.globally(2), asserted<ReadonlyArray<number>>([[1, 8]])),
    pipe(values, Sample.any(9), asserted([1, 2, 2, 3, 8])),
    pipe(
      values,
      Sample.fixedSizeGlobally(9),
      PCollection.map(all => [...all].sort()),
      asserted<ReadonlyArray<number>>([[1, 2, 2, 3, 8]]),
    ),
  ]
})

export const combineFns = Pipeline.define(import.meta, 'combineFns', () => {
  const values = PCollection.values(scores)
  const lengths = pipe(
    CombineFn.fromMonoid(N.MonoidSum),
    CombineFn.contramap((text: string) => text.length),
    CombineFn.map(n => `${n} letters`),
  )
  return [
    pipe(values, Combine.globally(CombineFn.min(N.Ord)), asserted<O.Option<number>>([O.some(1)])),
    pipe(values, Combine.globally(CombineFn.max(N.Ord)), asserted<O.Option<number>>([O.some(8)])),
    pipe(values, Combine.globally(CombineFn.top(2, N.Ord)), asserted<ReadonlyArray<number>>([[8, 3]])),
    pipe(values, Combine.globally(pipe(CombineFn.quantiles(3), CombineFn.map(rounded))), asserted<ReadonlyArray<number>>([[1, 2, 8]])),
    pipe(values, Combine.globally(CombineFn.countDistinct()), asserted([4])),
    pipe(Create.of(['a', 'bb', 'cc']), Combine.globally(lengths), asserted(['5 letters'])),
    pipe(
      values,
      Combine.globally(
        pipe(
          CombineFn.count,
          CombineFn.groupBy((n: number) => (n % 2 === 0 ? 'even' : 'odd')),
        ),
      ),
      PCollection.flatMap(groups => groups),
      asserted<KV<string, number>>([
        ['even', 3],
        ['odd', 2],
      ]),
    ),
  ]
})

export const ofNothing = Pipeline.define(import.meta, 'ofNothing', () => {
  const none = Create.of<number>([])
  return [
    pipe(none, Min.globally(N.Ord), PAssert.that(empty), done),
    pipe(none, Latest.globally, PAssert.that(empty), done),
    pipe(none, Sample.any(3), PAssert.that(empty), done),
    pipe(none, Sum.globally, asserted([0])),
    pipe(none, Mean.globally, PAssert.that(empty), done),
    pipe(none, Top.of(3, N.Ord), asserted<ReadonlyArray<number>>([[]])),
    pipe(none, Combine.globally(CombineFn.max(N.Ord)), asserted<O.Option<number>>([O.none])),
  ]
})

/** An early pane has taken all, and the one at the end is empty: what an encoder refuses must not come out of it. */
export const ofEmptyPanes = Pipeline.define(import.meta, 'ofEmptyPanes', () => {
  const firings = { trigger: AfterWatermark.pastEndOfWindow({ early: AfterCount.of(1) }), accumulation: 'discarding' } as const
  const four = (o?: { readonly onTimeBehavior: 'fireIfNonEmpty' }) =>
    pipe(Create.of([['k', 4] as const]), Window.into(FixedWindows.of(millis(50)), { ...firings, ...o }))
  const asJson = PCollection.map((pair: KV<string, number>) => new TextDecoder().decode(Encoder.json<KV<string, number>>().encode(pair)))
  return [
    pipe(four(), Mean.perKey, asJson, asserted(['["k",4]'])),
    pipe(four(), Max.perKey(N.Ord), asJson, asserted(['["k",4]'])),
    pipe(four(), Min.perKey(N.Ord), asJson, asserted(['["k",4]'])),
    pipe(four(), PCollection.values, Mean.globally, asserted([4])),
    pipe(four(), Sum.perKey, asJson, asserted(['["k",4]', '["k",0]'])),
    pipe(four({ onTimeBehavior: 'fireIfNonEmpty' }), Sum.perKey, asJson, asserted(['["k",4]'])),
    pipe(four({ onTimeBehavior: 'fireIfNonEmpty' }), GroupByKey.of, asserted<KV<string, ReadonlyArray<number>>>([['k', [4]]])),
  ]
})

export const latest = Pipeline.define(import.meta, 'latest', () => {
  const stamped = pipe(
    scores,
    PCollection.withTimestamps(([, n]) => Instant.ofMillis(n)),
  )
  return [
    pipe(
      stamped,
      Latest.perKey,
      asserted<KV<string, number>>([
        ['a', 8],
        ['b', 2],
      ]),
    ),
    pipe(
      stamped,
      Window.into(FixedWindows.of(millis(4))),
      Latest.perKey,
      asserted<KV<string, number>>([
        ['a', 3],
        ['a', 8],
        ['b', 2],
      ]),
    ),
    pipe(
      stamped,
      Window.into(FixedWindows.of(millis(4))),
      Distinct.by(([key]) => key),
      PCollection.keys,
      asserted(['a', 'a', 'b']),
    ),
  ]
})

export const spread = Pipeline.define(import.meta, 'spread', () => {
  const many = Create.of(Array.from({ length: 60 }, (_, i): KV<string, number> => [i % 6 === 0 ? 'cold' : 'hot', i]))
  const expected: ReadonlyArray<KV<string, number>> = [
    ['hot', 1_500],
    ['cold', 270],
  ]
  return [
    pipe(many, Combine.perKey(N.MonoidSum, { fanout: 3 }), asserted(expected)),
    pipe(many, Combine.perKey(N.MonoidSum, { fanout: (key: string) => (key === 'hot' ? 4 : 1) }), asserted(expected)),
    pipe(many, PCollection.values, Combine.globally(N.MonoidSum, { fanout: 5 }), asserted([1_770])),
    pipe(many, Sum.withFanout(3).perKey, asserted(expected)),
    pipe(many, PCollection.values, Count.withFanout(5).globally, asserted([60])),
    pipe(many, PCollection.values, Mean.withFanout(5).globally, asserted([29.5])),
    pipe(many, PCollection.values, Min.withFanout(5).globally(N.Ord), asserted([0])),
    pipe(many, PCollection.values, Max.withFanout(5).globally(N.Ord), asserted([59])),
  ]
})

export const joins = Pipeline.define(import.meta, 'joins', () => {
  const left: PCollection<KV<string, number>> = Create.of([
    ['a', 1],
    ['a', 2],
    ['b', 3],
  ])
  const right: PCollection<KV<string, string>> = Create.of([
    ['a', 'x'],
    ['c', 'y'],
  ])
  return [
    pipe(
      left,
      Join.inner(right),
      asserted<KV<string, readonly [number, string]>>([
        ['a', [1, 'x']],
        ['a', [2, 'x']],
      ]),
    ),
    pipe(
      left,
      Join.left(right),
      asserted<KV<string, readonly [number, O.Option<string>]>>([
        ['a', [1, O.some('x')]],
        ['a', [2, O.some('x')]],
        ['b', [3, O.none]],
      ]),
    ),
    pipe(
      left,
      Join.right(right),
      asserted<KV<string, readonly [O.Option<number>, string]>>([
        ['a', [O.some(1), 'x']],
        ['a', [O.some(2), 'x']],
        ['c', [O.none, 'y']],
      ]),
    ),
    pipe(
      left,
      Join.full(right),
      asserted<KV<string, T.These<number, string>>>([
        ['a', T.both(1, 'x')],
        ['a', T.both(2, 'x')],
        ['b', T.left(3)],
        ['c', T.right('y')],
      ]),
    ),
    pipe(
      CoGroupByKey.of({ left, right }),
      PCollection.mapValues(both => [both.left.length, both.right.length]),
      asserted<KV<string, readonly number[]>>([
        ['a', [2, 1]],
        ['b', [1, 0]],
        ['c', [0, 1]],
      ]),
    ),
  ]
})

export const aggregateCases: ReadonlyArray<Case> = [
  { says: 'aggregations give each key its value', pipeline: perKey },
  { says: 'aggregations give all elements one value', pipeline: globally },
  { says: 'a CombineFn may be made of another: of its inputs, its result or its groups', pipeline: combineFns },
  { says: 'aggregations of nothing give their default, or nothing', pipeline: ofNothing },
  { says: 'an empty pane at the end of a window gives no mean, least or greatest, and is left out on request', pipeline: ofEmptyPanes },
  { says: 'the latest is that of each key and window, and Distinct is by window', pipeline: latest },
  { says: 'a combine that spreads hot keys gives what it gives without', pipeline: spread },
  { says: 'joins pair what keys have on both sides, and keep what they lack', pipeline: joins },
]
