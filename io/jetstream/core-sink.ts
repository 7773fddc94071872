// The sink of core NATS: what a durable checkpoint holds is published once, and never again.
import type { ConnectedSink, OutputBatch, Sink, SinkContext } from '../../sdk/graph/sink.ts'
import { acquire } from './connections.ts'
import { JetStreamIOError, errorText } from './errors.ts'
import { WireHeaders } from './outgoing-headers.ts'
import { persistently } from './patience.ts'

export interface CoreSinkOptions<in A> {
  readonly label: string
  readonly subject: string | null
  readonly connection: string | undefined
  readonly encode: (value: A, out: OutputBatch) => void
}

/** The transport takes whatever it is given: this is how much it holds at once. */
const flushBytes = 1_048_576

export const coreSinkOf = <A>(o: CoreSinkOptions<A>): Sink<A> =>
  Object.freeze({
    urn: 'jetbeam:io:nats:publish:v1',
    label: o.label,
    identity: Object.freeze({ subject: o.subject, connection: o.connection ?? 'default' }),
    delivery: 'atMostOnce',
    immediate: false,
    parallel: true,
    needsDurableCheckpoints: false,
    encode: o.encode,
    connect: (context: SinkContext) => connectSink(o, context),
  })

const connectSink = async <A>({ label, connection }: CoreSinkOptions<A>, context: SinkContext): Promise<ConnectedSink> => {
  const link = await acquire(context, connection, 'write')
  const wire = new WireHeaders()
  const counts = { published: 0, skipped: 0 }

  const publishRow = (outputs: OutputBatch, i: number): void => {
    const [subject = '', payload = new Uint8Array(0)] = [outputs.destinations[i], outputs.payloads[i]]
    const headers = wire.of(outputs.headers[i] ?? null, null)
    try {
      link.nc.publish(subject, payload, headers === null ? {} : { headers })
    } catch (error) {
      throw new JetStreamIOError(
        'PublishRejected',
        `${label} cannot publish ${payload.length} bytes to ${subject}: ${errorText(error)}. Make the message smaller, or raise the server's max_payload.`,
        { cause: error },
      )
    }
  }

  /** Without a server the client would keep all it is given. */
  const connected = (): Promise<void> =>
    persistently({ what: label, signal: context.signal }, () => {
      if (link.isConnected()) return Promise.resolve()
      if (link.nc.isClosed())
        throw new JetStreamIOError(
          'ServerUnavailable',
          `${label}: the connection to ${link.address} was closed. Start the run again: it goes on from its checkpoint.`,
        )
      throw new Error(`not connected to ${link.address}`)
    })

  /** What was published is with the server, or lost. */
  const flushed = (): Promise<void> => link.nc.flush().catch(() => undefined)

  return {
    protocol: { _tag: 'atMostOnce' },
    way: 'atMostOnce',
    guarantee: `${label}: at most once. Outputs are published once their checkpoint is durable, and not again after a failure; nobody keeps them.`,
    publish: () => {
      throw new Error(`${label}: outputs leave with checkpoints, never one by one`)
    },
    congested: () => false,
    onReady: () => undefined,
    failure: () => null,
    flush: () => Promise.resolve({ _tag: 'atMostOnce' }),
    commit: async (_id, outputs, recovering) => {
      if (recovering) {
        counts.skipped += outputs.payloads.length
        return
      }
      await connected()
      let unflushed = 0
      for (let i = 0; i < outputs.payloads.length; i++) {
        publishRow(outputs, i)
        unflushed += outputs.payloads[i]?.length ?? 0
        if (unflushed < flushBytes) continue
        await flushed()
        await connected()
        unflushed = 0
      }
      await flushed()
      counts.published += outputs.payloads.length
    },
    close: () => link.release(),
    metrics: () => ({ ...counts }),
  }
}
