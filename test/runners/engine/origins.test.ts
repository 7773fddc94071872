// What a sink may forget of an earlier process's outputs: as far as all parts of a split have come that are read beside it.
import { assert } from 'chai'
import { othersIn, originOf, passedBy } from '../../../runners/engine/origins.ts'
import { SourceSplits } from '../../../runners/engine/source-splits.ts'
import type { Split } from '../../../sdk/splittable/source.ts'
import { Watermark } from '../../../sdk/splittable/watermark-policy.ts'

const whole: Split = { id: 'a', range: { from: 0, to: 100 }, count: null, detail: null, divisible: true }

describe('Outputs that an earlier process may have published', () => {
  const read = (splits: SourceSplits, id: string, last: number): void => splits.claimed(id, { last, claimed: last, note: null }, 0)

  it('have one origin for all parts of a split, however often it was cut', () => {
    const splits = new SourceSplits([whole], Watermark.monotonic, [])
    const half = splits.trySplit('a', 0.5) ?? assert.fail('nothing was left')
    splits.add(half)
    const quarter = splits.trySplit(half.id, 0.5) ?? assert.fail('nothing was left')
    assert.lengthOf(new Set(['a', half.id, quarter.id]), 3)
    assert.deepEqual(
      [whole, half, quarter].map(split => originOf('source', split)),
      ['source/a', 'source/a', 'source/a'],
    )
  })

  it('are remembered as long as one of the parts that are read here has not come behind them', () => {
    const splits = new SourceSplits([whole], Watermark.monotonic, [])
    const half = splits.trySplit('a', 0.5) ?? assert.fail('nothing was left')
    splits.add(half)
    const passed = (): number | undefined => passedBy([{ stage: { id: 'source' }, splits }]).get('source/a')
    assert.strictEqual(passed(), -Infinity)
    read(splits, half.id, 80)
    read(splits, 'a', 7)
    assert.strictEqual(passed(), 7)
    splits.end(half.id)
    assert.strictEqual(passed(), 7)
    splits.end('a')
    assert.strictEqual(passed(), Infinity)
  })

  it('are remembered here, too, where another part of the same split is another’s', () => {
    const splits = new SourceSplits([whole], Watermark.monotonic, [])
    const half = splits.trySplit('a', 0.5) ?? assert.fail('nothing was left')
    const others = othersIn({}, { source: [half] })
    assert.deepEqual([...others], [['source/a', Infinity]])
    assert.deepEqual([...others, ...passedBy([{ stage: { id: 'source' }, splits }])].at(-1), ['source/a', -Infinity])
  })
})
