// The runner for tests and for one process: all tasks of a pipeline in the thread that calls it.
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Pipeline } from '../../sdk/graph/pipeline.ts'
import { type Job, orThrow, type PipelineError, type PipelineResult, type Runner } from '../../sdk/model/run.ts'
import { systemClock } from '../host/clock.ts'
import { pipelineErrorOf } from '../host/errors.ts'
import { explain } from '../host/explain.ts'
import { requireGiven } from '../host/given.ts'
import { type RunnerParts, settled, startJob } from '../host/job.ts'
import type { HostOptions } from '../host/options.ts'
import { allFeatures, type Support } from '../plan/features.ts'
import { Host } from './host.ts'

export type { Log, Logger } from '../host/log.ts'
export type { HostOptions } from '../host/options.ts'

/** What a run on this runner can be told. */
export type DirectOptions = HostOptions

const support: Support = { runner: 'the direct runner', features: allFeatures }
/** What fails here would take the process with it, mostly: whoever starts it decides whether to start it again. */
const partsOf = (o: DirectOptions): RunnerParts => ({
  support,
  clock: systemClock,
  runOf: (opened, place) => new Host(opened, place),
  restart: o.restart ?? { attempts: 0 },
})

const start = async (pipeline: Pipeline, o: DirectOptions = {}): Promise<Job> => {
  requireGiven(pipeline, o)
  return startJob(pipeline, o, partsOf(o))
}

const run = (pipeline: Pipeline, o?: DirectOptions): TaskEither<PipelineError, PipelineResult> =>
  TE.flatten(TE.tryCatch(async () => (await start(pipeline, o)).done, pipelineErrorOf))

/**
 * Runs a pipeline in this thread (Beam's DirectRunner).
 *
 * Sinks that are exactly-once need checkpoints: those of `checkpoints`, or, for a pipeline with a name, a folder of the user's state
 * directory. A job that has checkpoints goes on from the newest one; a job that is done does nothing. `runNow` is a promise; `run`, `start`
 * and `explain` are fp-ts tasks, which do nothing until they are called, and whose Left is a {@link PipelineError}.
 *
 * @example
 * const copy = Pipeline.of(pipe(TextIO.read('words.txt'), TextIO.write('out.txt')))
 * await DirectRunner.runNow(copy, { job: 'copy', checkpoints: Checkpoints.directory('./state') })
 */
export const DirectRunner: Runner<Pipeline, DirectOptions> = {
  runNow: (pipeline, o) => orThrow(run(pipeline, o)),
  run: o => pipeline => run(pipeline, o),
  start: o => pipeline => settled(() => start(pipeline, o)),
  explain: o => pipeline => settled(() => explain(pipeline, o ?? {})),
}
