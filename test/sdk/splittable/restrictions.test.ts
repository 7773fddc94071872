// Restrictions and their trackers: each position belongs to one part, whatever is claimed and wherever it is split.
import { assert } from 'chai'
import fc from 'fast-check'
import * as O from 'fp-ts/lib/Option.js'
import { OffsetRange, pipe, type Restriction } from '../../../sdk/index.ts'
import { LiveTracker } from '../../../sdk/splittable/tracker.ts'
import { changeRange } from '../../../examples/changes.ts'

type Change = { readonly from: number; readonly to: number | null }

const last = fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined })
const fraction = fc.double({ min: 0, max: 1, noNaN: true })
const positions = Array.from({ length: 60 }, (_, i) => i)

/** What each law is held against; a last claim lies inside. */
const lawful = <R>(name: string, algebra: Restriction<R, number>, ranges: fc.Arbitrary<R>): void => {
  describe(name, () => {
    const claimed = (r: R, at: number | undefined): O.Option<number> => (at !== undefined && algebra.contains(r, at) ? O.some(at) : O.none)

    it('keeps each position in one half, the claimed ones in the primary, whatever the fraction', () => {
      fc.assert(
        fc.property(ranges, last, fraction, (r, at, keeping) => {
          const done = claimed(r, at)
          const split = algebra.split(r, done, keeping)
          if (O.isNone(split)) return
          const [primary, residual] = split.value
          for (const p of positions) {
            assert.strictEqual(Number(algebra.contains(primary, p)) + Number(algebra.contains(residual, p)), Number(algebra.contains(r, p)))
            if (O.isSome(done) && p <= done.value) assert.isFalse(algebra.contains(residual, p))
          }
        }),
      )
    })

    it('gives all that is unclaimed away with the fraction 0, and nothing where it is done', () => {
      fc.assert(
        fc.property(ranges, last, (r, at) => {
          const done = claimed(r, at)
          const split = algebra.split(r, done, 0)
          const left = positions.filter(p => algebra.contains(r, p) && (O.isNone(done) || p > done.value))
          assert.deepEqual(O.isNone(split) ? [] : positions.filter(p => algebra.contains(split.value[1], p)), left)
          if (O.isSome(done)) assert.strictEqual(algebra.isDone(r, done), left.length === 0)
        }),
      )
    })

    it('survives its coder', () => {
      fc.assert(
        fc.property(ranges, r => {
          const decoded = algebra.coder.decode(algebra.coder.encode(r))
          assert.deepEqual(decoded, { _tag: 'Right', right: r })
        }),
      )
    })

    it('is claimed once over all parts, however often a tracker is split while it is read', () => {
      type Step = { readonly _tag: 'claim' } | { readonly _tag: 'split'; readonly keeping: number }
      const steps = fc.array(
        fc.oneof(
          fc.constant<Step>({ _tag: 'claim' }),
          fraction.map((keeping): Step => ({ _tag: 'split', keeping })),
        ),
        { maxLength: 200 },
      )
      fc.assert(
        fc.property(ranges, steps, (r, all) => {
          const waiting = [r]
          const claims: number[] = []
          const rest = [...all]
          for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
            const tracker = new LiveTracker(algebra, next)
            let refused = false
            for (let p = positions.find(p => algebra.contains(next ?? r, p)); p !== undefined && p < 50 && !refused;) {
              const step = rest.shift() ?? { _tag: 'claim' }
              if (step._tag === 'split') {
                const residual = tracker.trySplit(step.keeping)
                if (O.isSome(residual)) waiting.push(residual.value)
              } else if (tracker.tryClaim(p)) claims.push(p++)
              else refused = true
            }
          }
          assert.deepEqual(
            claims.sort((a, b) => a - b),
            positions.filter(p => p < 50 && algebra.contains(r, p)),
          )
        }),
      )
    })
  })
}

lawful(
  'An OffsetRange',
  OffsetRange,
  fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 20 })).map(([from, n]) => OffsetRange.of(from, from + n)),
)
lawful<Change>(
  "A restriction of one's own",
  changeRange,
  fc
    .tuple(fc.integer({ min: 0, max: 40 }), fc.option(fc.integer({ min: 0, max: 20 })))
    .map(([from, n]) => ({ from, to: n === null ? null : from + n })),
)

describe('A tracker', () => {
  const tracker = () => new LiveTracker(OffsetRange, OffsetRange.of(0, 25))

  it('keeps a fraction of what is left when it is split, twice over', () => {
    const it = tracker()
    assert.strictEqual(it.tryClaimAll([0, 1, 2, 3, 4]), 5)
    assert.deepEqual(it.trySplit(0.5), O.some({ from: 15, to: 25 }))
    assert.deepEqual(it.trySplit(0.5), O.some({ from: 10, to: 15 }))
    assert.deepEqual(it.restriction, { from: 0, to: 10 })
  })

  it('refuses what lies outside, and everything once it has refused', () => {
    const it = tracker()
    assert.isTrue(it.tryClaim(3))
    assert.isFalse(it.tryClaim(25))
    assert.isTrue(it.refused)
    assert.isFalse(it.tryClaim(4))
  })

  it('claims of a batch what is its own', () => {
    const it = tracker()
    it.tryClaim(0)
    it.trySplit(0.5)
    assert.deepEqual(it.restriction, { from: 0, to: 13 })
    assert.strictEqual(it.tryClaimAll([5, 12, 13, 14]), 2)
    assert.isTrue(it.isDone())
  })

  it('refuses to claim a position twice, or backwards', () => {
    const it = tracker()
    it.tryClaim(3)
    assert.throws(() => it.tryClaim(3), RangeError, 'the position 3 was claimed after 3')
    assert.throws(() => it.tryClaim(1), RangeError, 'the position 1 was claimed after 3')
  })

  it('gives nothing away once it is stopped, and then refuses', () => {
    const it = tracker()
    it.stop()
    assert.isTrue(O.isNone(it.trySplit(0)))
    assert.isFalse(it.tryClaim(0))
  })

  it('keeps something when nothing was claimed: else its reader would have nothing to find out', () => {
    const it = tracker()
    assert.isTrue(O.isNone(it.trySplit(0)))
    assert.deepEqual(it.trySplit(0.2), O.some({ from: 5, to: 25 }))
  })
})

describe('OffsetRange.of', () => {
  it('refuses bounds that are no whole numbers, or in the wrong order', () => {
    for (const [from, to] of [
      [0, 0.5],
      [2, 1],
      [Number.NaN, 1],
    ] as const)
      assert.throws(() => OffsetRange.of(from, to), RangeError)
  })
})

describe('A claim in an OffsetRange', () => {
  it('of what is no whole number is an error, and not the end of the reading', () => {
    for (const position of [Number.NaN, 0.5, Infinity])
      assert.throws(() => new LiveTracker(OffsetRange, OffsetRange.of(0, 5)).tryClaim(position), RangeError, String(position))
    assert.throws(() => new LiveTracker(OffsetRange, { from: Number.NaN, to: 5 }).tryClaim(0), RangeError, 'NaN')
  })
})

describe('parts of an OffsetRange', () => {
  const misfit = (from: number, to: number, parts: ReadonlyArray<readonly [number, number]>) =>
    pipe(
      OffsetRange.misfit?.(
        { from, to },
        parts.map(([from, to]) => ({ from, to })),
      ) ?? O.none,
      O.toNullable,
    )

  it('fit it exactly where each position lies in one of them, in any order, empty ones among them', () => {
    const bound = fc.integer({ min: 0, max: 8 })
    const range = fc.tuple(bound, bound).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
    fc.assert(
      fc.property(range, fc.array(range, { maxLength: 4 }), ([from, to], parts) => {
        const holding = (p: number): number => parts.filter(([from, to]) => p >= from && p < to).length
        const fits = positions.every(p => holding(p) === (p >= from && p < to ? 1 : 0))
        assert.strictEqual(misfit(from, to, parts) === null, fits)
      }),
      { numRuns: 2_000 },
    )
    assert.isNull(
      misfit(0, 8, [
        [5, 8],
        [0, 3],
        [3, 5],
        [3, 3],
      ]),
    )
  })

  it('are said to be wrong where they are', () => {
    assert.strictEqual(misfit(0, 8, [[0, 5]]), 'leave out [5, 8)')
    assert.strictEqual(misfit(0, 8, []), 'leave out [0, 8)')
    assert.strictEqual(
      misfit(0, 8, [
        [0, 5],
        [3, 8],
      ]),
      'hold [3, 5) twice',
    )
    assert.strictEqual(misfit(2, 8, [[0, 8]]), 'begin at 0, before it')
    assert.strictEqual(misfit(2, 8, [[2, 9]]), 'end at 9, behind it')
    assert.strictEqual(misfit(0, 8, [[0, 7.5]]), 'hold [0, 7.5), which is no range of whole numbers')
  })
})
