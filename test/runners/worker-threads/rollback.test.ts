// The way back to a savepoint on worker threads, and from one runner to the other.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import { Checkpoints, type Job, type JobEvent, millis, orThrow, pipe, type RunOptions } from '../../../sdk/index.ts'
import { DirectRunner } from '../../../runners/direct/index.ts'
import { WorkerThreadsRunner } from '../../../runners/worker-threads/index.ts'
import { elementsSeen, everything } from './everything.ts'

const log = (): void => undefined
const runners = {
  'the direct runner': (o: RunOptions) => orThrow(pipe(everything(), DirectRunner.start({ ...o, log }))),
  'two workers': (o: RunOptions) => orThrow(pipe(everything(), WorkerThreadsRunner.start({ ...o, workers: 2, log }))),
}
const further = async (job: Job, elements: number): Promise<void> => {
  while (job.metrics().elementsRead < elements) await new Promise(resolve => setTimeout(resolve, 5))
}

describe('A job that goes back to its savepoint', () => {
  for (const [name, start] of Object.entries(runners))
    it(`has the results of one that never did, whatever kind of state it has, on ${name}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'jetbeam-back-'))
      const events: JobEvent[] = []
      try {
        const checkpoints = Checkpoints.directory(folder, { every: millis(20) })
        const job = await start({ checkpoints, job: 'job', onEvent: event => void events.push(event) })
        await further(job, 60)
        await orThrow(job.savepoint('then'))
        await further(job, 160)
        assert.strictEqual((await orThrow(job.rollback('then'))).savepoint, 'then')
        await further(job, 20)
        await orThrow(job.rollback('then'))
        const { state, metrics } = await orThrow(job.done)
        assert.strictEqual(state, 'done')
        assert.strictEqual(metrics.user.find(({ name }) => name === 'seen')?.attempted, elementsSeen)
        assert.deepEqual(
          events.flatMap(event => (event._tag === 'StateChanged' ? [event.state] : [])),
          ['running', 'rollingBack', 'running', 'rollingBack', 'running', 'done'],
        )
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })
})
