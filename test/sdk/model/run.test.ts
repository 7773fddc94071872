// What every runner is told.
import { assert } from 'chai'
import { Checkpoints, seconds } from 'jetbeam'

describe('Checkpoints in a directory', () => {
  it('have their defaults, and refuse what means nothing', () => {
    assert.include(Checkpoints.directory('./state'), { path: './state', everyMs: 1_000, keep: 3 })
    assert.include(Checkpoints.directory(undefined, { every: seconds(10), keep: 1 }), { path: null, everyMs: 10_000, keep: 1 })
    assert.throws(() => Checkpoints.directory('./state', { every: seconds(-1) }), /every is a time between checkpoints/)
    assert.throws(() => Checkpoints.directory('./state', { keep: 0 }), /keep is how many stay/)
  })
})
