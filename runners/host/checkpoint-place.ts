// Where a run's checkpoints are kept: where it was told, else on the NATS connection that the pipeline uses, else in the user's folder.
import { hostname } from 'node:os'
import type { Pipeline } from '../../sdk/graph/pipeline.ts'
import { InvalidPipelineError } from '../../sdk/graph/invalid-pipeline.ts'
import type { ConnectedSink } from '../../sdk/graph/sink.ts'
import type { HostContext, JetStreamUse } from '../../sdk/model/bindings.ts'
import { errorText } from '../../sdk/model/error-text.ts'
import { Checkpoints } from '../../sdk/model/run.ts'
import {
  CheckpointError,
  type CheckpointStore,
  directoryStore,
  directoryWith,
  type JobRegister,
  jetStreamStore,
  jobRegister,
  type WrittenStream,
} from '../checkpoint/index.ts'
import { Instant } from '../../sdk/model/time.ts'
import type { Plan } from '../plan/stage.ts'
import type { Clock } from './clock.ts'
import type { Log } from './log.ts'
import type { HostOptions } from './options.ts'

/** What reads or writes JetStream in the pipeline, sources first. */
const usesOf = (plan: Plan): ReadonlyArray<JetStreamUse> => [
  ...plan.stages.flatMap(({ head }) => (head._tag === 'Source' ? (head.source.jetStream ?? []) : [])),
  ...plan.sinks.flatMap(({ sink }) => sink.jetStream ?? []),
]

interface StorePlace {
  readonly options: HostOptions
  readonly log: Log
  readonly binding: HostContext['binding']
}

/** null: the run keeps none, because nothing in it needs them. */
export const storeFor = (pipeline: Pipeline, plan: Plan, { options, log, binding }: StorePlace): CheckpointStore | null => {
  const checkpoints = chosen(pipeline, plan, options)
  if (checkpoints === null) return null
  const { keep, leaseMs: leaseExpiryMs } = checkpoints
  const onWarning = (message: string): void => log('warn', message)
  if (checkpoints.kind === 'directory') return directoryStore({ path: checkpoints.path ?? undefined, keep, leaseExpiryMs, onWarning })
  const beside = usesOf(plan).flatMap(({ connection, streams }) => (connection === checkpoints.connection ? streams : []))
  return jetStreamStore({ ...checkpoints, beside, leaseExpiryMs, binding, onWarning })
}

type Chosen = Exclude<Checkpoints, { readonly kind: 'auto' }>

const chosen = (pipeline: Pipeline, plan: Plan, options: HostOptions): Chosen | null => {
  const { checkpoints } = options
  if (checkpoints !== undefined && checkpoints.kind !== 'auto') return checkpoints
  return checkpoints === undefined && !needsCheckpoints(pipeline, plan, options) ? null : defaultOf(plan, checkpoints)
}

/** In the default place, with the times that `auto` has. */
const defaultOf = (plan: Plan, auto: Checkpoints | undefined): Chosen => {
  const [use] = usesOf(plan)
  const { _tag, everyMs, keep, timeoutMs, failures, leaseMs } = auto ?? Checkpoints.auto()
  const times = { _tag, everyMs, keep, timeoutMs, failures, leaseMs }
  return use === undefined
    ? { ...times, kind: 'directory', path: null }
    : { ...times, kind: 'jetstream', stream: 'JETBEAM_CHECKPOINTS', connection: use.connection, replicas: null, maxBytes: null }
}

/** Whether it is the place of a run that was told none. */
export const isDefault = ({ checkpoints }: HostOptions): boolean => checkpoints === undefined || checkpoints.kind === 'auto'

const needsCheckpoints = (pipeline: Pipeline, plan: Plan, options: HostOptions): boolean => {
  const needing =
    plan.sinks.find(({ sink, mode }) => sink.needsDurableCheckpoints && mode !== 'plain') ??
    plan.stages.find(({ head }) => head._tag === 'Source' && head.source.needsDurableCheckpoints === true)
  if (needing === undefined && options.from === undefined) return false
  if (pipeline.name === null && options.job === undefined) {
    throw new InvalidPipelineError(null, [
      `${needing?.id ?? 'a savepoint'} needs checkpoints, and a pipeline without a name has no place for them. Give the run checkpoints: Checkpoints.directory(path), or a job name, or make the pipeline with Pipeline.define`,
    ])
  }
  return true
}

interface RegisterPlace extends StorePlace {
  readonly plan: Plan
  readonly job: string
  readonly store: CheckpointStore
  readonly clock: Clock
}

/** The streams that outputs may not appear in twice, by connection. */
const writtenBy = (plan: Plan, sinks: ReadonlyMap<string, ConnectedSink>): ReadonlyMap<string, ReadonlyArray<WrittenStream>> => {
  const written = new Map<string, WrittenStream[]>()
  for (const { id, sink } of plan.sinks) {
    const streams = sinks.get(id)?.written
    if (streams === undefined || sink.jetStream === undefined) continue
    const { connection } = sink.jetStream
    written.set(connection, [...(written.get(connection) ?? []), ...[...streams].map(([stream, created]) => ({ stream, created }))])
  }
  return written
}

/** A server that is there answers at once; the run has just asked it. */
const registerPatienceMs = 5_000

/**
 * Looks for the job beside the streams that it writes to. Rejects with CheckpointsMissing where it ran before and `hasCheckpoints` is false,
 * unless it may begin anew. Returns what registers the job there, for when its first checkpoint is durable: a start that fails before it
 * has published nothing. A register that cannot be read or written is logged, and the run goes on.
 */
export const lookForJob = async (
  { plan, job, store, options, log, binding, clock }: RegisterPlace,
  sinks: ReadonlyMap<string, ConnectedSink>,
  hasCheckpoints: boolean,
): Promise<() => Promise<void>> => {
  const mayBegin = hasCheckpoints || options.beginAnew === true
  // Before JetStream was the default place, a folder was.
  const folder = !mayBegin && isDefault(options) ? await directoryWith(job) : null
  if (folder !== null && store.describe !== folder)
    throw new CheckpointError(
      'CheckpointsMissing',
      `The job ${JSON.stringify(job)} has checkpoints in ${folder}, and none in ${store.describe}: a start would publish everything again. ` +
        'Keep them there: Checkpoints.directory(), --checkpoints DIR; or begin the job anew: beginAnew: true, --begin-anew.',
    )
  const written = writtenBy(plan, sinks)
  const withRegister = async (work: (register: JobRegister, streams: ReadonlyArray<WrittenStream>) => Promise<void>): Promise<void> => {
    for (const [connection, streams] of written) {
      try {
        const register = await jobRegister({ binding, connection, job, patienceMs: registerPatienceMs })
        try {
          await work(register, streams)
        } finally {
          await register.close()
        }
      } catch (error) {
        if (error instanceof CheckpointError && error.kind === 'CheckpointsMissing') throw error
        log(
          'warn',
          `${job}: no register of this job can be kept beside ${streams.map(({ stream }) => stream).join(', ')}: if its checkpoints are lost, a start publishes its outputs again without a warning. ${errorText(error)}`,
        )
      }
    }
  }
  if (!mayBegin)
    await withRegister(async (register, streams) => {
      const found = await register.find(streams)
      if (found !== null) throw missing(job, store, found)
    })
  const since = Instant.toIso(Instant.ofMillis(clock.wallMs()))
  return () => withRegister((register, streams) => register.write(streams, { checkpoints: store.describe, host: hostname(), since }))
}

const missing = (
  job: string,
  store: CheckpointStore,
  {
    stream,
    checkpoints,
    host,
    since,
  }: { readonly stream: string; readonly checkpoints: string; readonly host: string; readonly since: string },
): CheckpointError =>
  new CheckpointError(
    'CheckpointsMissing',
    `The job ${JSON.stringify(job)} has written to the stream ${stream} since ${since}, and ${store.describe} has no checkpoints of it: a start would publish everything again. ` +
      `Its checkpoints were in ${checkpoints} (host ${host}): start it with them, or under another job name, or begin it anew: beginAnew: true, --begin-anew.`,
  )
