// A list by time beside its slow twin: an array that is sorted and filtered anew for each change.
import { assert } from 'chai'
import fc from 'fast-check'
import * as O from 'fp-ts/lib/Option.js'
import { Instant } from '../../../sdk/index.ts'
import { OrderedListSlot, type TimedItem } from '../../../sdk/stateful/slots.ts'

describe('A list by time', () => {
  const at = fc.integer({ min: 0, max: 40 })
  const changes = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ add: at }) },
      { weight: 1, arbitrary: fc.record({ from: fc.oneof(fc.constant(-1), at), to: at }) },
    ),
    { maxLength: 200 },
  )

  it('has what was added and not cleared, in order, wherever that lies', () => {
    fc.assert(
      fc.property(changes, at, at, (all, from, to) => {
        const list = new OrderedListSlot()
        let twin: ReadonlyArray<TimedItem> = []
        for (const [i, change] of all.entries())
          if ('add' in change) {
            list.apply({ _tag: 'AddAt', at: Instant.ofMillis(change.add), value: i })
            twin = [...twin, [Instant.ofMillis(change.add), i] as const].sort(([a], [b]) => a - b)
          } else {
            list.apply({ _tag: 'ClearRange', from: Instant.ofMillis(change.from), to: Instant.ofMillis(change.to) })
            twin = twin.filter(([time]) => time < change.from || time >= change.to)
          }
        const isIn = ([time]: TimedItem) => time >= from && time < to
        assert.deepEqual(list.range(from, to), twin.filter(isIn))
        assert.deepEqual(list.range(-Infinity, Infinity), twin)
        assert.deepEqual(O.toNullable(list.first(from)), twin.find(([time]) => time >= from) ?? null)
        assert.strictEqual(list.size, twin.length)
        assert.strictEqual(list.isEmpty, twin.length === 0)
      }),
    )
  })
})
