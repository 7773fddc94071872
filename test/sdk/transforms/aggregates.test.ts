// Aggregations by name: what they give, of windows, of keys, of nothing, and pane by pane.
import { assert } from 'chai'
import fc from 'fast-check'
import * as N from 'fp-ts/lib/number.js'
import * as O from 'fp-ts/lib/Option.js'
import {
  AfterCount,
  AfterWatermark,
  CombineFn,
  Count,
  Create,
  Distinct,
  FixedWindows,
  Instant,
  type KV,
  Latest,
  Max,
  Mean,
  Min,
  PCollection,
  Reify,
  Sample,
  Sum,
  Top,
  Window,
  WithKeys,
  millis,
  pipe,
} from '../../../sdk/index.ts'
import { containsInAnyOrder, empty, PAssert, TestPipeline } from '../../../runners/direct/testing.ts'

const keyed: PCollection<KV<string, number>> = Create.of([
  ['a', 3],
  ['a', 1],
  ['b', 2],
])
const numbers = Create.of([3, 1, 2])
const none = Create.of<number>([])
const early = (accumulation: 'accumulating' | 'discarding') =>
  Window.into(FixedWindows.of(millis(10)), {
    trigger: AfterWatermark.pastEndOfWindow({ early: AfterCount.of(1) }),
    accumulation,
  })

describe('Min and Max', () => {
  it('give the least and the greatest, of all and of each key', async () => {
    await pipe(numbers, Min.globally(N.Ord), PAssert.that(containsInAnyOrder([1])), TestPipeline.run())
    await pipe(numbers, Max.globally(N.Ord), PAssert.that(containsInAnyOrder([3])), TestPipeline.run())
    await pipe(keyed, Min.perKey(N.Ord), PAssert.that(containsInAnyOrder([['a', 1] as const, ['b', 2] as const])), TestPipeline.run())
    await pipe(keyed, Max.perKey(N.Ord), PAssert.that(containsInAnyOrder([['a', 3] as const, ['b', 2] as const])), TestPipeline.run())
  })
  it('give nothing of nothing', async () => {
    await pipe(none, Min.globally(N.Ord), PAssert.that(empty), TestPipeline.run())
    await pipe(none, Max.globally(N.Ord), PAssert.that(empty), TestPipeline.run())
  })
  it('say nothing in a pane in which nothing is new', () =>
    pipe(
      keyed,
      PCollection.withTimestamps(() => Instant.ofMillis(0)),
      early('discarding'),
      Min.perKey(N.Ord),
      PAssert.satisfies(pairs => pairs.forEach(([, n]) => assert.isNumber(n))),
      TestPipeline.run(),
    ))
})

describe('Mean and Sum', () => {
  it('of all and of each key', async () => {
    await pipe(numbers, Mean.globally, PAssert.that(containsInAnyOrder([2])), TestPipeline.run())
    await pipe(keyed, Mean.perKey, PAssert.that(containsInAnyOrder([['a', 2] as const, ['b', 2] as const])), TestPipeline.run())
    await pipe(numbers, Sum.globally, PAssert.that(containsInAnyOrder([6])), TestPipeline.run())
    await pipe(keyed, Sum.perKey, PAssert.that(containsInAnyOrder([['a', 4] as const, ['b', 2] as const])), TestPipeline.run())
  })
  it('of nothing: nothing, and 0', async () => {
    await pipe(none, Mean.globally, PAssert.that(containsInAnyOrder<number>([])), TestPipeline.run())
    await pipe(none, Sum.globally, PAssert.that(containsInAnyOrder([0])), TestPipeline.run())
  })
})

describe('Top', () => {
  it('gives the largest first, or the smallest, and all where there are fewer', async () => {
    await pipe(numbers, Top.of(2, N.Ord), PAssert.that(containsInAnyOrder([[3, 2]])), TestPipeline.run())
    await pipe(numbers, Top.smallest(2, N.Ord), PAssert.that(containsInAnyOrder([[1, 2]])), TestPipeline.run())
    await pipe(
      keyed,
      Top.perKey(5, N.Ord),
      PAssert.that(containsInAnyOrder([['a', [3, 1]] as const, ['b', [2]] as const])),
      TestPipeline.run(),
    )
    await pipe(
      keyed,
      Top.smallestPerKey(1, N.Ord),
      PAssert.that(containsInAnyOrder([['a', [1]] as const, ['b', [2]] as const])),
      TestPipeline.run(),
    )
    await pipe(none, Top.of(2, N.Ord), PAssert.that(containsInAnyOrder([[]])), TestPipeline.run())
    assert.throws(() => Top.of(0, N.Ord), RangeError)
  })
})

describe('Sample', () => {
  const hundred = Create.of(Array.from({ length: 100 }, (_, i) => i))
  it('takes any, and all where there are no more', async () => {
    await pipe(
      hundred,
      Sample.any(7),
      PAssert.satisfies(some => assert.strictEqual(new Set(some).size, 7)),
      TestPipeline.run(),
    )
    await pipe(numbers, Sample.any(7), PAssert.that(containsInAnyOrder([1, 2, 3])), TestPipeline.run())
    await pipe(none, Sample.any(7), PAssert.that(empty), TestPipeline.run())
  })
  it('draws a fixed number of different elements, of all and of each key', async () => {
    await pipe(
      hundred,
      Sample.fixedSizeGlobally(10),
      PAssert.satisfies(([some, ...others]) => {
        assert.isEmpty(others)
        assert.strictEqual(new Set(some).size, 10)
      }),
      TestPipeline.run(),
    )
    await pipe(
      hundred,
      WithKeys.of(n => n % 3),
      Sample.fixedSizePerKey(5),
      PAssert.satisfies(samples => {
        assert.lengthOf(samples, 3)
        for (const [key, some] of samples) assert.deepEqual([some.length, some.every(n => n % 3 === key)], [5, true])
      }),
      TestPipeline.run(),
    )
    await pipe(none, Sample.fixedSizeGlobally(3), PAssert.that(containsInAnyOrder([[]])), TestPipeline.run())
  })
  it('draws each element as often as any other, within what chance allows', async () => {
    const drawn = new Array<number>(10).fill(0)
    for (let i = 0; i < 150; i++)
      await pipe(
        Create.of(drawn.map((_, n) => n)),
        Sample.fixedSizeGlobally(5),
        PAssert.satisfies(samples => samples.flat().forEach(n => (drawn[n] = (drawn[n] ?? 0) + 1))),
        TestPipeline.run({ seed: i }),
      )
    // 75 each, with a deviation of 6: ten of them are chance no more.
    for (const n of drawn) assert.isTrue(n > 15 && n < 135, String(drawn))
  }).timeout(20_000)
  it('refuses a number that is none', () => {
    assert.throws(() => Sample.any(0), RangeError, /Sample.any: .* 0 is not/)
    assert.throws(() => Sample.fixedSizeGlobally(1.5), RangeError)
    assert.throws(() => Sample.fixedSizePerKey(-1), RangeError)
  })
})

describe('Latest', () => {
  const at = ([, n]: KV<string, number>): Instant => Instant.ofMillis(n)
  it('gives what has the latest timestamp, of all and of each key', async () => {
    const stamped = pipe(keyed, PCollection.withTimestamps(at))
    await pipe(stamped, Latest.globally, PAssert.that(containsInAnyOrder([['a', 3] as const])), TestPipeline.run())
    await pipe(stamped, Latest.perKey, PAssert.that(containsInAnyOrder([['a', 3] as const, ['b', 2] as const])), TestPipeline.run())
    await pipe(none, Latest.globally, PAssert.that(empty), TestPipeline.run())
  })
  it('window by window', () =>
    pipe(
      Create.of([['a', 1] as const, ['a', 9] as const, ['a', 12] as const]),
      PCollection.withTimestamps(at),
      Window.into(FixedWindows.of(millis(10))),
      Latest.perKey,
      PAssert.that(containsInAnyOrder([['a', 9] as const, ['a', 12] as const])),
      TestPipeline.run(),
    ))
})

describe('Distinct', () => {
  it('gives each element once, equal by its encoding', () =>
    pipe(
      Create.of([
        { a: 1, b: 2 },
        { b: 2, a: 1 },
        { a: 2, b: 1 },
      ]),
      Distinct.of,
      PAssert.that(
        containsInAnyOrder([
          { a: 1, b: 2 },
          { a: 2, b: 1 },
        ]),
      ),
      TestPipeline.run(),
    ))
  it('by what a function gives: one of the equal ones', () =>
    pipe(
      Create.of(['apple', 'ant', 'bee']),
      Distinct.by(word => word[0]),
      PAssert.satisfies(words =>
        assert.sameMembers(
          words.map(word => word[0]),
          ['a', 'b'],
        ),
      ),
      TestPipeline.run(),
    ))
  it('once in each window', () =>
    pipe(
      Create.of([1, 2, 11]),
      PCollection.withTimestamps(n => Instant.ofMillis(n)),
      Window.into(FixedWindows.of(millis(10))),
      PCollection.map(() => 'x'),
      Distinct.of,
      PAssert.that(containsInAnyOrder(['x', 'x'])),
      TestPipeline.run(),
    ))
  for (const accumulation of ['accumulating', 'discarding'] as const) {
    it(`never again in a later pane of its window, ${accumulation}`, () =>
      pipe(
        Create.of(Array.from({ length: 50 }, () => 'x')),
        PCollection.withTimestamps(() => Instant.ofMillis(3)),
        early(accumulation),
        Distinct.of,
        PAssert.that(containsInAnyOrder(['x'])),
        TestPipeline.run({ seed: 3 }),
      ))
  }
})

describe('Reify.windowedValues', () => {
  it('puts where a value is in event time beside it, under its key', () =>
    pipe(
      keyed,
      PCollection.withTimestamps(([, n]) => Instant.ofMillis(n)),
      Window.into(FixedWindows.of(millis(10))),
      Reify.windowedValues,
      Count.perKey,
      PAssert.that(containsInAnyOrder([['a', 2] as const, ['b', 1] as const])),
      TestPipeline.run(),
    ))
})

describe('CombineFn.min and CombineFn.max', () => {
  it('agree with a look at all elements, however they are divided', () => {
    const parts = fc.array(fc.array(fc.integer(), { maxLength: 5 }), { maxLength: 5 })
    fc.assert(
      fc.property(parts, all => {
        const combined = <A>(fn: CombineFn<number, A, O.Option<number>>) =>
          fn.extract(all.map(part => part.reduce<A>((a, n) => fn.add(a, n), fn.create())).reduce((a, b) => fn.merge(a, b), fn.create()))
        const flat = all.flat()
        assert.deepEqual(combined(CombineFn.min(N.Ord)), flat.length === 0 ? O.none : O.some(Math.min(...flat)))
        assert.deepEqual(combined(CombineFn.max(N.Ord)), flat.length === 0 ? O.none : O.some(Math.max(...flat)))
      }),
    )
  })
})
