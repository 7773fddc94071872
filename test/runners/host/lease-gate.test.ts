// When a process relies on its lease: every closing of the gate, and what opens it again.
import { assert } from 'chai'
import type { LeaseConfirmation } from '../../../runners/checkpoint/confirmation.ts'
import { LeaseGate, longestGapMs, type Moment } from '../../../runners/host/lease-gate.ts'

const wallAtZero = 1_700_000_000_000
/** Both clocks, which have gone on together; `aheadMs`: what the wall clock has gained. */
const at = (monotonicMs: number, aheadMs = 0): Moment => ({ monotonicMs, wallMs: wallAtZero + monotonicMs + aheadMs })
const confirmed = (beganMs: number, untilMs = beganMs + 12_000): LeaseConfirmation => ({ beganMs, untilMs })

describe('The gate of a lease', () => {
  const gateFrom = (first = confirmed(0)): LeaseGate => new LeaseGate(3_000, first, at(0))
  /** Looks as often as a run does; says whether the gate was open at each of them. */
  const lookUntil = (gate: LeaseGate, fromMs: number, toMs: number, newest: LeaseConfirmation): boolean => {
    let open = true
    for (let ms = fromMs; ms <= toMs; ms += 500) open = gate.look(at(ms), newest)
    return open
  }

  it('is open while the lease is confirmed, and closes at the moment at which that ends', () => {
    const gate = gateFrom()
    assert.isTrue(lookUntil(gate, 0, 11_500, confirmed(0)))
    assert.isTrue(gate.look(at(11_999.9), confirmed(0)))
    assert.isNull(gate.doubt())
    assert.isFalse(gate.look(at(12_000), confirmed(0)))
    assert.strictEqual(gate.doubt()?.because, 'expired')
    assert.strictEqual(gate.doubt()?.sinceMs, 12_000)
  })

  it('stays open over renewals', () => {
    const gate = gateFrom()
    for (let renewed = 0; renewed < 60_000; renewed += 3_000) assert.isTrue(lookUntil(gate, renewed, renewed + 2_500, confirmed(renewed)))
  })

  it('once closed, is not opened by a renewal that began before, however long that one holds', () => {
    const gate = gateFrom()
    lookUntil(gate, 0, 12_000, confirmed(0))
    assert.isFalse(gate.look(at(12_500), confirmed(11_900)))
    assert.isFalse(gate.look(at(13_000), confirmed(11_900)))
    assert.isTrue(gate.look(at(13_500), confirmed(12_600)))
    assert.isNull(gate.doubt())
  })

  it('is not opened by a renewal whose answer came when it had expired as well', () => {
    const gate = gateFrom()
    lookUntil(gate, 0, 30_000, confirmed(0))
    assert.isFalse(gate.look(at(30_500), confirmed(13_000)))
    assert.isTrue(gate.look(at(31_000), confirmed(30_600)))
  })

  it('closes after a stop, although the lease is confirmed for longer, until a renewal that began after it', () => {
    const gate = gateFrom(confirmed(0, 600_000))
    assert.isTrue(gate.look(at(longestGapMs), confirmed(0, 600_000)))
    assert.isFalse(gate.look(at(2 * longestGapMs + 1), confirmed(0, 600_000)))
    assert.strictEqual(gate.doubt()?.because, 'stopped')
    assert.isFalse(gate.look(at(2 * longestGapMs + 2), confirmed(longestGapMs, 600_000)))
    assert.isTrue(gate.look(at(2 * longestGapMs + 30), confirmed(2 * longestGapMs + 10, 600_000)))
  })

  it('says expired of a stop that outlasted the lease', () => {
    const gate = gateFrom()
    assert.isFalse(gate.look(at(60_000), confirmed(0)))
    assert.strictEqual(gate.doubt()?.because, 'expired')
  })

  it('stays closed where it is stopped again while a renewal is on its way', () => {
    const gate = gateFrom()
    assert.isFalse(gate.look(at(20_000), confirmed(0)))
    // That one began after the first stop; the answer is read after the second.
    assert.isFalse(gate.look(at(30_000), confirmed(20_100)))
    assert.isFalse(gate.look(at(30_100), confirmed(20_100)))
    assert.isTrue(gate.look(at(30_200), confirmed(30_050)))
    assert.isNull(gate.doubt())
  })

  it('closes where the machine was suspended: its monotonic clock stood still, and the wall clock did not', () => {
    const gate = gateFrom()
    assert.isTrue(gate.look(at(1_000, 2_900), confirmed(0)))
    assert.isFalse(gate.look(at(1_500, 60_000), confirmed(0)))
    assert.strictEqual(gate.doubt()?.because, 'clockJumped')
    assert.isTrue(gate.look(at(1_600, 60_000), confirmed(1_550)), 'the new difference is what later ones are compared with')
    assert.isFalse(gate.look(at(1_700, 0), confirmed(1_550)), 'a clock that is set back is no better')
  })

  it('takes a clock that drifts slowly for what it is, from one confirmation to the next', () => {
    const gate = gateFrom()
    for (let renewed = 0; renewed < 300_000; renewed += 1_500)
      assert.isTrue(gate.look(at(renewed, renewed), confirmed(renewed)), `at ${renewed} ms`)
  })
})
