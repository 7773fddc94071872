// Elements that wait for a side input hold up whoever reads them, in whichever worker, and never whoever reads the side.
import { assert } from 'chai'
import { orThrow, pipe, type PortablePipeline } from '../../../sdk/index.ts'
import { WorkerThreadsRunner } from '../../../runners/worker-threads/index.ts'
import { manyLong, oneIsIdle, onTheWay, onTheWayBytes, takenSlowly, waitElsewhere, waitForEachOther } from './waiting.ts'

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

describe('elements on their way from one worker to another that is slow', () => {
  it('are some thousand at most: the first one reads no more meanwhile', async () => {
    const memory = new SharedArrayBuffer(onTheWayBytes)
    assert.strictEqual(await endOf(takenSlowly({ memory })), 'done')
    const { taken, most } = onTheWay(memory)
    assert.strictEqual(taken(), manyLong)
    assert.isBelow(most(), manyLong / 3, 'of 1 kB each, where 4 MiB may be on their way')
  })
})

describe('event time that stands still on two workers', () => {
  it('is told with the worker that holds it, the transform, and the split with what it does', async () => {
    const job = await orThrow(pipe(oneIsIdle(), WorkerThreadsRunner.start({ workers: 2 })))
    // The first has ten elements to read before it holds nothing any more.
    while (job.metrics().held?.worker !== 1 && job.state() === 'running') await new Promise(resolve => setTimeout(resolve, 5))
    const { held } = job.metrics()
    await orThrow(job.cancel)
    assert.deepInclude(held, { transform: 'quiet#1', worker: 1, by: 'split', text: 'the split quiet#1/1, idle, 0 to read' })
  })
})
