// Connections of a run's sources and sinks, in whichever thread they are needed.
import type { ConnectedSink } from '../../sdk/graph/sink.ts'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { ConnectedSource } from '../../sdk/splittable/source.ts'
import type { Plan } from '../plan/stage.ts'
import type { CheckpointContent } from './checkpoint-content.ts'
import { io } from './errors.ts'

/** What was opened is closed in the opposite order. */
export const closings = (): { readonly closing: (() => Promise<void>)[]; readonly close: () => Promise<void> } => {
  const closing: (() => Promise<void>)[] = []
  return {
    closing,
    close: async () => {
      for (const end of closing.splice(0).reverse()) await end()
    },
  }
}

export const connectSources = async (
  plan: Plan,
  context: HostContext,
  closing: (() => Promise<void>)[],
): Promise<ReadonlyMap<string, ConnectedSource<unknown>>> => {
  const sources = new Map<string, ConnectedSource<unknown>>()
  for (const { id, head } of plan.stages) {
    if (head._tag !== 'Source') continue
    const connected = await io(id, () => head.source.connect(context))
    closing.push(() => connected.close())
    sources.set(id, connected)
  }
  return sources
}

export interface SinkPlace {
  readonly context: HostContext
  readonly runId: string
  readonly before: CheckpointContent | null
  readonly fromSavepoint?: boolean | undefined
  readonly durable: boolean
}

export const connectSinks = async (
  plan: Plan,
  { context, runId, before, fromSavepoint, durable }: SinkPlace,
  closing: (() => Promise<void>)[],
): Promise<ReadonlyMap<string, ConnectedSink>> => {
  const identities = plan.stages.flatMap(({ head }) => (head._tag === 'Source' ? [head.source.identity] : []))
  const sinks = new Map<string, ConnectedSink>()
  for (const { id, sink, mode } of plan.sinks) {
    const recorded = before?.sinks[id]
    const place = {
      ...context,
      sinkId: id,
      runId,
      mode,
      protocol: recorded?.protocol ?? null,
      restored: recorded?.position ?? null,
      fromSavepoint,
      durable,
      sources: identities,
    }
    const connected = await io(id, () => sink.connect(place))
    closing.push(() => connected.close())
    sinks.set(id, connected)
  }
  return sinks
}
