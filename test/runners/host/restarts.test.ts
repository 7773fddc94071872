// How often a run that failed begins again: what fails each time ends it, what is lost now and then does not.
import { assert } from 'chai'
import { Restarts } from '../../../runners/host/restarts.ts'
import { millis, type PipelineError } from '../../../sdk/index.ts'

const lost: PipelineError = { _tag: 'WorkerFailed', message: 'worker 0 died', worker: 0, cause: null }
const away: PipelineError = { ...lost, message: 'worker 1 died' }
const minute = 60_000

describe('A run that may begin again three times in a row', () => {
  const begun = (): Restarts => new Restarts({ attempts: 3, initial: millis(100) })

  it('ends when it has failed a fourth time without a checkpoint in between', () => {
    const restarts = begun()
    assert.deepEqual(
      [lost, away, lost, away].map((error, i) => restarts.after(error, false, i)),
      [100, 200, 400, null],
    )
  })

  it('ends when the same failure comes again soon, checkpoints or not', () => {
    const restarts = begun()
    assert.deepEqual(
      [0, 1, 2, 3].map(i => restarts.after(lost, true, i * minute)),
      [100, 200, 400, null],
    )
  })

  it('begins anew where checkpoints lie between different failures, or ten minutes between the same', () => {
    const restarts = begun()
    assert.deepEqual(
      [lost, away, lost, away, lost].map((error, i) => restarts.after(error, true, i)),
      [100, 100, 100, 100, 100],
    )
    assert.deepEqual(
      [1, 12, 23, 34, 45].map(at => restarts.after(lost, true, at * minute)),
      [200, 100, 100, 100, 100],
    )
  })

  it('pauses longer each time, up to a longest pause: its own, or half a minute', () => {
    const pauses = (restarts: Restarts, times: number): ReadonlyArray<number | null> =>
      Array.from({ length: times }, (_, i) => restarts.after(lost, false, i))
    assert.deepEqual(pauses(new Restarts({ attempts: 5, initial: millis(100), max: millis(250) }), 6), [100, 200, 250, 250, 250, null])
    assert.strictEqual(pauses(new Restarts({ attempts: 10 }), 10).at(-1), 30_000)
  })
})
