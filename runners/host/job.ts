// A running pipeline as its user holds it: one attempt after another, where failures may pass.
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Pipeline } from '../../sdk/graph/pipeline.ts'
import type { JobState, RolledBack } from '../../sdk/model/job-event.ts'
import type { JobMetrics } from '../../sdk/model/job-metrics.ts'
import type { Job, PipelineError, PipelineResult, Restart } from '../../sdk/model/run.ts'
import { errorText } from '../../sdk/model/error-text.ts'
import { checkSavepointName } from '../checkpoint/savepoint-name.ts'
import type { CheckpointStore } from '../checkpoint/store.ts'
import { refuseUnsupported, type Support } from '../plan/features.ts'
import { pipelineErrorOf } from './errors.ts'
import { callbackOf } from './callback.ts'
import type { Clock } from './clock.ts'
import { JobEvents } from './job-events.ts'
import type { CheckpointContent } from './checkpoint-content.ts'
import { FailureCounts } from './failure-counts.ts'
import { mergeErrors, metricsIn } from './metrics.ts'
import { type Log, logOf } from './log.ts'
import { observedJob } from './observed-job.ts'
import { jobNameOf, type Opened, open, type Place } from './opening.ts'
import type { HostOptions } from './options.ts'
import { defaultShutdownMs, Shutdown } from './shutdown.ts'
import { refuseWithinBuild } from './rebuilding.ts'
import { Restarts } from './restarts.ts'
import { findSavepoint, requireReadable, rollbackRefused } from './rollback.ts'

/** What a runner makes of a run that is ready to read. */
export interface Run {
  readonly prepare: () => Promise<void>
  /** To the end; rejects with what ended it early. */
  readonly run: () => Promise<PipelineResult>
  readonly suspend: () => void
  readonly drain: () => void
  readonly cancel: () => void
  readonly savepoint: (name: string) => Promise<string>
  /** What its end waits for, for messages. */
  readonly unfinished: () => string
  /** What the newest checkpoint says. */
  readonly newest: () => CheckpointContent
  readonly metrics: () => JobMetrics
}

export interface RunnerParts {
  readonly support: Support
  readonly clock: Clock
  readonly store?: CheckpointStore | undefined
  readonly runOf: (opened: Opened, place: Place) => Run
  /** How often a run that failed begins again from its last checkpoint. */
  readonly restart: Restart
}

interface LoggedOptions extends HostOptions {
  readonly log: Log
}

interface Attempt {
  readonly run: Run
  readonly opened: Opened
  readonly stop: AbortController
  /** The job had ended: opening it has published what was left to publish, and nothing runs. */
  readonly over: boolean
}

/** A rollback that was asked for, until the run that follows it is up. */
interface Return {
  readonly savepoint: string
  readonly resolve: (left: RolledBack) => void
  readonly reject: (error: unknown) => void
}

type Verb = 'suspend' | 'drain' | 'cancel'
const wishing = { suspend: 'suspending', drain: 'draining', cancel: 'cancelling' } as const satisfies Record<Verb, JobState>

/** Of a pipeline and options that were looked at. Rejects with what `pipelineErrorOf` understands. */
export const startJob = async (pipeline: Pipeline, given: HostOptions, parts: RunnerParts): Promise<Job> => {
  refuseWithinBuild(pipeline.name)
  refuseUnsupported(pipeline, parts.support)
  const name = jobNameOf(pipeline, given)
  const log = logOf(given.log, name)
  const start = (): Promise<Job> => openJob(pipeline, given, log, parts)
  return given.metrics === undefined ? start() : observedJob(given.metrics, name, log, start)
}

const openJob = async (pipeline: Pipeline, given: HostOptions, log: Log, parts: RunnerParts): Promise<Job> => {
  // Without a listener no metrics are made.
  const onProgress = given.onProgress && callbackOf('onProgress', given.onProgress, log)
  const options = { ...given, log, onProgress }
  for (const warning of pipeline.warnings) log('warn', warning)
  const events = new JobEvents(options.onEvent, log, parts.clock)
  const { signal, shutdownTimeout } = options
  const shutdown = new Shutdown({ signal, timeoutMs: shutdownTimeout ?? defaultShutdownMs, clock: parts.clock })
  try {
    const first = await shutdown.bound(begin(pipeline, options, parts, events, shutdown))
    if (!first.over) return runningJob(pipeline, options, parts, first, events, shutdown)
    shutdown.end()
    return finishedJob(first, events)
  } catch (error) {
    shutdown.end()
    throw shutdown.givenUp.aborted ? shutdown.error(error) : error
  }
}

/** Leaves nothing open where it fails. */
const begin = async (
  pipeline: Pipeline,
  options: LoggedOptions,
  { runOf, clock, store }: RunnerParts,
  { tell }: JobEvents,
  shutdown: Shutdown,
  innocent = false,
): Promise<Attempt> => {
  const stop = new AbortController()
  // Nothing was read that a checkpoint could hold.
  const onGivenUp = (): void => stop.abort()
  shutdown.givenUp.addEventListener('abort', onGivenUp, { once: true })
  // Node's own `signal` option would keep what this attempt holds for as long as the shutdown lives.
  stop.signal.addEventListener('abort', () => shutdown.givenUp.removeEventListener('abort', onGivenUp), { once: true })
  shutdown.describe = () => 'it was still opening its checkpoint store, sources and sinks'
  const place = { options, signal: stop.signal, log: options.log, clock, store, tell, innocent }
  const opened = await open(pipeline, place)
  const run = runOf(opened, place)
  if (opened.resumed && opened.content.status === 'done') {
    await opened.close()
    return { run, opened, stop, over: true }
  }
  shutdown.describe = () => 'its readers and threads were still starting'
  try {
    await run.prepare()
  } catch (error) {
    stop.abort()
    await opened.close()
    throw error
  }
  return { run, opened, stop, over: false }
}

const runningJob = (
  pipeline: Pipeline,
  options: LoggedOptions,
  parts: RunnerParts,
  first: Attempt,
  events: JobEvents,
  shutdown: Shutdown,
): Job => {
  const { log } = options
  const restarts = new Restarts(parts.restart)
  const failures = new FailureCounts(parts.clock)
  const wish = new AbortController()
  let attempt = first
  let asked: Verb | null = null
  let back: Return | null = null
  let state: JobState = 'running'
  let over = false
  const enter = (next: JobState): void => {
    if (next === state) return
    state = next
    events.tell({ _tag: 'StateChanged', state })
  }
  events.tell({ _tag: 'StateChanged', state })
  const ask = (verb: Verb): void => {
    if (asked === null) enter(wishing[verb])
    asked ??= verb
    wish.abort()
    attempt.run[verb]()
  }
  /** A pause that ends early where somebody wants the job to end. */
  const pause = (ms: number): Promise<void> =>
    new Promise(resolve => {
      const end = (): void => {
        cancel()
        wish.signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = parts.clock.after(ms, end)
      wish.signal.addEventListener('abort', end)
      if (wish.signal.aborted) end()
    })
  const metrics = (of: JobMetrics): JobMetrics => ({
    ...of,
    restarts: restarts.count,
    errors: mergeErrors([...of.errors, ...failures.told()]),
  })
  const toEnd = async (): Promise<PipelineResult> => {
    for (;;) {
      shutdown.describe = () => attempt.run.unfinished()
      // It may have failed behind its last checkpoint.
      if (attempt.over) return { state: 'done', metrics: finalMetrics(attempt) }
      try {
        const { state: ended, metrics: last } = await runToEnd(attempt)
        if (back === null || ended !== 'cancelled') return { state: ended, metrics: metrics(last) }
      } catch (thrown) {
        // Of a run that was to end in any case, whatever it ended with is past.
        if (back === null) {
          await again(thrown)
          continue
        }
      }
      await beginNext(true).catch(again)
    }
  }
  /** `innocent`: no element can be the cause of what the attempt before ended with. */
  const beginNext = async (innocent: boolean): Promise<void> => {
    const to = back
    // The savepoint that the job was started from was another beginning: from here on it has checkpoints of its own.
    attempt = await begin(
      pipeline,
      { ...options, from: to === null ? undefined : { savepoint: to.savepoint } },
      parts,
      events,
      shutdown,
      innocent,
    )
    if (back === to) back = null
    if (attempt.opened.rolledBack !== null) to?.resolve(attempt.opened.rolledBack)
    enter(asked === null ? 'running' : wishing[asked])
    if (asked !== null && !attempt.over) attempt.run[asked]()
    // Asked for while this one began.
    if (back !== null || shutdown.givenUp.aborted) attempt.run.cancel()
  }
  /** Another attempt stands when it resolves; rejects with what there is no other attempt for. */
  const again = async (thrown: unknown): Promise<void> => {
    for (let failure = thrown; ;) {
      failures.count(failure)
      const pauseMs =
        attempt.opened.session === null || asked !== null
          ? null
          : restarts.after(pipelineErrorOf(failure), attempt.run.metrics().checkpoints.completed > 0, parts.clock.monotonicMs())
      if (pauseMs === null) throw failure
      log(
        'warn',
        `the run failed, and begins again from its ${back === null ? 'last checkpoint' : 'savepoint'} in ${pauseMs} ms (${restarts.describe()}): ${errorText(failure)}`,
      )
      enter('restarting')
      events.tell({ _tag: 'Restarting', attempt: restarts.inARow, pauseMs, message: errorText(failure) })
      await pause(pauseMs)
      try {
        await beginNext(!blamesElements.has(pipelineErrorOf(failure)._tag))
        return
      } catch (error) {
        failure = error
      }
    }
  }
  const savepoint = async (name: string): Promise<string> => {
    // Its store would see it only when the checkpoint is written that it was asked for.
    checkSavepointName(name)
    return attempt.run.savepoint(name)
  }
  const rollback = async (name: string): Promise<RolledBack> => {
    checkSavepointName(name)
    const refuse = (why: string): never => {
      throw rollbackRefused(name, why)
    }
    const requireRunning = (): void => {
      if (asked !== null || over) refuse(`the job has ended, or is about to. Start it with from: { savepoint: ${JSON.stringify(name)} }`)
      if (back !== null) refuse(`the job is on its way back to ${JSON.stringify(back.savepoint)} already`)
    }
    requireRunning()
    const { store, job } = attempt.opened
    if (store === null) return refuse('the run keeps no checkpoints. Give it checkpoints: Checkpoints.directory(path)')
    const { savepoint } = await findSavepoint(store, job, name, pipeline, attempt.run.newest())
    await requireReadable(name, savepoint, attempt.opened.sources)
    requireRunning()
    return new Promise((resolve, reject) => {
      back = { savepoint: name, resolve, reject }
      enter('rollingBack')
      attempt.run.cancel()
    })
  }
  shutdown.givenUp.addEventListener('abort', () => attempt.run.cancel(), { once: true })
  const suspend = (): void => ask('suspend')
  if (options.signal?.aborted === true) suspend()
  options.signal?.addEventListener('abort', suspend, { once: true })
  const done = shutdown.bound(shutdown.outcomeOf(toEnd())).then(
    result => {
      over = true
      shutdown.end()
      back?.reject(rollbackRefused(back.savepoint, `the job ended before its run could be: it is ${result.state}`))
      enter(result.state)
      events.end()
      return result
    },
    (error: unknown) => {
      over = true
      shutdown.end()
      back?.reject(error)
      enter('failed')
      events.end()
      throw error
    },
  )
  void done.finally(() => options.signal?.removeEventListener('abort', suspend)).catch(() => undefined) // `done` itself tells its user
  const ended = settled(done)
  const after =
    (verb: Verb): TE.TaskEither<PipelineError, PipelineResult> =>
    () => {
      ask(verb)
      return ended()
    }
  return {
    done: ended,
    suspend: after('suspend'),
    drain: after('drain'),
    cancel: after('cancel'),
    savepoint: name => settled(() => savepoint(name)),
    rollback: name => settled(() => rollback(name)),
    state: () => state,
    metrics: () => metrics(attempt.run.metrics()),
    events: () => events.events(),
  }
}

/** What an element may be the cause of: the failure of a function, or the death of its thread. */
const blamesElements: ReadonlySet<PipelineError['_tag']> = new Set(['UserCodeFailed', 'WorkerFailed'])

const runToEnd = async ({ run, opened, stop }: Attempt): Promise<PipelineResult> => {
  const close = async (): Promise<void> => {
    stop.abort()
    await opened.close()
  }
  let result: PipelineResult
  try {
    result = await run.run()
  } catch (error) {
    // What failed first is what the user must know; what closing adds to it is not.
    await close().catch(() => undefined)
    throw error
  }
  await close()
  return result
}

/** Of a job that was found at its end. */
const finalMetrics = ({ run, opened }: Attempt): JobMetrics => ({ ...run.metrics(), user: metricsIn(opened.content) })

/** The job ran to its end in an earlier process: there is nothing left to do. */
const finishedJob = (attempt: Attempt, events: JobEvents): Job => {
  events.tell({ _tag: 'StateChanged', state: 'done' })
  events.end()
  const metrics = (): JobMetrics => finalMetrics(attempt)
  const done = TE.right<PipelineError, PipelineResult>({ state: 'done', metrics: metrics() })
  return {
    done,
    suspend: done,
    drain: done,
    cancel: done,
    savepoint: name => settled(() => attempt.run.savepoint(name)),
    rollback: name =>
      TE.left(pipelineErrorOf(rollbackRefused(name, `the job has ended. Start it with from: { savepoint: ${JSON.stringify(name)} }`))),
    state: () => 'done',
    metrics,
    events: () => events.events(),
  }
}

/** A promise, or what makes one, as a task: its error is one of those that a run may end with. */
export const settled =
  <A>(work: Promise<A> | (() => Promise<A>)): TE.TaskEither<PipelineError, A> =>
  () =>
    TE.tryCatch(() => (typeof work === 'function' ? work() : work), pipelineErrorOf)()
