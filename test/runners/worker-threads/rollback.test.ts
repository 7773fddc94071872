// The way back to a savepoint on worker threads, and from one runner to the other.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import { Checkpoints, type JobEvent, millis, orThrow, pipe, type RunOptions } from '../../../sdk/index.ts'
import { DirectRunner } from '../../../runners/direct/index.ts'
import { WorkerThreadsRunner } from '../../../runners/worker-threads/index.ts'
import { elementsSeen, everything, hasSeen, seenIn } from './everything.ts'

const log = (): void => undefined
const runners = {
  'the direct runner': (end: string, o: RunOptions) => orThrow(pipe(everything({ end }), DirectRunner.start({ ...o, log }))),
  'two workers': (end: string, o: RunOptions) => orThrow(pipe(everything({ end }), WorkerThreadsRunner.start({ ...o, workers: 2, log }))),
}

describe('A job that goes back to its savepoint', () => {
  for (const [name, start] of Object.entries(runners))
    it(`has the results of one that never did, whatever kind of state it has, on ${name}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'jetbeam-back-'))
      const end = join(folder, 'end')
      const events: JobEvent[] = []
      try {
        const checkpoints = Checkpoints.directory(folder, { every: millis(20) })
        const job = await start(end, { checkpoints, job: 'job', onEvent: event => void events.push(event) })
        await hasSeen(job, 60)
        await orThrow(job.savepoint('then'))
        await hasSeen(job, 220)
        assert.strictEqual((await orThrow(job.rollback('then'))).savepoint, 'then')
        await hasSeen(job, 80)
        await orThrow(job.rollback('then'))
        await writeFile(end, '')
        const { state, metrics } = await orThrow(job.done)
        assert.strictEqual(state, 'done')
        assert.strictEqual(seenIn(metrics), elementsSeen)
        assert.deepEqual(
          events.flatMap(event => (event._tag === 'StateChanged' ? [event.state] : [])),
          ['running', 'rollingBack', 'running', 'rollingBack', 'running', 'done'],
        )
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })
})
