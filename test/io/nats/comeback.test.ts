// How long a client waits for its server: what of it is left to chance.
import { assert } from 'chai'
import { comeback } from '../../../io/nats/comeback.ts'

describe('The wait before a server is tried again', () => {
  const waits = { firstMs: 100, longestMs: 1_000 }
  const draws = (jitterMs: number): ReadonlyArray<number> => Array.from({ length: 500 }, () => comeback({ ...waits, jitterMs }).delay())

  it('is longer by a part of the jitter, each time another, so that many clients do not come at one moment', () => {
    const all = draws(50)
    assert.isAtLeast(Math.min(...all), 100)
    assert.isBelow(Math.max(...all), 150)
    // That 500 draws miss a fifth at either end happens once in 10^48 times.
    assert.isBelow(Math.min(...all), 110)
    assert.isAbove(Math.max(...all), 140)
  })

  it('is as it was told without jitter', () => {
    assert.deepEqual([...new Set(draws(0))], [100])
  })
})
