// Histograms of lengths of time: how near their quantiles are, and that they add up.
import { assert } from 'chai'
import * as fc from 'fast-check'
import { Latency } from '../../../sdk/index.ts'
import { LatencyRecorder } from '../../../sdk/model/histogram.ts'

const of = (lengths: ReadonlyArray<number>) => {
  const recorder = new LatencyRecorder()
  for (const ms of lengths) recorder.record(ms)
  return recorder.told()
}

/** From half a microsecond to half an hour. */
const lengths = fc.array(
  fc.double({ min: -1, max: 21, noNaN: true }).map(power => 0.001 * 2 ** power),
  { minLength: 1, maxLength: 40 },
)

describe('a histogram of lengths of time', () => {
  it('has quantiles that are at most 19 % too long, and never too short', () =>
    fc.assert(
      fc.property(lengths, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, q) => {
        const sorted = [...all].sort((a, b) => a - b)
        const exact = sorted[Math.ceil(q * all.length) - 1] ?? NaN
        const told = Latency.quantile(of(all), q) ?? NaN
        assert.isAtLeast(told, Math.min(exact, told * 1.000_001))
        assert.isAtLeast(told * 1.000_001, exact)
        assert.isAtMost(told, Math.max(exact * 1.19, 0.001))
      }),
    ))

  it('is the same whether one thread has filled it or several', () =>
    fc.assert(
      fc.property(lengths, lengths, (a, b) => {
        const { sumMs, ...together } = of([...a, ...b])
        const { sumMs: mergedMs, ...merged } = Latency.merge([of(a), of(b)])
        assert.deepEqual(merged, together)
        assert.approximately(mergedMs, sumMs, 1e-6)
      }),
    ))

  it('stays small, whatever it is given', () => {
    const odd = of([0, -1, 1e-9, 1e12, Infinity])
    assert.strictEqual(odd.count, 5)
    assert.isAtMost(odd.buckets.length, 122)
    assert.strictEqual(Latency.quantile(odd, 1), Infinity)
  })

  it('has no quantile where it is empty, and refuses a share that is none', () => {
    assert.isNull(Latency.quantile(Latency.none, 0.5))
    assert.throws(() => Latency.quantile(Latency.none, 50), RangeError, '50 does not')
  })
})
