// Sketches: their errors stay within what they promise, and a merge of parts is the sketch of the whole.
import { assert } from 'chai'
import fc from 'fast-check'
import {
  ApproximateCountDistinct,
  ApproximateQuantiles,
  CombineFn,
  Create,
  FixedWindows,
  Instant,
  type KV,
  PCollection,
  Window,
  millis,
  pipe,
} from '../../../sdk/index.ts'
import { containsInAnyOrder, PAssert, TestPipeline } from '../../../runners/direct/testing.ts'

const whole = <I, A, O>(fn: CombineFn<I, A, O>, inputs: ReadonlyArray<I>): A => inputs.reduce<A>((a, i) => fn.add(a, i), fn.create())
const merged = <I, A, O>(fn: CombineFn<I, A, O>, parts: ReadonlyArray<ReadonlyArray<I>>): A =>
  parts.map(part => whole(fn, part)).reduce((a, b) => fn.merge(a, b), fn.create())
const thereAndBack = <I, A, O>(fn: CombineFn<I, A, O>, a: A): A => {
  const decoded = fn.coder?.decode(fn.coder.encode(a))
  if (decoded?._tag !== 'Right') throw new Error('it does not survive its coder')
  return decoded.right
}

describe('ApproximateQuantiles', () => {
  const finite = fc.oneof(
    fc.integer({ min: -1_000, max: 1_000 }),
    fc.constantFrom(0, 1, -1, 0.5, 1e300, -1e300, 1e-300, Number.MAX_VALUE),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
  )
  const parts = fc.array(fc.array(finite, { maxLength: 30 }), { maxLength: 5 })

  it('lie within their relative error of the element at their rank, the least and the greatest exactly', () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 100 }), fc.constantFrom(0.001, 0.01, 0.1), (values, relativeError) => {
        const n = 11
        const fn = CombineFn.quantiles(n, { relativeError })
        const sorted = [...values].sort((a, b) => a - b)
        const got = fn.extract(whole(fn, values))
        assert.lengthOf(got, n)
        assert.deepEqual([got[0], got[n - 1]], [sorted[0], sorted.at(-1)])
        got.forEach((value, i) => {
          const rank = (i / (n - 1)) * (values.length - 1)
          // Whole ranks are exact; between two of them either may be meant.
          const near = [sorted[Math.floor(rank)] ?? 0, sorted[Math.ceil(rank)] ?? 0]
          const off = near.map(x => Math.abs(value - x) - relativeError * Math.abs(x) * (1 + 1e-9))
          assert.isAtMost(Math.min(...off), 1e-300, `${value} for ${near.join(' or ')}`)
        })
      }),
    )
  })

  it('are the same however elements are divided and encoded on the way', () => {
    const fn = CombineFn.quantiles(5)
    fc.assert(
      fc.property(parts, all => {
        const expected = fn.extract(whole(fn, all.flat()))
        assert.deepEqual(fn.extract(merged(fn, all)), expected)
        assert.deepEqual(fn.extract(thereAndBack(fn, merged(fn, all))), expected)
      }),
    )
  })

  it('of all, of each key and window, and of nothing', async () => {
    const numbers = Array.from({ length: 101 }, (_, i) => i)
    await pipe(
      Create.of(numbers),
      ApproximateQuantiles.globally(5),
      PAssert.satisfies(([quartiles = []]) => {
        ;[0, 25, 50, 75, 100].forEach((exact, i) => assert.approximately(quartiles[i] ?? Number.NaN, exact, exact / 100))
      }),
      TestPipeline.run(),
    )
    await pipe(Create.of<number>([]), ApproximateQuantiles.globally(5), PAssert.that(containsInAnyOrder([[]])), TestPipeline.run())
    await pipe(
      Create.of(numbers.map((n): KV<string, number> => [n % 2 === 0 ? 'even' : 'odd', n])),
      PCollection.withTimestamps(([, n]) => Instant.ofMillis(n)),
      Window.into(FixedWindows.of(millis(50))),
      ApproximateQuantiles.perKey(2),
      PAssert.that(
        containsInAnyOrder([
          ['even', [0, 48]],
          ['odd', [1, 49]],
          ['even', [50, 98]],
          ['odd', [51, 99]],
          ['even', [100, 100]],
        ] as const),
      ),
      TestPipeline.run(),
    )
  })

  it('refuse what is no number of quantiles, no error, and no finite number', async () => {
    assert.throws(() => ApproximateQuantiles.globally(1), RangeError, /whole number from 2/)
    assert.throws(() => ApproximateQuantiles.perKey(2, { relativeError: 0 }), RangeError, /between 0 and 1/)
    const message = await pipe(Create.of([1, Number.NaN]), ApproximateQuantiles.globally(2), TestPipeline.run()).then(
      () => 'it ran',
      (error: unknown) => String(error),
    )
    assert.match(message, /ApproximateQuantiles\.globally#1: quantiles are of finite numbers, and NaN is none/)
  })
})

describe('ApproximateCountDistinct', () => {
  it('is exact for small sets, whatever their elements are', () => {
    const fn = CombineFn.countDistinct()
    const element = fc.oneof(
      fc.integer({ min: 0, max: 50 }),
      fc.string({ maxLength: 3 }),
      fc.record({ a: fc.nat(5), b: fc.constant(null) }),
    )
    fc.assert(
      fc.property(fc.array(fc.array(element, { maxLength: 100 }), { maxLength: 4 }), all =>
        assert.strictEqual(fn.extract(merged(fn, all)), new Set(all.flat().map(e => JSON.stringify(e))).size),
      ),
    )
    assert.strictEqual(
      fn.extract(
        whole(
          fn,
          Array.from({ length: 2_000 }, (_, i) => i),
        ),
      ),
      2_000,
    )
    assert.strictEqual(
      fn.extract(
        whole(fn, [
          { a: 1, b: 2 },
          { b: 2, a: 1 },
        ]),
      ),
      1,
    )
  })

  it('stays within a few standard errors beyond, at every size', () => {
    for (const relativeError of [0.05, 0.01]) {
      const fn = CombineFn.countDistinct({ relativeError })
      const sketch = fn.create()
      const errors: number[] = []
      for (let n = 1; n <= 100_000; n++) {
        fn.add(sketch, `user-${n}`)
        if (n % 9_999 === 0) errors.push((fn.extract(sketch) - n) / n)
      }
      for (const error of errors) assert.isAtMost(Math.abs(error), 3.5 * relativeError)
    }
  }).timeout(20_000)

  it('has the error that it promises, over many sets', () => {
    const relativeError = 0.1
    const fn = CombineFn.countDistinct({ relativeError })
    const errors = Array.from({ length: 200 }, (_, set) => {
      const n = 3_000
      return (
        (fn.extract(
          whole(
            fn,
            Array.from({ length: n }, (_, i) => set * n + i),
          ),
        ) -
          n) /
        n
      )
    })
    const mean = errors.reduce((a, b) => a + b, 0) / errors.length
    const deviation = Math.sqrt(errors.reduce((a, b) => a + b * b, 0) / errors.length)
    assert.isAtMost(Math.abs(mean), relativeError / 4)
    assert.isAtMost(deviation, 1.2 * relativeError)
  }).timeout(20_000)

  it('is the same however elements are divided and encoded on the way, in each of its forms', () => {
    const fn = CombineFn.countDistinct({ relativeError: 0.2 })
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(200), { maxLength: 60 }), { maxLength: 5 }), all => {
        const expected = fn.extract(whole(fn, all.flat()))
        assert.strictEqual(fn.extract(merged(fn, all)), expected)
        assert.strictEqual(
          fn.extract(
            thereAndBack(
              fn,
              merged(
                fn,
                all.map(part => [...part].reverse()),
              ),
            ),
          ),
          expected,
        )
      }),
    )
  })

  it('of all and of each key', async () => {
    await pipe(Create.of(['a', 'b', 'a']), ApproximateCountDistinct.globally(), PAssert.that(containsInAnyOrder([2])), TestPipeline.run())
    await pipe(
      Create.of([
        ['k', 1],
        ['k', 1],
        ['l', 1],
        ['k', 2],
      ] as const),
      ApproximateCountDistinct.perKey({ relativeError: 0.02 }),
      PAssert.that(containsInAnyOrder([['k', 2] as const, ['l', 1] as const])),
      TestPipeline.run(),
    )
    await pipe(Create.of([]), ApproximateCountDistinct.globally(), PAssert.that(containsInAnyOrder([0])), TestPipeline.run())
  })

  it('refuses an error that it cannot keep', () => {
    for (const relativeError of [0, 0.001, 0.5, Number.NaN])
      assert.throws(() => ApproximateCountDistinct.globally({ relativeError }), RangeError, /relativeError is a share from/)
  })
})
