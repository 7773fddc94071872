// Pipelines on worker threads.
import { assert } from 'chai'
import { orThrow, pipe } from '../../../sdk/index.ts'
import { WorkerThreadsRunner } from '../../../runners/worker-threads/index.ts'
import { counts, sums } from './programs.ts'

describe('the worker-thread runner', () => {
  for (const workers of [1, 2, 3, 4]) {
    it(`groups keys over ${workers} workers`, async () => {
      const { state, metrics } = await orThrow(pipe(counts(), WorkerThreadsRunner.run({ workers })))
      assert.strictEqual(state, 'done')
      assert.strictEqual(metrics.elementsRead, 10_000)
    })
  }

  it('gives one global sum', async () => {
    await orThrow(pipe(sums(), WorkerThreadsRunner.run({ workers: 3 })))
  })
})
