// Elements that wait for a side input hold up whoever reads them, in whichever worker, and never whoever reads the side.
import { assert } from 'chai'
import { orThrow, pipe, type PortablePipeline } from '../../../sdk/index.ts'
import { WorkerThreadsRunner } from '../../../runners/worker-threads/index.ts'
import { waitElsewhere, waitForEachOther } from './waiting.ts'

const endOf = async (pipeline: PortablePipeline): Promise<string> => {
  const job = await orThrow(pipe(pipeline, WorkerThreadsRunner.start({ workers: 2 })))
  // Where each waits for the other, it would not come at all.
  const late = setTimeout(() => void orThrow(job.cancel), 100_000)
  const { state } = await orThrow(job.done)
  clearTimeout(late)
  return state
}

describe('elements that wait for a side input', () => {
  it('are no longer read by one worker when too many of them wait at another', async () => {
    assert.strictEqual(await endOf(waitElsewhere()), 'done')
  })

  it('are read on where another worker’s elements wait for them', async () => {
    assert.strictEqual(await endOf(waitForEachOther()), 'done')
  })
})
