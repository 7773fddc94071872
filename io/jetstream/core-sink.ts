// The sink of core NATS: what a durable checkpoint holds is published once, and never again.
import type { ConnectedSink, OutputBatch, Sink, SinkContext } from '../../sdk/graph/sink.ts'
import { commitsOnly, sinkOfCheckpoints } from './checkpointed-sink.ts'
import { acquire } from './connections.ts'
import type { PublishLimits } from './publish-limits.ts'
import { countingReconnects } from './reconnects.ts'
import { SendOnce } from './send-once.ts'

export interface CoreSinkOptions<in A> {
  readonly label: string
  readonly subject: string | null
  readonly connection: string | undefined
  readonly encode: (value: A, out: OutputBatch) => void
  /** What checks elements before the sink. */
  readonly limits?: PublishLimits | undefined
}

/** The transport takes whatever it is given: this is how much it holds at once. */
const window = { messages: 4_096, bytes: 1_048_576 }

export const coreSinkOf = <A>(o: CoreSinkOptions<A>): Sink<A> =>
  sinkOfCheckpoints(
    {
      urn: 'jetbeam:io:nats:publish:v1',
      label: o.label,
      identity: { subject: o.subject, connection: o.connection ?? 'default' },
      delivery: 'atMostOnce',
      needsDurableCheckpoints: false,
      encode: o.encode,
    },
    context => connectSink(o, context),
  )

const connectSink = async <A>({ label, connection, limits }: CoreSinkOptions<A>, context: SinkContext): Promise<ConnectedSink> => {
  const link = await acquire(context, connection, 'write')
  limits?.learn([{ stream: 'the server', subjects: ['>'], maxBytes: () => link.nc.info?.max_payload ?? Infinity }])
  const sender = new SendOnce({ link, label, context, window })
  const counts = { published: 0, skipped: 0 }
  const sink = commitsOnly(label, {
    protocol: { _tag: 'atMostOnce' },
    way: 'atMostOnce',
    guarantee: `${label}: at most once. Outputs are published once their checkpoint is durable, and not again after a failure; nobody keeps them.`,
    commit: async (_id, outputs, recovering) => {
      const count = outputs.payloads.length
      const arrived = recovering ? 0 : await sender.send(outputs)
      counts.published += arrived
      counts.skipped += count - arrived
    },
    close: () => link.release(),
    metrics: () => ({ ...counts }),
  })
  return countingReconnects(link, sink)
}
