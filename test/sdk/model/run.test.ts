// What every runner is told.
import { assert } from 'chai'
import { Checkpoints, seconds } from 'jetbeam'

describe('Checkpoints in a directory', () => {
  it('have their defaults, and refuse what means nothing', () => {
    assert.include(Checkpoints.directory('./state'), { path: './state', everyMs: 1_000, keep: 3 })
    assert.include(Checkpoints.directory(undefined, { every: seconds(10), keep: 1 }), { path: null, everyMs: 10_000, keep: 1 })
    assert.throws(() => Checkpoints.directory('./state', { every: seconds(-1) }), /every is a time between checkpoints/)
    assert.throws(() => Checkpoints.directory('./state', { keep: 0 }), /keep is how many stay/)
    assert.include(Checkpoints.directory('./state', { timeout: seconds(3), failures: 1 }), { timeoutMs: 3_000, failures: 1 })
    assert.throws(() => Checkpoints.directory('./state', { timeout: seconds(0) }), /timeout is the longest/)
    assert.throws(() => Checkpoints.directory('./state', { failures: 0 }), /failures is how many in a row/)
  })
})

describe('Checkpoints in a stream', () => {
  it('are plain data, with a stream, a connection, and no replicas or size of their own by default', () => {
    assert.deepEqual(
      { ...Checkpoints.jetstream() },
      {
        _tag: 'Checkpoints',
        kind: 'jetstream',
        stream: 'JETBEAM_CHECKPOINTS',
        connection: 'default',
        replicas: null,
        maxBytes: null,
        everyMs: 1_000,
        keep: 3,
        timeoutMs: 600_000,
        failures: 5,
        leaseMs: 15_000,
      },
    )
    assert.include(Checkpoints.jetstream({ stream: 'S', connection: 'c', replicas: 3, every: seconds(2), keep: 1 }), {
      stream: 'S',
      connection: 'c',
      replicas: 3,
      everyMs: 2_000,
      keep: 1,
    })
  })
  it('refuse a name, replicas or times that cannot be', () => {
    assert.throws(() => Checkpoints.directory(''), /the path is empty/)
    for (const stream of ['', 'a b', 'a.b', 'a/b', '*', '>']) assert.throws(() => Checkpoints.jetstream({ stream }), /cannot name a stream/)
    for (const maxBytes of [0, -1, 1.5]) assert.throws(() => Checkpoints.jetstream({ maxBytes }), /maxBytes is a number of bytes/)
    for (const replicas of [0, 6, 1.5]) assert.throws(() => Checkpoints.jetstream({ replicas }), /replicas is how many/)
    assert.throws(() => Checkpoints.jetstream({ keep: 0 }), /Checkpoints.jetstream: keep is how many stay/)
    assert.throws(() => Checkpoints.jetstream({ every: seconds(-1) }), /Checkpoints.jetstream: every is/)
  })
})
