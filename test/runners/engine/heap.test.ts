// The heap beside a sorted list: whatever is put, moved and taken out, the same comes first.
import { assert } from 'chai'
import fc from 'fast-check'
import { Heap, type HeapEntry } from '../../../runners/engine/heap.ts'

type Step =
  | { readonly _tag: 'Push'; readonly time: number }
  | { readonly _tag: 'Put'; readonly which: number; readonly time: number }
  | { readonly _tag: 'Remove'; readonly which: number }
  | { readonly _tag: 'Pop' }

const time = fc.nat(9)
const which = fc.nat(30)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ _tag: fc.constant('Push' as const), time }) },
  fc.record({ _tag: fc.constant('Put' as const), which, time }),
  fc.record({ _tag: fc.constant('Remove' as const), which }),
  fc.record({ _tag: fc.constant('Pop' as const) }),
)

describe('a heap', () => {
  it('gives what is due first, whatever was moved or taken out: beside a sorted list', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const heap = new Heap<number>((a, b) => a - b)
        const entries: HeapEntry<number>[] = []
        const times: number[] = []
        const first = (): number | undefined =>
          [...times.keys()]
            .filter(item => !Number.isNaN(times[item]))
            .sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b)
            .at(0)
        const known = (at: number): readonly [number, HeapEntry<number>] | null => {
          const entry = entries[at % Math.max(1, entries.length)]
          return entry === undefined ? null : [entry.item, entry]
        }
        for (const one of steps) {
          if (one._tag === 'Push') {
            entries.push(heap.push(one.time, entries.length))
            times.push(one.time)
          } else if (one._tag === 'Pop') {
            const item = first()
            assert.strictEqual(heap.pop(), item)
            if (item !== undefined) times[item] = Number.NaN
          } else {
            const found = known(one.which)
            if (found === null) continue
            const [item, entry] = found
            if (one._tag === 'Put') heap.put(entry, one.time)
            else heap.remove(entry)
            times[item] = one._tag === 'Put' ? one.time : Number.NaN
          }
          assert.strictEqual(heap.peek(), first())
          assert.strictEqual(heap.next(), times[first() ?? -1] ?? Infinity)
          assert.strictEqual(heap.size, times.filter(at => !Number.isNaN(at)).length)
          for (const [item, entry] of entries.entries()) assert.deepEqual(heap.timeOf(entry), times[item])
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
