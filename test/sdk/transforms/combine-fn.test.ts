import * as N from 'fp-ts/lib/number.js'
import { assert } from 'chai'
import fc from 'fast-check'
import { CombineFn, pipe } from '../../../sdk/index.ts'

/** In any division into accumulators, one after the other or tree-like. */
const combined = <I, A, O>(fn: CombineFn<I, A, O>, parts: ReadonlyArray<ReadonlyArray<I>>): O =>
  fn.extract(parts.map(part => part.reduce<A>((a, i) => fn.add(a, i), fn.create())).reduce((a, b) => fn.merge(a, b), fn.create()))
const parts = <A>(element: fc.Arbitrary<A>): fc.Arbitrary<A[][]> => fc.array(fc.array(element, { maxLength: 8 }), { maxLength: 5 })

describe('standard CombineFns give the same however elements are divided', () => {
  it('count', () => {
    fc.assert(fc.property(parts(fc.string()), ps => assert.strictEqual(combined(CombineFn.count, ps), ps.flat().length)))
  })
  it('mean, which of nothing is NaN', () => {
    fc.assert(
      fc.property(parts(fc.integer()), ps =>
        assert.deepEqual(combined(CombineFn.mean, ps), ps.flat().reduce((a, b) => a + b, 0) / ps.flat().length),
      ),
    )
    assert.isNaN(combined(CombineFn.mean, []))
  })
  it('top, largest first', () => {
    fc.assert(
      fc.property(parts(fc.integer({ min: 0, max: 20 })), fc.integer({ min: 1, max: 5 }), (ps, n) =>
        assert.deepEqual(
          combined(CombineFn.top(n, N.Ord), ps),
          ps
            .flat()
            .sort((a, b) => b - a)
            .slice(0, n),
        ),
      ),
    )
    assert.throws(() => CombineFn.top(0, N.Ord), RangeError, /whole number from 1/)
  })
  it('a monoid', () => {
    fc.assert(
      fc.property(parts(fc.integer()), ps =>
        assert.strictEqual(
          combined(CombineFn.fromMonoid(N.MonoidSum), ps),
          ps.flat().reduce((a, b) => a + b, 0),
        ),
      ),
    )
  })
  it('groupBy, with records as groups', () => {
    const fn = pipe(
      CombineFn.count,
      CombineFn.groupBy((n: number) => ({ odd: n % 2 === 1 })),
    )
    fc.assert(
      fc.property(parts(fc.nat()), ps => {
        const counts = combined(fn, ps)
        const odd = ps.flat().filter(n => n % 2 === 1).length
        assert.deepEqual(
          [...counts].sort(([a], [b]) => Number(a.odd) - Number(b.odd)),
          [
            { key: false, n: ps.flat().length - odd },
            { key: true, n: odd },
          ]
            .filter(({ n }) => n > 0)
            .map(({ key, n }) => [{ odd: key }, n]),
        )
      }),
    )
  })
})

describe('CombineFn.groupBy', () => {
  const fn = pipe(
    CombineFn.count,
    CombineFn.groupBy((n: number) => [n % 2]),
  )
  it('goes on counting in an accumulator that was encoded and decoded', () => {
    const accumulator = [1, 2, 3].reduce((a, n) => fn.add(a, n), fn.create())
    const decoded = fn.coder?.decode(fn.coder.encode(accumulator))
    assert.strictEqual(decoded?._tag, 'Right')
    if (decoded?._tag === 'Right')
      assert.deepEqual(
        [...fn.extract(fn.add(decoded.right, 5))],
        [
          [[1], 3],
          [[0], 1],
        ],
      )
  })
  it('composes with contramap and map', () => {
    const lengths = pipe(
      CombineFn.count,
      CombineFn.contramap((w: string) => w.length),
      CombineFn.groupBy((w: string) => w[0] ?? ''),
      CombineFn.map(counts => Object.fromEntries(counts)),
    )
    assert.deepEqual(combined(lengths, [['apple', 'bee'], ['ant']]), { a: 2, b: 1 })
  })
})
