// A running pipeline as its user holds it.
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Pipeline } from '../../sdk/graph/pipeline.ts'
import type { Job, JobMetrics, PipelineError, PipelineResult } from '../../sdk/model/run.ts'
import { refuseUnsupported, type Support } from '../plan/features.ts'
import type { CheckpointContent } from './checkpoint-content.ts'
import { pipelineErrorOf } from './errors.ts'
import { metricsIn } from './metrics.ts'
import { type Opened, open, type Place } from './opening.ts'
import { type HostOptions, toStandardError } from './options.ts'

/** What a runner makes of a run that is ready to read. */
export interface Run extends Pick<Job, 'metrics'> {
  readonly prepare: () => Promise<void>
  /** To the end; rejects with what ended it early. */
  readonly run: () => Promise<PipelineResult>
  readonly suspend: () => void
  readonly drain: () => void
  readonly cancel: () => void
  readonly savepoint: (name: string) => Promise<string>
}

/** Rejects with what `pipelineErrorOf` understands. */
export const startJob = async (
  pipeline: Pipeline,
  options: HostOptions,
  support: Support,
  runOf: (opened: Opened, place: Place) => Run,
): Promise<Job> => {
  refuseUnsupported(pipeline, support)
  const stop = new AbortController()
  const log = options.log ?? toStandardError
  const place = { options, signal: stop.signal, log }
  for (const warning of pipeline.warnings) log('warn', warning)
  const opened = await open(pipeline, place)
  if (opened.resumed && opened.content.status === 'done') {
    await opened.close()
    return finishedJob(runOf(opened, place), opened.content)
  }
  const host = runOf(opened, place)
  try {
    await host.prepare()
  } catch (error) {
    await opened.close()
    throw error
  }
  const suspend = (): void => host.suspend()
  if (options.signal?.aborted === true) suspend()
  options.signal?.addEventListener('abort', suspend, { once: true })
  const done = runToEnd(host, async () => {
    stop.abort()
    await opened.close()
  })
  void done.finally(() => options.signal?.removeEventListener('abort', suspend)).catch(() => undefined) // `done` itself tells its user
  const ended = settled(done)
  const after =
    (verb: () => void): TE.TaskEither<PipelineError, PipelineResult> =>
    () => {
      verb()
      return ended()
    }
  return {
    done: ended,
    suspend: after(() => host.suspend()),
    drain: after(() => host.drain()),
    cancel: after(() => host.cancel()),
    savepoint: name => settled(host.savepoint.bind(host, name)),
    metrics: () => host.metrics(),
  }
}

const runToEnd = async (host: Run, close: () => Promise<void>): Promise<PipelineResult> => {
  let result: PipelineResult
  try {
    result = await host.run()
  } catch (error) {
    // What failed first is what the user must know; what closing adds to it is not.
    await close().catch(() => undefined)
    throw error
  }
  await close()
  return result
}

/** The job ran to its end in an earlier process: there is nothing left to do. */
const finishedJob = (host: Run, content: CheckpointContent): Job => {
  const metrics = (): JobMetrics => ({ ...host.metrics(), user: metricsIn(content) })
  const done = TE.right<PipelineError, PipelineResult>({ state: 'done', metrics: metrics() })
  return {
    done,
    suspend: done,
    drain: done,
    cancel: done,
    savepoint: name => settled(host.savepoint.bind(host, name)),
    metrics,
  }
}

/** A promise, or what makes one, as a task: its error is one of those that a run may end with. */
export const settled =
  <A>(work: Promise<A> | (() => Promise<A>)): TE.TaskEither<PipelineError, A> =>
  () =>
    TE.tryCatch(() => (typeof work === 'function' ? work() : work), pipelineErrorOf)()
