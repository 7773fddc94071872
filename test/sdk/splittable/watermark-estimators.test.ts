// What the standard watermark estimators know, and what `process` sees of it.
import { assert } from 'chai'
import { Coder, Instant, millis, resumeAfter, Watermark, WatermarkEstimator } from '../../../sdk/index.ts'

const at = (t: number): Instant => Instant.ofMillis(t)

describe('A watermark estimator', () => {
  it('that is monotonic follows the greatest timestamp that was handed on', () => {
    const it = WatermarkEstimator.monotonic
    const cell = { state: it.initial(at(5)) }
    const handle = it.make(cell, () => at(0))
    for (const t of [3, 9, 7]) cell.state = it.observe?.(cell.state, at(t))
    assert.strictEqual(it.current(cell.state, at(100)), 9)
    assert.strictEqual(handle.current, 9)
  })

  it('that follows the clock says what the clock says', () => {
    const it = WatermarkEstimator.wallTime
    let now = 10
    const handle = it.make({ state: it.initial(at(5)) }, () => at(now))
    now = 20
    assert.strictEqual(handle.current, 20)
    assert.strictEqual(it.current(it.initial(at(5)), at(30)), 30)
  })

  it('that is moved by hand goes forward only, and to instants only', () => {
    const it = WatermarkEstimator.manual
    const cell = { state: it.initial(at(5)) }
    const handle = it.make(cell, () => at(0))
    handle.advanceTo(at(8))
    handle.advanceTo(at(6))
    assert.strictEqual(handle.current, 8)
    assert.throws(() => handle.advanceTo(Number.NaN as Instant), RangeError, 'the watermark is an Instant')
  })

  it("of one's own keeps a state of its own", () => {
    const it = WatermarkEstimator.of({
      coder: Coder.struct({ newest: Coder.instant, seen: Coder.varint }),
      initial: { newest: Instant.min, seen: 0 },
      observe: ({ newest, seen }, t) => ({ newest: t > newest ? t : newest, seen: seen + 1 }),
      current: ({ newest, seen }) => (seen < 2 ? Instant.min : newest),
    })
    const cell = { state: it.initial(at(5)) }
    const handle = it.make(cell, () => at(0))
    cell.state = it.observe?.(cell.state, at(7))
    assert.strictEqual(handle.current, Instant.min)
    cell.state = it.observe?.(cell.state, at(6))
    assert.strictEqual(handle.current, 7)
    assert.deepEqual(it.coder.decode(it.coder.encode(cell.state)), { _tag: 'Right', right: { newest: 7, seen: 2 } })
  })
})

describe('A bound or a delay', () => {
  it('that is no duration is refused', () => {
    assert.throws(() => resumeAfter(millis(-1)), RangeError, 'the delay is a duration from 0')
    assert.throws(() => Watermark.boundedOutOfOrderness(millis(-1)), RangeError, 'a bound is a duration from 0')
  })
})
