// A run on either runner from where it is ready to where it has ended: what starting takes has a row of its own.
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type Job, orThrow, type PipelineError } from 'jetbeam'
import { timed, type Timing } from './measure.ts'

/** Rejects with what the run failed with. */
export const ran = async (started: TaskEither<PipelineError, Job>): Promise<Timing> => {
  const job = await orThrow(started)
  return timed(() => orThrow(job.done))
}
