// No straggling range holds a run up: a worker with nothing left takes half of what another has.
import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from 'chai'
import { type JobMetrics, orThrow, pipe, type PortablePipeline } from '../../../sdk/index.ts'
import { WorkerThreadsRunner } from '../../../runners/worker-threads/index.ts'
import { oneRange, slowHalf, tableOfBacklog, twoSingles } from './stragglers.ts'

const sharesOf = async (pipeline: PortablePipeline, workers: number): Promise<ReadonlyArray<number>> => {
  const { metrics } = await orThrow(pipe(pipeline, WorkerThreadsRunner.run({ workers })))
  assert.strictEqual(metrics.droppedLate, 0)
  return sharesIn(metrics)
}

/** How many elements each thread looked at. */
const sharesIn = ({ user }: JobMetrics): ReadonlyArray<number> =>
  user.flatMap(({ name, attempted }) => (name.startsWith('on thread') ? [Number(attempted)] : []))

describe('sources of one split each', () => {
  it('are read by different workers', async () => {
    assert.deepStrictEqual(await sharesOf(twoSingles(), 2), [10, 10])
  })
})

describe('a straggling range', () => {
  it('of a source is shared out among the workers that have nothing left', async () => {
    const shares = await sharesOf(slowHalf(), 3)
    assert.lengthOf(shares, 3)
    // Those that were dealt quick elements only have taken slow ones as well.
    assert.isBelow(Math.min(...shares), 10_000)
    assert.isAbove(Math.max(...shares), 10_000)
  })

  it('of a backlog is shared out while a read without an end goes on, and a table of it waits for all of it', async () => {
    const job = await orThrow(pipe(tableOfBacklog(), WorkerThreadsRunner.start({ workers: 3 })))
    const counted = (name: string): number =>
      job.metrics().user.reduce((sum, metric) => sum + (metric.name.startsWith(name) ? Number(metric.attempted) : 0), 0)
    while (counted('in the table') + counted('too early') < 6_000) await sleep(20)
    const shares = sharesIn(job.metrics())
    await orThrow(job.drain)
    await orThrow(job.done)
    assert.strictEqual(counted('too early'), 0)
    assert.lengthOf(shares, 3)
    assert.strictEqual(
      shares.reduce((sum, n) => sum + n, 0),
      6_000,
    )
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
