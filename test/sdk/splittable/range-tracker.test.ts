// The tracker's law: whenever it is split, and however often, each position is handed on once.
import { assert } from 'chai'
import fc from 'fast-check'
import { RangeTracker } from '../../../sdk/splittable/range-tracker.ts'

describe('A range tracker', () => {
  it("keeps a fraction of what is left: Beam's example of 25 elements, paused at the fifth", () => {
    const tracker = new RangeTracker({ from: 0, to: 25 }, null)
    for (let position = 0; position < 5; position++) assert.isTrue(tracker.tryClaim(position))
    assert.deepEqual(tracker.trySplit(0.5), { from: 15, to: 25 })
    assert.deepEqual(tracker.trySplit(0.5), { from: 10, to: 15 })
    assert.deepEqual(tracker.progress(), { done: 5, remaining: 5 })
    assert.isFalse(tracker.tryClaim(10))
  })

  it('refuses what was claimed before', () => {
    const tracker = new RangeTracker({ from: 3, to: null }, 7)
    assert.throws(() => tracker.tryClaim(7), /ascending order/)
    assert.throws(() => new RangeTracker({ from: 3, to: null }, null).tryClaim(2), /ascending order/)
    assert.throws(() => tracker.trySplit(1.5), /fraction from 0 to 1/)
  })

  it('gives nothing away once all is claimed', () => {
    const tracker = new RangeTracker({ from: 0, to: 2 }, 1)
    assert.isNull(tracker.trySplit(0))
    assert.isTrue(tracker.isDone())
  })

  it('divides the work exactly, at whatever moments it is split', () => {
    const script = fc.array(
      fc.oneof(fc.record({ claim: fc.integer({ min: 1, max: 9 }) }), fc.record({ split: fc.double({ min: 0, max: 1, noNaN: true }) })),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 120 }), { maxLength: 60 }), script, (unsorted, steps) => {
        const elements = [...unsorted].sort((a, b) => a - b)
        const waiting = [new RangeTracker({ from: 0, to: 121 }, null)]
        const handedOn: number[] = []
        for (let step = 0; waiting.length > 0; step++) {
          const tracker = waiting[0]
          if (tracker === undefined) break
          const { last, range } = tracker
          const rest = elements.filter(position => position > (last ?? range.from - 1))
          const action = steps[step] ?? { claim: 1_000 }
          if ('split' in action) {
            const residual = tracker.trySplit(action.split)
            if (residual !== null) waiting.push(new RangeTracker(residual, null))
            continue
          }
          const batch = rest.slice(0, action.claim)
          const count = tracker.tryClaimAll(batch)
          handedOn.push(...batch.slice(0, count))
          if (count < batch.length || batch.length === rest.length) waiting.shift()
        }
        assert.deepEqual(
          handedOn.sort((a, b) => a - b),
          elements,
        )
      }),
    )
  })
})
