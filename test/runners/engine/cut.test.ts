import { assert } from 'chai'
import * as fc from 'fast-check'
import { type Bundling, cutOf } from '../../../runners/engine/cut.ts'
import { randomOf } from '../../../runners/host/random.ts'
import type { Batch } from '../../../runners/harness/batch.ts'

const batchOf = (keys: ReadonlyArray<string>): Batch => ({
  keys,
  values: keys.map((_, i) => i),
  timestamps: keys.map((_, i) => i * 10),
  windows: null,
  panes: null,
  positions: null,
  lifted: false,
})
const cut = (bundling: Bundling, batch: Batch, seed = 1): ReadonlyArray<Batch> => cutOf(bundling, null, randomOf(seed))?.(batch) ?? [batch]
const valuesOf = (parts: ReadonlyArray<Batch>): ReadonlyArray<ReadonlyArray<unknown>> => parts.map(({ values }) => values)

describe('bundles', () => {
  const batch = batchOf(['a', 'b', 'a', 'c', 'b'])

  it('hold one element each', () => assert.deepEqual(valuesOf(cut('element', batch)), [[0], [1], [2], [3], [4]]))
  it('hold what comes together', () => assert.deepEqual(cut('all', batch), [batch]))
  it('hold what one key has', () => assert.deepEqual(valuesOf(cut('key', batch)), [[0, 2], [1, 4], [3]]))
  it('hold what was drawn, the same for the same seed', () => {
    assert.deepEqual(cut('random', batch, 5), cut('random', batch, 5))
    const sizes = new Set(
      Array.from({ length: 50 }, (_, seed) =>
        valuesOf(cut('random', batch, seed))
          .map(({ length }) => length)
          .join(),
      ),
    )
    assert.isAbove(sizes.size, 5)
  })

  it('hold every element once, whole, and those of a key in order', () =>
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c')),
        fc.constantFrom<Bundling>('element', 'all', 'key', 'random'),
        fc.nat(),
        (keys, bundling, seed) => {
          const rows = cut(bundling, batchOf(keys), seed).flatMap(({ keys: of, values, timestamps }) => {
            assert.lengthOf(timestamps, values.length)
            return values.map((value, i) => ({ key: of?.[i], value: Number(value), timestamp: timestamps[i] }))
          })
          assert.sameDeepMembers(
            [...rows],
            keys.map((key, i) => ({ key, value: i, timestamp: i * 10 })),
          )
          for (const key of keys) {
            const own = rows.filter(row => row.key === key).map(({ value }) => value)
            assert.deepEqual(
              own,
              [...own].sort((a, b) => a - b),
            )
          }
        },
      ),
    ))
})
