// A job that goes on with another number of tasks, on one runner or the other: nothing is lost, and nothing is there twice.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import { Checkpoints, type Job, millis, orThrow, pipe, type PipelineResult, type RunOptions } from '../../../sdk/index.ts'
import { DirectRunner } from '../../../runners/direct/index.ts'
import { WorkerThreadsRunner } from '../../../runners/worker-threads/index.ts'
import { elementsSeen, everything } from './everything.ts'

interface Place {
  readonly what: string
  readonly start: (o: RunOptions) => Promise<Job>
}
const direct = (tasks: number): Place => ({
  what: `the direct runner with ${tasks}`,
  start: o => orThrow(pipe(everything(), DirectRunner.start({ ...o, tasks, log: () => undefined }))),
})
const threads = (workers: number): Place => ({
  what: `${workers} workers`,
  start: o => orThrow(pipe(everything(), WorkerThreadsRunner.start({ ...o, workers, log: () => undefined }))),
})

const counted = (result: PipelineResult): unknown => result.metrics.user.find(({ name }) => name === 'seen')?.attempted

/** Resolves once so many more elements have been read than when it began. */
const further = async (job: Job, elements: number): Promise<void> => {
  while (job.metrics().elementsRead < elements && job.state() === 'running') await new Promise(resolve => setTimeout(resolve, 5))
}

describe('a job that goes on with another number of tasks', () => {
  let folder = ''
  const kept = (o: RunOptions = {}): RunOptions => ({
    checkpoints: Checkpoints.directory(folder, { every: millis(20) }),
    job: 'job',
    ...o,
  })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-rescaling-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const journeys: ReadonlyArray<ReadonlyArray<Place>> = [
    [direct(1), threads(2), direct(3), threads(4), threads(1)],
    [threads(3), direct(1), direct(4), direct(2)],
  ]
  for (const journey of journeys) {
    it(`gives the same results after ${journey.map(({ what }) => what).join(', ')}`, async () => {
      for (const [i, { start }] of journey.entries()) {
        const job = await start(kept())
        const isLast = i === journey.length - 1
        if (!isLast) await further(job, 60)
        const result = await orThrow(isLast ? job.done : job.suspend)
        assert.strictEqual(result.state, isLast ? 'done' : 'suspended')
        if (isLast) assert.strictEqual(counted(result), elementsSeen)
      }
    })
  }

  it('goes on from one savepoint as any number of tasks', async () => {
    const job = await threads(3).start(kept())
    await further(job, 100)
    await orThrow(job.savepoint('kept'))
    await orThrow(job.cancel)
    for (const { start } of [direct(2), threads(1), direct(1)]) {
      const again = await start(kept({ from: { savepoint: 'kept' } }))
      const result = await orThrow(again.done)
      assert.strictEqual(result.state, 'done')
      assert.strictEqual(counted(result), elementsSeen)
    }
  })
})
