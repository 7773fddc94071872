// What was handed on of a queue, against the obvious twin: a map of numbers and time stamps.
import { assert } from 'chai'
import fc from 'fast-check'
import { handedOnIn } from '../../../io/jetstream/queue-note.ts'
import { SequenceSet } from '../../../io/jetstream/sequence-set.ts'

describe('The sequences that were handed on of a queue', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 40 }), jitter: fc.nat(5) }) },
    fc.record({ floor: fc.nat(40) }),
  )
  const all = Array.from({ length: 45 }, (_, n) => n)
  /** Of a stream: later messages are newer, but for the difference of clocks. */
  const stampOf = (sequence: number, jitter: number): number => 1_000_000 + 10 * sequence + jitter
  const newest = stampOf(10_000, 0)

  it('are those that were added, and all up to the floor, in whatever order they came', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const twin = new Map<number, number>()
        let floor = 0
        let set = SequenceSet.of([], null)
        for (const one of steps) {
          if ('add' in one) {
            const at = twin.get(one.add) ?? stampOf(one.add, one.jitter)
            set.add(one.add, at)
            twin.set(one.add, at)
          } else {
            set.raise(one.floor)
            floor = Math.max(floor, one.floor)
          }
          const has = (n: number): boolean => n <= floor || twin.has(n)
          assert.deepEqual(
            all.filter(n => set.has(n)),
            all.filter(has),
          )
          assert.deepEqual(
            [...set.above()],
            all.filter(n => n > floor && twin.has(n)),
          )
          assert.strictEqual(set.last, Math.max(floor, ...twin.keys()))
          for (const [sequence, at] of twin) {
            assert.strictEqual(set.match(sequence, at), 'same', `${sequence} as it was`)
            assert.strictEqual(set.match(sequence, newest), 'other', `${sequence} as another message`)
          }
          for (const n of all) if (n > floor && !twin.has(n)) assert.strictEqual(set.match(n, newest), 'new')
          const last = Math.max(0, ...twin.keys())
          const known = set.lastKnown
          if (last === 0) assert.isNull(known)
          else assert.isTrue(known?.sequence === last && known.smallest <= (twin.get(last) ?? 0) && known.greatest >= (twin.get(last) ?? 0))
          set = SequenceSet.of(set.record(), set.stampRecord())
        }
      }),
      { numRuns: 300 },
    )
  })

  it('take any message as the same where a checkpoint of an earlier version has no time stamps, until later ones bound them', () => {
    const set = handedOnIn({ handedOn: [10, 2, 3] })
    assert.deepEqual([set.match(5, newest), set.match(13, newest), set.match(11, newest), set.lastKnown], ['same', 'same', 'new', null])
    set.add(15, stampOf(15, 0))
    assert.deepEqual([set.match(13, newest), set.match(15, stampOf(15, 0))], ['other', 'same'])
    set.raise(20)
    assert.deepEqual([set.match(5, newest), set.match(5, stampOf(5, 0))], ['other', 'same'])
  })

  it('up to the floor may be messages that an earlier run was given, and this one was not', () => {
    const set = SequenceSet.of([], null)
    set.raise(10)
    assert.strictEqual(set.match(3, stampOf(3, 0)), 'new')
    set.add(11, stampOf(11, 0))
    set.raise(11)
    assert.deepEqual([set.match(3, stampOf(3, 0)), set.match(3, newest)], ['new', 'other'])
  })

  it('take little room in a checkpoint where few are missing', () => {
    const set = SequenceSet.of([], null)
    for (let n = 1; n <= 100_000; n++) if (n % 10_000 !== 7) set.add(n, 1_000 + n)
    assert.deepEqual([set.record().length, set.record().slice(0, 5)], [23, [0, 1, 6, 2, 9_999]])
    assert.deepEqual([set.stampRecord().length, set.stampRecord().slice(0, 7)], [25, [100_000, -1, -1, 1_001, 5, 1_008, 9_998]])
  })
})
