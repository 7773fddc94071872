// A combine gives the same whether part of it is done before the shuffle or not, and keys are equal if their encodings are.
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import * as N from 'fp-ts/lib/number.js'
import {
  AfterCount,
  Coder,
  Combine,
  CombineFn,
  Create,
  FixedWindows,
  GroupByKey,
  Instant,
  type JobMetrics,
  Metrics,
  millis,
  named,
  PCollection,
  pipe,
  Pipeline,
  Repeatedly,
  Sessions,
  Window,
  type WindowFn,
  type WindowOptions,
} from '../../sdk/index.ts'
import type { PDone } from '../../sdk/graph/pcollection.ts'
import { PAssert, containsInAnyOrder, empty, satisfies, singleton } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'
import { timed } from './grouped.ts'

const words = Create.of(['a', 'b', 'a', 'c', 'a', 'b'])

export const grouped = Pipeline.define(import.meta, 'grouped', () =>
  pipe(
    words,
    PCollection.keyBy(word => word),
    PCollection.mapValues(word => word.toUpperCase()),
    GroupByKey.of,
    PCollection.map(([key, values]): string => `${key} ${values.join('')}`),
    PAssert.that(containsInAnyOrder(['a AAA', 'b BB', 'c C'])),
    PCollection.ignore,
  ),
)

/** Under these, the same combine is done in part before its shuffle, or is not. */
export const lifted = Pipeline.define(import.meta, 'lifted', () => {
  const counts = (fn: WindowFn, o?: WindowOptions): PDone =>
    pipe(
      timed(1, 2, 3, 4, 5, 6, 7),
      Window.into(fn, o),
      PCollection.keyBy((n): number => n % 3),
      Combine.perKey(CombineFn.mean),
      PAssert.that(containsInAnyOrder([[0, 4.5] as const, [1, 4] as const, [2, 3.5] as const])),
      PCollection.ignore,
    )
  return [
    counts(FixedWindows.of(millis(100))),
    counts(FixedWindows.of(millis(100)), { timestampCombiner: 'latest' }),
    counts(FixedWindows.of(millis(100)), { timestampCombiner: 'earliest' }),
    counts(Sessions.withGap(millis(50))),
  ]
})

/** Each firing of a trigger that looks at elements; what the last one holds is the whole. */
export const lookedAt = Pipeline.define(import.meta, 'lookedAt', () =>
  pipe(
    timed(1, 2, 3, 4),
    Window.into(FixedWindows.of(millis(100)), { trigger: Repeatedly.forever(AfterCount.of(2)), accumulation: 'accumulating' }),
    Combine.globally(N.MonoidSum),
    PAssert.inFinalPane({ start: Instant.ofMillis(0), end: Instant.ofMillis(100) }, singleton(10)),
    PCollection.ignore,
  ),
)

/** Whatever thread or checkpoint the values cross. */
export const propertyOrder = Pipeline.define(import.meta, 'propertyOrder', () =>
  pipe(
    Create.of([1, 2, 3, 4].map(n => ({ zeta: n, alpha: { y: [{ d: 1, c: 2 }], x: new Map([['k', { f: 1, e: 2 }]]) } }))),
    PCollection.keyBy(({ zeta }) => zeta),
    GroupByKey.of,
    PCollection.flatMap(([, values]) => values),
    PCollection.map((value): string => JSON.stringify([Object.keys(value), value.alpha.y, value.alpha.x.get('k')])),
    PAssert.that(containsInAnyOrder([1, 2, 3, 4].map(() => '[["zeta","alpha"],[{"d":1,"c":2}],{"f":1,"e":2}]'))),
    PCollection.ignore,
  ),
)

export const recordKeys = Pipeline.define(import.meta, 'recordKeys', () => {
  const count = (keys: ReadonlyArray<unknown>, expected: ReadonlyArray<number>): PDone =>
    pipe(
      Create.of(keys),
      PCollection.keyBy(key => key),
      Combine.perKey(CombineFn.count),
      PCollection.values,
      PAssert.that(containsInAnyOrder(expected)),
      PCollection.ignore,
    )
  return [
    count(
      [
        { a: 1, b: [2] },
        { b: [2], a: 1 },
        { a: 1, b: [3] },
      ],
      [2, 1],
    ),
    count([0, -0, Number.NaN, Number.NaN, '0', 0n, null, undefined], [2, 2, 1, 1, 1, 1]),
    count([new Date(5), new Date(5), new Uint8Array([1]), new Uint8Array([1]), new Map([[1, 2]]), new Set([1])], [2, 2, 1, 1]),
  ]
})

/** Equal are those whose encodings are: this coder knows no case. */
export const coderKeys = Pipeline.define(import.meta, 'coderKeys', () =>
  pipe(
    Create.of(['Ann', 'ann', 'BOB', 'bob', 'Bob']),
    PCollection.keyBy(name => name, {
      coder: Coder.imap(
        (name: string) => E.right(name),
        (name: string) => name.toLowerCase(),
      )(Coder.string),
    }),
    Combine.perKey(CombineFn.count),
    PCollection.map(([key, n]): string => `${key.toLowerCase()} ${n}`),
    PAssert.that(containsInAnyOrder(['ann 2', 'bob 3'])),
    PCollection.ignore,
  ),
)

export const ofNothing = Pipeline.define(import.meta, 'ofNothing', () => {
  const nothing = Create.of<number>([])
  return [
    pipe(nothing, Combine.globally(N.MonoidSum), PAssert.that(singleton(0)), PCollection.ignore),
    pipe(nothing, Combine.globally(N.MonoidSum, { withoutDefaults: true }), PAssert.that(empty), PCollection.ignore),
    pipe(nothing, Combine.globally(N.MonoidSum, { withoutDefaults: true, fanout: 2 }), PAssert.that(empty), PCollection.ignore),
    pipe(
      nothing,
      PCollection.keyBy(n => n),
      Combine.perKey(N.MonoidSum),
      PAssert.that(empty),
      PCollection.ignore,
    ),
    pipe(nothing, Window.into(FixedWindows.of(millis(10))), Combine.globally(N.MonoidSum), PAssert.that(empty), PCollection.ignore),
  ]
})

const many = Array.from({ length: 500 }, (_, i) => i)
const inputs = Metrics.counter('inputs')
const largest = Metrics.distribution('largest')

export const counted = Pipeline.define(import.meta, 'counted', () =>
  pipe(
    Create.of(many),
    named(
      'Keyed',
      PCollection.keyBy(n => {
        inputs.inc()
        return n % 7
      }),
    ),
    named(
      'Sums',
      Combine.perKey(
        CombineFn.of<number, number, number>({
          create: () => 0,
          add: (sum, n) => {
            largest.update(n)
            return sum + n
          },
          merge: (a, b) => a + b,
          extract: sum => sum,
        }),
      ),
    ),
    PCollection.values,
    PAssert.that(
      satisfies(sums =>
        assert.strictEqual(
          sums.reduce((a, b) => a + b, 0),
          (499 * 500) / 2,
        ),
      ),
    ),
    PCollection.ignore,
  ),
)
const checkCounted = (metrics: JobMetrics): void => {
  assert.deepEqual(inputs.of(metrics, { transform: 'Keyed' }), { attempted: 500, committed: 500 })
  assert.deepEqual(largest.of(metrics, { transform: 'Sums' }).committed, { count: 500, sum: (499 * 500) / 2, min: 0, max: 499 })
}

export const combineCases: ReadonlyArray<Case> = [
  { says: 'the properties of values keep their order', pipeline: propertyOrder },
  { says: 'a grouping has each key once, with all its values', pipeline: grouped },
  { says: 'a combine is the same, whichever part of it is done before the shuffle', pipeline: lifted },
  { says: 'a combine is whole in the last pane of a trigger that counts', pipeline: lookedAt },
  { says: 'keys are equal if their encodings are', pipeline: recordKeys },
  { says: 'keys are equal as their coder says', pipeline: coderKeys },
  { says: 'a global combine of nothing has a value in the global window, and no other has one', pipeline: ofNothing },
  { says: "metrics count every call of a pipeline's functions once", pipeline: counted, metrics: checkCounted },
]
