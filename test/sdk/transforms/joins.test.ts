// CoGroupByKey and joins, with windows and panes.
import { assert } from 'chai'
import * as O from 'fp-ts/lib/Option.js'
import * as T from 'fp-ts/lib/These.js'
import {
  CoGroupByKey,
  Create,
  FixedWindows,
  GroupByKey,
  Instant,
  Join,
  type KV,
  PCollection,
  Window,
  millis,
  pipe,
} from '../../../sdk/index.ts'
import { containsInAnyOrder, PAssert, TestPipeline } from '../../../runners/direct/testing.ts'

const keyed = <V>(...pairs: ReadonlyArray<KV<string, V>>): PCollection<KV<string, V>> => Create.of(pairs)
const orders = keyed(['a', 1], ['a', 2], ['b', 3])
const payments = keyed(['a', 'x'], ['c', 'y'], ['a', 'z'])

describe('CoGroupByKey', () => {
  it('brings the values of each key together by the names of the inputs, empty where there are none', () =>
    pipe(
      CoGroupByKey.of({ orders, payments, none: keyed<boolean>() }),
      PCollection.map(([key, { orders, payments, none }]) => [key, [...orders].sort(), [...payments].sort(), none]),
      PAssert.that(
        containsInAnyOrder([
          ['a', [1, 2], ['x', 'z'], []],
          ['b', [3], [], []],
          ['c', [], ['y'], []],
        ]),
      ),
      TestPipeline.run(),
    ))

  it('works window by window', () => {
    const windowed = (pc: PCollection<KV<string, number>>) =>
      pipe(
        pc,
        PCollection.withTimestamps(([, n]) => Instant.ofMillis(n)),
        Window.into(FixedWindows.of(millis(10))),
      )
    return pipe(
      CoGroupByKey.of({ a: windowed(keyed(['k', 1], ['k', 12])), b: windowed(keyed(['k', 5], ['k', 25])) }),
      PCollection.map(([, { a, b }]) => [a, b]),
      PAssert.that(containsInAnyOrder([[[1], [5]] as const, [[12], []] as const, [[], [25]] as const])),
      TestPipeline.run(),
    )
  })

  it('keeps a value that is undefined or null, and names that are no identifiers', () =>
    pipe(
      CoGroupByKey.of({ 'an input': keyed(['k', undefined], ['k', null]) }),
      PCollection.map(([, values]) => values['an input'].length),
      PAssert.that(containsInAnyOrder([2])),
      TestPipeline.run(),
    ))

  it('refuses no inputs at all, and inputs that are windowed differently', async () => {
    assert.throws(() => CoGroupByKey.of({}), RangeError, /CoGroupByKey: there are no collections/)
    const unlike = { orders, payments: pipe(payments, Window.into(FixedWindows.of(millis(10)))) }
    const message = await pipe(CoGroupByKey.of(unlike), TestPipeline.run()).then(
      () => 'it ran',
      (error: unknown) => String(error),
    )
    assert.match(message, /CoGroupByKey\.together#1 .* joins collections that are windowed differently/)
  })
})

describe('Join', () => {
  it('inner: each pair of a key that both sides have', () =>
    pipe(
      orders,
      Join.inner(payments),
      PAssert.that(
        containsInAnyOrder([
          ['a', [1, 'x']],
          ['a', [1, 'z']],
          ['a', [2, 'x']],
          ['a', [2, 'z']],
        ]),
      ),
      TestPipeline.run(),
    ))
  it('left: what only the left has with none', () =>
    pipe(
      keyed(['a', 1], ['b', 3]),
      Join.left(payments),
      PAssert.that(containsInAnyOrder([['a', [1, O.some('x')]] as const, ['a', [1, O.some('z')]] as const, ['b', [3, O.none]] as const])),
      TestPipeline.run(),
    ))
  it('right: what only the right has with none', () =>
    pipe(
      keyed(['a', 1], ['b', 3]),
      Join.right(payments),
      PAssert.that(containsInAnyOrder([['a', [O.some(1), 'x']] as const, ['a', [O.some(1), 'z']] as const, ['c', [O.none, 'y']] as const])),
      TestPipeline.run(),
    ))
  it('full: both, and what only one has', () =>
    pipe(
      keyed(['a', 1], ['b', 3]),
      Join.full(keyed(['a', 'x'], ['c', 'y'])),
      PAssert.that(containsInAnyOrder([['a', T.both(1, 'x')] as const, ['b', T.left(3)] as const, ['c', T.right('y')] as const])),
      TestPipeline.run(),
    ))
  it('agrees with a nested loop over all elements', () => {
    const many = (n: number, factor: number) => Array.from({ length: n }, (_, i): KV<string, number> => [`k${(i * factor) % 7}`, i])
    const [left, right] = [many(20, 3), many(15, 5)]
    return pipe(
      Create.of(left),
      Join.inner(Create.of(right)),
      PAssert.that(containsInAnyOrder(left.flatMap(([k, a]) => right.flatMap(([l, b]) => (k === l ? [[k, [a, b]] as const] : []))))),
      TestPipeline.run({ seed: 7 }),
    )
  })
  it('can be grouped again', () =>
    pipe(
      orders,
      Join.inner(payments),
      GroupByKey.of,
      PCollection.map(([key, pairs]) => [key, pairs.length]),
      PAssert.that(containsInAnyOrder([['a', 4]])),
      TestPipeline.run(),
    ))
})
