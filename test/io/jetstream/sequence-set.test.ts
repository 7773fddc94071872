// What was handed on of a queue, against the obvious twin: a set of numbers.
import { assert } from 'chai'
import fc from 'fast-check'
import { SequenceSet } from '../../../io/jetstream/sequence-set.ts'

describe('The sequences that were handed on of a queue', () => {
  it('are those that were added, and all up to the floor, in whatever order they came', () => {
    const step = fc.oneof({ weight: 5, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 40 }) }) }, fc.record({ floor: fc.nat(40) }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const twin = new Set<number>()
        let floor = 0
        let set = SequenceSet.of([])
        for (const one of steps) {
          if ('add' in one) {
            set.add(one.add)
            twin.add(one.add)
          } else {
            set.raise(one.floor)
            floor = Math.max(floor, one.floor)
          }
          const has = (n: number): boolean => n <= floor || twin.has(n)
          const all = Array.from({ length: 45 }, (_, n) => n)
          assert.deepEqual(
            all.filter(n => set.has(n)),
            all.filter(has),
          )
          assert.deepEqual(
            [...set.above()],
            all.filter(n => n > floor && twin.has(n)),
          )
          assert.strictEqual(set.last, Math.max(floor, ...twin))
          set = SequenceSet.of(set.record())
        }
      }),
      { numRuns: 300 },
    )
  })

  it('take little room in a checkpoint where few are missing', () => {
    const set = SequenceSet.of([])
    for (let n = 1; n <= 100_000; n++) if (n % 10_000 !== 7) set.add(n)
    assert.deepEqual([set.record().length, set.record().slice(0, 5)], [23, [0, 1, 6, 2, 9_999]])
  })
})
