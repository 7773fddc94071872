// Connections of a run's sources and sinks, in whichever thread they are needed.
import type { ConnectedSink, SinkSite } from '../../sdk/graph/sink.ts'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { ConnectedSource } from '../../sdk/splittable/source.ts'
import { errorText } from '../../sdk/model/error-text.ts'
import { taskName } from '../engine/task-name.ts'
import type { Plan } from '../plan/stage.ts'
import type { CheckpointContent } from './checkpoint-content.ts'
import { io } from './errors.ts'
import { guardedSink } from './guarded.ts'
import { type Log, withFields } from './log.ts'

/** What was opened is closed in the opposite order. What cannot be closed is logged: results stand, and the rest is closed all the same. */
export const closings = (log: Log): { readonly closing: (() => Promise<void>)[]; readonly close: () => Promise<void> } => {
  const closing: (() => Promise<void>)[] = []
  const closeOne = async (end: () => Promise<void>): Promise<void> => {
    try {
      await end()
    } catch (error) {
      log('warn', `a connection could not be closed: ${errorText(error)}`)
    }
  }
  return {
    closing,
    close: async () => {
      for (const end of closing.splice(0).reverse()) await closeOne(end)
    },
  }
}

/** What it logs says whose it is. */
const ofTransform = (context: HostContext, transform: string): HostContext => ({ ...context, log: withFields(context.log, { transform }) })

export const connectSources = async (
  plan: Plan,
  context: HostContext,
  closing: (() => Promise<void>)[],
): Promise<ReadonlyMap<string, ConnectedSource<unknown>>> => {
  const sources = new Map<string, ConnectedSource<unknown>>()
  for (const { id, head } of plan.stages) {
    if (head._tag !== 'Source') continue
    const connected = await io(id, () => head.source.connect(ofTransform(context, id)))
    closing.push(() => io(id, () => connected.close()))
    sources.set(id, connected)
  }
  return sources
}

/** By stage: what its asynchronous calls go through, where they go through anything. */
export const connectClients = async (
  plan: Plan,
  context: HostContext,
  closing: (() => Promise<void>)[],
): Promise<ReadonlyMap<string, unknown>> => {
  const clients = new Map<string, unknown>()
  for (const { id, head } of plan.stages) {
    const connect = head._tag === 'Async' ? head.call.client : null
    if (connect === null) continue
    const { client, close } = await io(id, () => connect(context))
    closing.push(() => io(id, close))
    clients.set(id, client)
  }
  return clients
}

export interface SinkPlace {
  readonly context: HostContext
  readonly runId: string
  readonly before: CheckpointContent | null
  readonly fromSavepoint?: boolean | undefined
  readonly durable: boolean
  /** What the run that is rolled back recorded last. */
  readonly replaced?: CheckpointContent['sinks'] | undefined
  readonly site: SinkPlaceSite
}

/** Where the tasks are: `shards` of each stage are committed from here. */
export interface SinkPlaceSite extends Omit<SinkSite, 'shards'> {
  readonly shards: ReadonlyArray<number>
}

export const onlyLooking: SinkPlaceSite = { generation: 0, shards: [], writers: 1, role: 'look' }

export const numbersTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

/** Those of them whose outputs come to the sink. */
const committedTo = (plan: Plan, sinkId: string, shards: ReadonlyArray<number>): ReadonlyArray<string> =>
  plan.stages
    .filter(({ exits }) => exits.some(exit => exit._tag === 'Sink' && exit.sinkId === sinkId))
    .flatMap(({ id }) => shards.map(shard => taskName(id, shard)))

export const connectSinks = async (
  plan: Plan,
  { context, runId, before, fromSavepoint, durable, replaced, site }: SinkPlace,
  closing: (() => Promise<void>)[],
): Promise<ReadonlyMap<string, ConnectedSink>> => {
  const identities = plan.stages.flatMap(({ head }) => (head._tag === 'Source' ? [head.source.identity] : []))
  const sinks = new Map<string, ConnectedSink>()
  for (const { id, sink, mode } of plan.sinks) {
    const recorded = before?.sinks[id]
    const place = {
      ...ofTransform(context, id),
      sinkId: id,
      runId,
      mode,
      protocol: recorded?.protocol ?? null,
      restored: recorded?.position ?? null,
      fromSavepoint,
      replaced: replaced?.[id]?.position ?? replaced?.[id]?.protocol ?? null,
      durable,
      site: { ...site, shards: committedTo(plan, id, site.shards) },
      sources: identities,
    }
    const connected = await io(id, () => sink.connect(place))
    closing.push(() => io(id, () => connected.close()))
    sinks.set(id, guardedSink(id, connected))
  }
  return sinks
}
