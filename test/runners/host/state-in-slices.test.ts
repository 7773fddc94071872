// The state of a checkpoint is written while elements go on, on both runners.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { Checkpoints, type Job, type JobEvent, orThrow, pipe, type PipelineError, type RunOptions, seconds } from 'jetbeam'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { pausedState } from '../../bench/checkpoint-pause.ts'
import { pause } from '../../support/nats-place.ts'

const keys = 60_000

const runners: Readonly<Record<string, (o: RunOptions) => TaskEither<PipelineError, Job>>> = {
  'one thread': o => pipe(pausedState({ keys }), DirectRunner.start(o)),
  'two workers': o => pipe(pausedState({ keys }), WorkerThreadsRunner.start({ ...o, workers: 2 })),
}

describe('The state of 60,000 keys', () => {
  for (const [name, start] of Object.entries(runners))
    it(`goes into a savepoint of ${name} while elements go on`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'jetbeam-test-'))
      try {
        let job: Job | null = null
        const read: Partial<Record<JobEvent['_tag'], number>> = {}
        const onEvent = ({ _tag }: JobEvent): void => void (read[_tag] = job?.metrics().elementsRead ?? 0)
        const checkpoints = Checkpoints.directory(folder, { every: seconds(3_600) })
        job = await orThrow(start({ checkpoints, onEvent }))
        while (job.metrics().elementsRead < keys) await pause(20)
        const before = job.metrics().elementsRead
        await orThrow(job.savepoint('one'))
        await orThrow(job.savepoint('two'))
        assert.isAbove(job.metrics().elementsRead, before)
        assert.isAbove(job.metrics().checkpoints.lastBytes ?? 0, keys * 100)
        await orThrow(job.cancel)
        assert.isAbove(read.CheckpointAligned ?? 0, before)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })
})
