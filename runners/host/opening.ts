// Everything before the first element: the plan, the lease, the newest checkpoint or checkpoint 0, and all connections.
import type { Pipeline } from '../../sdk/graph/pipeline.ts'
import { fingerprint, statefulSummary } from '../../sdk/graph/graph.ts'
import { InvalidPipelineError } from '../../sdk/graph/invalid-pipeline.ts'
import type { ConnectedSink } from '../../sdk/graph/sink.ts'
import type { HostContext, HostLease } from '../../sdk/model/bindings.ts'
import type { RolledBack } from '../../sdk/model/job-event.ts'
import type { ConnectedSource, Split } from '../../sdk/splittable/source.ts'
import type { CheckpointSession, CheckpointStore, Manifest } from '../checkpoint/store.ts'
import { keyGroups } from '../engine/exchange.ts'
import { stageOf } from '../engine/task-name.ts'
import { planOf } from '../plan/plan.ts'
import type { Plan } from '../plan/stage.ts'
import { type CheckpointContent, contentFormat, decodeOutputs, segmentsOf } from './checkpoint-content.ts'
import { closings, connectClients, connectSinks, connectSources, numbersTo, onlyLooking } from './connecting.ts'
import { isDefault, lookForJob, storeFor } from './checkpoint-place.ts'
import type { Clock } from './clock.ts'
import { checkedContent, readContent } from './content-check.ts'
import { io } from './errors.ts'
import { releaseOf } from './releasing.ts'
import { begunAnew, findSavepoint, leftBehind, rolledBackText, runFrom, requireReadable } from './rollback.ts'
import { endedNow } from './until-end.ts'
import { SessionLease } from './session-lease.ts'
import { alwaysHeld } from './thread-lease.ts'
import type { Tell } from './job-events.ts'
import type { Log } from './log.ts'
import { poisonDelayMs, poisonRecord } from './poison.ts'
import type { HostOptions } from './options.ts'

/** How many renewals in a row may fail while the lease is in doubt, in a store that no options name: as many as checkpoints. */
const defaultFailures = 5

/** A run that is ready to read. */
export interface Opened {
  readonly plan: Plan
  readonly job: string
  readonly session: CheckpointSession | null
  readonly store: CheckpointStore | null
  /** Of checkpoint 0 or the newest one; with no store, what checkpoint 0 would have said. */
  readonly content: CheckpointContent
  /** How many tasks each stage has now; the checkpoint in `content` may have had another number. */
  readonly shards: number
  readonly epoch: number
  /** It goes on from a checkpoint of an earlier process. */
  readonly resumed: boolean
  /** It began at a savepoint. */
  readonly rolledBack: RolledBack | null
  readonly sources: ReadonlyMap<string, ConnectedSource<unknown>>
  /** By stage: what its asynchronous calls go through. */
  readonly clients: ReadonlyMap<string, unknown>
  readonly sinks: ReadonlyMap<string, ConnectedSink>
  /** null: there is no store. */
  readonly lease: SessionLease | null
  readonly close: () => Promise<void>
}

export interface Place {
  readonly options: HostOptions
  readonly signal: AbortSignal
  readonly log: Log
  readonly clock: Clock
  /** Instead of what the options say: a simulation's. */
  readonly store?: CheckpointStore | undefined
  readonly tell: Tell
  /** The run before failed because of what no element can be the cause of. */
  readonly innocent?: boolean | undefined
}

/** The connections alone, to ask what they guarantee: nothing is written, and no lease is taken. */
export const look = async (
  pipeline: Pipeline,
  place: Omit<Place, 'tell'>,
): Promise<Pick<Opened, 'plan' | 'job' | 'store' | 'sources' | 'sinks' | 'close'>> => {
  const plan = planOf(pipeline.graph)
  const store = storeOf(pipeline, plan, place)
  const { closing, close } = closings(place.log)
  try {
    const sources = await connectSources(plan, contextOf(place), closing)
    const sinks = await connectSinks(
      plan,
      { context: contextOf(place), runId: place.clock.uuid(), before: null, durable: store !== null, site: onlyLooking },
      closing,
    )
    return { plan, job: jobNameOf(pipeline, place.options), store, sources, sinks, close }
  } catch (error) {
    await close()
    throw error
  }
}

const shardsIn = ({ options }: Place): number => options.tasks ?? 1

export const jobNameOf = (pipeline: Pick<Pipeline, 'name'>, options?: Pick<HostOptions, 'job'>): string =>
  options?.job ?? pipeline.name ?? 'pipeline'

/** Rejects with what `pipelineErrorOf` understands; leaves nothing open then. */
export const open = async (pipeline: Pipeline, place: Place): Promise<Opened> => {
  const plan = planOf(pipeline.graph)
  const store = storeOf(pipeline, plan, place)
  const job = jobNameOf(pipeline, place.options)
  if (store !== null) refuseAmbiguous(pipeline)
  if (place.options.until === 'end') refuseEndless(pipeline)
  const { closing, close } = closings(place.log)
  try {
    const session = store === null ? null : await openStore(store, job, plan, place, closing)
    if (session !== null) closing.push(() => releaseOf(session, place))
    const lease = session === null ? null : leaseOf(session, place)
    closing.push(async () => lease?.end())
    if (store !== null) place.log('info', `${job}: checkpoints in ${store.describe}`, { checkpoints: store.describe })
    const before = await contentBefore(store, session, job, pipeline, place)
    const runId = before?.content.runId ?? place.clock.uuid()
    const context = contextOf(place, lease ?? alwaysHeld)
    const sources = await connectSources(plan, context, closing)
    const clients = await connectClients(plan, context, closing)
    const back = before?._tag === 'Savepoint' ? before : null
    // Before it becomes the job's newest checkpoint: else nothing could go on any more.
    if (back !== null) await requireReadable(back.name, back.savepoint, sources)
    if (before !== null) requireUnfinished(pipeline, before.content, sources)
    const recorded = { before: before?.content ?? null, fromSavepoint: back !== null, replaced: back?.replaced }
    const site = {
      generation: session?.generation ?? 0,
      // A job that has ended takes nothing over: what is left to do is at most to publish its last checkpoint.
      shards: before !== null && hasEnded(before.content) ? [] : numbersTo(shardsIn(place)),
      writers: place.options.threads ?? 1,
      role: 'main',
    } as const
    const sinks = await connectSinks(plan, { context, runId, ...recorded, durable: session !== null, site }, closing)
    for (const [sink, { guarantee, way }] of sinks) {
      // There was something to choose.
      if (way !== undefined) place.log('info', guarantee, { sink, way })
      place.tell({ _tag: 'SinkOpened', sink, way: way ?? null, guarantee })
    }
    // A simulation's own store has no server beside it.
    const register =
      store === null || place.store !== undefined
        ? null
        : await lookForJob(
            { plan, job, store, options: place.options, log: place.log, binding: context.binding, clock: place.clock },
            sinks,
            before !== null,
          )
    const resumed =
      before === null
        ? await firstContent(pipeline, plan, place, runId, sources, sinks)
        : place.options.until === 'end' && !hasEnded(before.content)
          ? await endedNow(before.content, sources)
          : before.content
    const unwatched = back === null ? resumed : { ...resumed, sinks: await begunAnew(sinks) }
    const rolledBack = back === null ? null : leftBehind(back.name, back.savepoint, back.newestEpoch, unwatched.sinks)
    const poison =
      session === null ? null : poisonRecord(plan, unwatched, { resumed: before?._tag === 'Checkpoint', innocent: place.innocent === true })
    const content = poison === null ? unwatched : { ...unwatched, poison }
    let epoch = before?.epoch ?? 0
    if (session !== null) {
      if (before?._tag !== 'Checkpoint') await session.commit(epoch, segmentsOf(content), content)
      else {
        await republish(session, before.manifest, before.content, sinks)
        // Before anything is read: else a run that fails is not counted.
        if (poison !== null && !hasEnded(content)) await session.commit(++epoch, segmentsOf(content), beganAgain(content, before.manifest))
      }
    }
    await register?.()
    await recommit(content, sources)
    // Not before: the process that drained it may have died before it published its last checkpoint.
    if (before?._tag === 'Checkpoint' && content.status === 'drained') throw drained(pipeline, job)
    if (rolledBack !== null) {
      place.log('warn', rolledBackText(job, rolledBack))
      place.tell({ _tag: 'RolledBack', ...rolledBack })
    }
    if (poison !== null) await pause(poisonDelayMs(plan, poison), place)
    const shards = shardsIn(place)
    if (shards !== content.shards) place.log('info', `${job}: a checkpoint of ${content.shards} tasks a stage goes on as ${shards}`)
    return {
      plan,
      job,
      session,
      store,
      content,
      shards,
      epoch,
      resumed: before !== null,
      rolledBack,
      sources,
      clients,
      sinks,
      lease,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Where a server is away that sources and the default place share, the error is that of the source. */
const openStore = async (
  store: CheckpointStore,
  job: string,
  plan: Plan,
  place: Place,
  closing: (() => Promise<void>)[],
): Promise<CheckpointSession> => {
  try {
    return await store.open(job)
  } catch (error) {
    if (isDefault(place.options)) await connectSources(plan, contextOf(place), closing)
    throw error
  }
}

const hasEnded = ({ status }: CheckpointContent): boolean => status === 'done' || status === 'drained'

const drained = ({ name }: Pipeline, job: string): InvalidPipelineError =>
  new InvalidPipelineError(name, [
    `the job ${JSON.stringify(job)} was drained: its windows have fired, so it cannot go on. Start under another job name, or from a savepoint`,
  ])

/** A source without an end whose splits have all ended was read as one whose splits appear, and now is not. */
const requireUnfinished = (pipeline: Pipeline, content: CheckpointContent, sources: Opened['sources']): void => {
  if (hasEnded(content) || content.status === 'draining') return
  const { tasks } = content
  const gone = [...pipeline.graph.nodes.values()].filter(({ id, node: { transform } }) => {
    const records = Object.entries(tasks).flatMap(([task, { record }]) => (stageOf(task) === id ? record.splits : []))
    const isEndless = transform._tag === 'Read' && !transform.source.isBounded && sources.get(id)?.discovery === undefined
    return isEndless && records.length > 0 && records.every(({ done }) => done)
  })
  if (gone.length === 0) return
  throw new InvalidPipelineError(
    pipeline.name,
    gone.map(
      ({ id }) =>
        `${id} was read as splits that appear, and had none yet: as it is now, nothing would be read. Split it as before (splitBy), or start a new run`,
    ),
  )
}

/** What a source finds as its end, a generator cannot be asked for. */
const refuseEndless = ({ graph, name }: Pipeline): void => {
  const endless = [...graph.nodes.values()].filter(({ node: { transform } }) => transform._tag === 'Splittable' && !transform.fn.isBounded)
  if (endless.length === 0) return
  throw new InvalidPipelineError(
    name,
    endless.map(
      ({ id }) =>
        `${id} is unbounded, and nobody knows where it ends now, so it cannot run until: 'end'. Give it restrictions with an end and isBounded: true, or leave until out`,
    ),
  )
}

const storeOf = (pipeline: Pipeline, plan: Plan, place: Omit<Place, 'tell'>): CheckpointStore | null =>
  place.store ?? storeFor(pipeline, plan, { options: place.options, log: place.log, binding: contextOf(place).binding })

const refuseAmbiguous = ({ graph, name }: Pipeline): void => {
  if (graph.ambiguous.length === 0) return
  throw new InvalidPipelineError(
    name,
    graph.ambiguous.map(
      ({ id, places }) =>
        `${id} is the path of ${places.length} transforms that keep state, made at ${places.join(' and ')}: a later version could not tell them apart. Name them with named('…', …)`,
    ),
  )
}

type Before = { readonly content: CheckpointContent; readonly epoch: number } & (
  | { readonly _tag: 'Checkpoint'; readonly manifest: Manifest }
  /** Nothing of it waits to be published. `newestEpoch`: of the run that ends here. */
  | {
      readonly _tag: 'Savepoint'
      readonly name: string
      readonly savepoint: CheckpointContent
      readonly newestEpoch: number | null
      readonly replaced: CheckpointContent['sinks'] | undefined
    }
)

const contentBefore = async (
  store: CheckpointStore | null,
  session: CheckpointSession | null,
  job: string,
  pipeline: Pipeline,
  { options, clock }: Place,
): Promise<Before | null> => {
  if (store === null || session === null) return null
  const { latest } = session
  if (options.from !== undefined) {
    const { savepoint: name } = options.from
    const found = await findSavepoint(store, job, name, pipeline, latest?.content ?? null)
    const newestEpoch = latest?.epoch ?? null
    const content = await runFrom(session, found, clock.uuid())
    return {
      _tag: 'Savepoint',
      content,
      epoch: (newestEpoch ?? -1) + 1,
      name,
      savepoint: found.savepoint,
      newestEpoch,
      replaced: latest === null ? undefined : readContent(latest.content, `the newest checkpoint of ${JSON.stringify(job)}`).sinks,
    }
  }
  if (latest === null) return null
  const content = checkedContent(latest.content, `the newest checkpoint of ${JSON.stringify(job)}`, pipeline)
  return { _tag: 'Checkpoint', content, epoch: latest.epoch, manifest: latest }
}

const leaseOf = (session: CheckpointSession, { clock, log, tell, options: { checkpoints } }: Place): SessionLease =>
  new SessionLease(session, { clock, log, tell, failures: checkpoints?.failures ?? defaultFailures })

const contextOf = ({ options, signal, log }: Omit<Place, 'tell'>, lease: HostLease = alwaysHeld): HostContext => {
  const bindings = new Map((options.provide ?? []).map(binding => [binding.key, binding]))
  return { lease, binding: key => bindings.get(key), log, signal }
}

const firstContent = async (
  pipeline: Pipeline,
  plan: Plan,
  place: Place,
  runId: string,
  sources: ReadonlyMap<string, ConnectedSource<unknown>>,
  sinks: ReadonlyMap<string, ConnectedSink>,
): Promise<CheckpointContent> => {
  const { options } = place
  const splits: Record<string, ReadonlyArray<Split>> = {}
  for (const { id } of plan.stages) {
    const source = sources.get(id)
    if (source !== undefined)
      splits[id] = await io(id, () => source.resolve({ desired: options.tasks ?? 1, toEnd: options.until === 'end' }))
  }
  return {
    format: contentFormat,
    runId,
    status: 'running',
    fingerprint: fingerprint(pipeline.graph),
    stateful: statefulSummary(pipeline.graph),
    keyGroups,
    shards: shardsIn(place),
    splits,
    sinks: Object.fromEntries([...sinks].map(([id, sink]) => [id, { protocol: sink.protocol, position: null }])),
    tasks: {},
  }
}

/** The same checkpoint once more, with what this start records: its outputs keep the name that they were published under. */
const beganAgain = (content: CheckpointContent, { generation, epoch }: Manifest): CheckpointContent => ({
  ...content,
  status: 'running',
  outputsOf: content.outputsOf ?? { generation, epoch },
})

const pause = (ms: number, { clock, signal }: Place): Promise<void> =>
  new Promise(resolve => {
    if (ms === 0 || signal.aborted) return resolve()
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(ms, end)
    signal.addEventListener('abort', end)
  })

/** The process that wrote the checkpoint may have died before, while, or after it published what the checkpoint holds. */
const republish = async (
  session: CheckpointSession,
  manifest: Manifest,
  content: CheckpointContent,
  sinks: ReadonlyMap<string, ConnectedSink>,
): Promise<void> => {
  for (const [shard, { outputs }] of Object.entries(content.tasks)) {
    if (outputs === null) continue
    for (const { sinkId, outputs: rows } of decodeOutputs(await session.readSegment(outputs))) {
      const sink = sinks.get(sinkId)
      if (sink === undefined) throw new Error(`the checkpoint holds outputs of ${sinkId}, which the pipeline does not have`)
      await io(sinkId, () =>
        sink.commit({ shard, ...(content.outputsOf ?? { generation: manifest.generation, epoch: manifest.epoch }) }, rows, true),
      )
    }
  }
}

/** It may as well have died before it told its sources: of splits that have ended, too, which nobody opens any more. */
const recommit = async ({ tasks }: CheckpointContent, sources: Opened['sources']): Promise<void> => {
  for (const [task, { record }] of Object.entries(tasks)) {
    const stage = stageOf(task)
    const source = sources.get(stage)
    if (source?.recommit === undefined) continue
    for (const { split, progress } of record.splits)
      if (progress.last !== null) await io(stage, async () => source.recommit?.(split, progress))
  }
}
