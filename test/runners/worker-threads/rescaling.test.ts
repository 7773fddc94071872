// A job that goes on with another number of tasks, on one runner or the other: nothing is lost, and nothing is there twice.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import { Checkpoints, type Job, millis, orThrow, pipe, type RunOptions } from '../../../sdk/index.ts'
import { DirectRunner } from '../../../runners/direct/index.ts'
import { WorkerThreadsRunner } from '../../../runners/worker-threads/index.ts'
import { elementsSeen, everything, hasSeen, seenIn } from './everything.ts'

interface Place {
  readonly what: string
  readonly start: (end: string, o: RunOptions) => Promise<Job>
}
const direct = (tasks: number): Place => ({
  what: tasks === 1 ? 'the direct runner' : `the direct runner with ${tasks}`,
  start: (end, o) => orThrow(pipe(everything({ end }), DirectRunner.start({ ...o, tasks, log: () => undefined }))),
})
const threads = (workers: number): Place => ({
  what: workers === 1 ? '1 worker' : `${workers} workers`,
  start: (end, o) => orThrow(pipe(everything({ end }), WorkerThreadsRunner.start({ ...o, workers, log: () => undefined }))),
})

describe('a job that goes on with another number of tasks', () => {
  let folder = ''
  let end = ''
  const kept = (o: RunOptions = {}): RunOptions => ({
    checkpoints: Checkpoints.directory(folder, { every: millis(20) }),
    job: 'job',
    ...o,
  })
  const mayEnd = (): Promise<void> => writeFile(end, '')
  const endOf = async (job: Job): Promise<void> => {
    const { state, metrics } = await orThrow(job.done)
    assert.strictEqual(state, 'done')
    assert.strictEqual(seenIn(metrics), elementsSeen)
  }
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-rescaling-'))
    end = join(folder, 'end')
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const journeys: ReadonlyArray<ReadonlyArray<Place>> = [
    [direct(1), threads(2), direct(3), threads(4), threads(1)],
    [threads(3), direct(1), direct(4), direct(2)],
  ]
  for (const journey of journeys) {
    it(`gives the same results after ${journey.map(({ what }) => what).join(', ')}`, async () => {
      for (const [i, { start }] of journey.slice(0, -1).entries()) {
        const job = await start(end, kept())
        await hasSeen(job, 60 * (i + 1))
        assert.strictEqual((await orThrow(job.suspend)).state, 'suspended')
      }
      await mayEnd()
      for (const { start } of journey.slice(-1)) await endOf(await start(end, kept()))
    })
  }

  const branchings: ReadonlyArray<readonly [Place, ReadonlyArray<Place>]> = [
    [threads(3), [direct(2), threads(1), direct(1)]],
    [threads(2), [threads(4), threads(3)]],
    [direct(1), [threads(2), threads(3)]],
  ]
  for (const [before, after] of branchings) {
    it(`goes on from one savepoint of ${before.what} as ${after.map(({ what }) => what).join(', ')}`, async () => {
      const job = await before.start(end, kept())
      await hasSeen(job, 100)
      await orThrow(job.savepoint('kept'))
      await orThrow(job.cancel)
      await mayEnd()
      for (const { start } of after) await endOf(await start(end, kept({ from: { savepoint: 'kept' } })))
    })
  }
})
