// The runner for all cores: the same pipeline, its keys and splits shared out among worker threads.
import { availableParallelism } from 'node:os'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { InvalidPipelineError } from '../../sdk/graph/invalid-pipeline.ts'
import type { PortablePipeline } from '../../sdk/graph/pipeline.ts'
import { type Job, orThrow, type PipelineError, type PipelineResult, type Runner, type RunOptions } from '../../sdk/model/run.ts'
import type { Duration } from '../../sdk/model/time.ts'
import { systemClock } from '../host/clock.ts'
import { pipelineErrorOf } from '../host/errors.ts'
import { explain } from '../host/explain.ts'
import { requireGiven } from '../host/given.ts'
import { settled, startJob } from '../host/job.ts'
import type { HostOptions } from '../host/options.ts'
import { allFeatures, type Support } from '../plan/features.ts'
import { patienceOf, WorkersRun } from './run.ts'

/** What a run on this runner can be told. A live object, such as an existing connection, cannot be handed to it: it would have to leave its thread. */
export interface WorkerThreadsOptions extends RunOptions, Pick<HostOptions, 'strict' | 'seed' | 'bundling' | 'log'> {
  /** How many threads, from 1; as many as the machine has processors unless told. */
  readonly workers?: number | undefined
  /**
   * Longest time until every worker has imported the pipeline's module, called its build function and opened its sources and sinks.
   * Default: 90 s.
   */
  readonly workerStartTimeout?: Duration | undefined
}

const run = (pipeline: PortablePipeline, o?: WorkerThreadsOptions): TaskEither<PipelineError, PipelineResult> =>
  TE.flatten(TE.tryCatch(async () => (await start(pipeline, o)).done, pipelineErrorOf))

/**
 * Runs a pipeline on worker threads. Each imports the module of its definition and builds it again, so the pipeline must come from
 * {@link Pipeline.define}; keys and splits are shared out among them, and the result is one, exactly once, as on the direct runner.
 *
 * @example
 * const checkpoints = Checkpoints.directory('./state')
 * await WorkerThreadsRunner.runNow(wordCount({ from: 'words.txt', to: 'counts.txt' }), { workers: 2, checkpoints })
 */
export const WorkerThreadsRunner: Runner<PortablePipeline, WorkerThreadsOptions> = {
  runNow: (pipeline, o) => orThrow(run(pipeline, o)),
  run: o => pipeline => run(pipeline, o),
  start: o => pipeline => settled(() => start(pipeline, o)),
  explain: o => pipeline => settled(() => explain(pipeline, o ?? {})),
}

/** What its types refuse already, for a caller without types. */
const support: Support = {
  runner: 'the worker-thread runner',
  features: new Set([...allFeatures].filter(feature => feature !== 'noDefinition')),
}

const start = async (pipeline: PortablePipeline, o: WorkerThreadsOptions = {}): Promise<Job> => {
  requireGiven(pipeline, o)
  const { workers = availableParallelism(), workerStartTimeout, ...options } = o
  const local = (options.provide as ReadonlyArray<{ readonly _tag: string; readonly key: string }> | undefined)?.find(
    it => it._tag === 'LocalBinding',
  )
  if (local !== undefined) {
    throw new InvalidPipelineError(pipeline.name, [
      `${local.key} is bound to a live object, which cannot leave its thread. Provide what each worker can make for itself: JetStreamIO.connection({ servers })`,
    ])
  }
  return startJob(
    pipeline,
    { ...options, tasks: workers, threads: workers },
    {
      support,
      clock: systemClock,
      runOf: (opened, place) => new WorkersRun(pipeline, opened, place, patienceOf(workerStartTimeout)),
      restart: o.restart ?? { attempts: 3 },
    },
  )
}
