// A running pipeline as its user holds it: one attempt after another, where failures may pass.
import { setTimeout as sleep } from 'node:timers/promises'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Pipeline } from '../../sdk/graph/pipeline.ts'
import type { JobState } from '../../sdk/model/job-event.ts'
import type { Job, JobMetrics, PipelineError, PipelineResult, Restart } from '../../sdk/model/run.ts'
import { refuseUnsupported, type Support } from '../plan/features.ts'
import { pipelineErrorOf } from './errors.ts'
import { JobEvents } from './job-events.ts'
import { metricsIn } from './metrics.ts'
import { type Opened, open, type Place } from './opening.ts'
import { type HostOptions, toStandardError } from './options.ts'
import { refuseWithinBuild } from './rebuilding.ts'
import { Restarts } from './restarts.ts'

/** What a runner makes of a run that is ready to read. */
export interface Run {
  readonly prepare: () => Promise<void>
  /** To the end; rejects with what ended it early. */
  readonly run: () => Promise<PipelineResult>
  readonly suspend: () => void
  readonly drain: () => void
  readonly cancel: () => void
  readonly savepoint: (name: string) => Promise<string>
  readonly metrics: () => JobMetrics
}

export interface RunnerParts {
  readonly support: Support
  readonly runOf: (opened: Opened, place: Place) => Run
  /** How often a run that failed begins again from its last checkpoint. */
  readonly restart: Restart
}

interface Attempt {
  readonly run: Run
  readonly opened: Opened
  readonly stop: AbortController
  /** The job had ended: opening it has published what was left to publish, and nothing runs. */
  readonly over: boolean
}

type Verb = 'suspend' | 'drain' | 'cancel'
const wishing = { suspend: 'suspending', drain: 'draining', cancel: 'cancelling' } as const satisfies Record<Verb, JobState>

/** Rejects with what `pipelineErrorOf` understands. */
export const startJob = async (pipeline: Pipeline, options: HostOptions, parts: RunnerParts): Promise<Job> => {
  refuseWithinBuild(pipeline.name)
  refuseUnsupported(pipeline, parts.support)
  const log = options.log ?? toStandardError
  for (const warning of pipeline.warnings) log('warn', warning)
  const events = new JobEvents(options.onEvent, log)
  const first = await begin(pipeline, { ...options, log }, parts, events)
  return first.over ? finishedJob(first, events) : runningJob(pipeline, options, parts, first, events)
}

/** Leaves nothing open where it fails. */
const begin = async (pipeline: Pipeline, options: HostOptions, { runOf }: RunnerParts, { tell }: JobEvents): Promise<Attempt> => {
  const stop = new AbortController()
  const place = { options, signal: stop.signal, log: options.log ?? toStandardError, tell }
  const opened = await open(pipeline, place)
  const run = runOf(opened, place)
  if (opened.resumed && opened.content.status === 'done') {
    await opened.close()
    return { run, opened, stop, over: true }
  }
  try {
    await run.prepare()
  } catch (error) {
    stop.abort()
    await opened.close()
    throw error
  }
  return { run, opened, stop, over: false }
}

const runningJob = (pipeline: Pipeline, options: HostOptions, parts: RunnerParts, first: Attempt, events: JobEvents): Job => {
  const log = options.log ?? toStandardError
  const restarts = new Restarts(parts.restart)
  const wish = new AbortController()
  let attempt = first
  let asked: Verb | null = null
  let state: JobState = 'running'
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
  const pause = (ms: number): Promise<unknown> => sleep(ms, undefined, { signal: wish.signal, ref: true }).catch(() => undefined)
  const toEnd = async (): Promise<PipelineResult> => {
    for (;;) {
      // It may have failed behind its last checkpoint.
      if (attempt.over) return { state: 'done', metrics: finalMetrics(attempt) }
      try {
        return await runToEnd(attempt)
      } catch (thrown) {
        await again(thrown)
      }
    }
  }
  /** Another attempt stands when it resolves; rejects with what there is no other attempt for. */
  const again = async (thrown: unknown): Promise<void> => {
    for (let failure = thrown; ;) {
      const pauseMs =
        attempt.opened.session === null || asked !== null
          ? null
          : restarts.after(pipelineErrorOf(failure), attempt.run.metrics().checkpoints.completed > 0)
      if (pauseMs === null) throw failure
      log(
        'warn',
        `the run failed, and begins again from its last checkpoint in ${pauseMs} ms (${restarts.describe()}): ${messageIn(failure)}`,
      )
      enter('restarting')
      events.tell({ _tag: 'Restarting', attempt: restarts.inARow, pauseMs, message: messageIn(failure) })
      await pause(pauseMs)
      try {
        // A savepoint was another beginning: from here on the job has checkpoints of its own.
        attempt = await begin(pipeline, { ...options, from: undefined }, parts, events)
        enter(asked === null ? 'running' : wishing[asked])
        if (asked !== null && !attempt.over) attempt.run[asked]()
        return
      } catch (error) {
        failure = error
      }
    }
  }
  const suspend = (): void => ask('suspend')
  if (options.signal?.aborted === true) suspend()
  options.signal?.addEventListener('abort', suspend, { once: true })
  const done = toEnd().then(
    result => {
      enter(result.state)
      events.end()
      return result
    },
    (error: unknown) => {
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
    savepoint: name => settled(() => attempt.run.savepoint(name)),
    state: () => state,
    metrics: () => ({ ...attempt.run.metrics(), restarts: restarts.count }),
    events: () => events.events(),
  }
}

const messageIn = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

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
