// No straggling range holds a run up: a worker with nothing left takes half of what another has.
import { assert } from 'chai'
import { orThrow, pipe, type PortablePipeline } from '../../../sdk/index.ts'
import { WorkerThreadsRunner } from '../../../runners/worker-threads/index.ts'
import { oneRange, slowHalf } from './stragglers.ts'

const sharesOf = async (pipeline: PortablePipeline, workers: number): Promise<ReadonlyArray<number>> => {
  const { metrics } = await orThrow(pipe(pipeline, WorkerThreadsRunner.run({ workers })))
  assert.strictEqual(metrics.droppedLate, 0)
  return metrics.user.flatMap(({ name, attempted }) => (name.startsWith('on thread') ? [Number(attempted)] : []))
}

describe('a straggling range', function () {
  this.timeout(30_000)

  it('of a source is shared out among the workers that have nothing left', async () => {
    const shares = await sharesOf(slowHalf(), 3)
    assert.lengthOf(shares, 3)
    // Those that were dealt quick elements only have taken slow ones as well.
    assert.isBelow(Math.min(...shares), 10_000)
    assert.isAbove(Math.max(...shares), 10_000)
  })

  it('of a splittable DoFn is shared out among the workers that have nothing left', async () => {
    const shares = await sharesOf(oneRange(), 3)
    assert.lengthOf(shares, 3)
    assert.strictEqual(
      shares.reduce((sum, n) => sum + n, 0),
      300,
    )
  })
})
