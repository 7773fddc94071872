// Sources and sinks without a runner: a context, and loops that read and publish as an engine would.
import type { HostContext } from '../../sdk/model/bindings.ts'
import { type OutputBatch, type SinkContext, emptyOutputs } from '../../sdk/graph/sink.ts'
import { alwaysHeld } from '../../runners/host/thread-lease.ts'
import type { SplitReader } from '../../sdk/splittable/source.ts'
import { type ConnectionOptions, JetStreamIO } from '../../io/jetstream/index.ts'
import type { StreamMessage } from '../../io/jetstream/message.ts'
import { plainRead, type SourceOptions, sourceOf } from '../../io/jetstream/source.ts'
import { StopAt } from '../../io/jetstream/read-options.ts'
import { sinkOf, type SinkOptions } from '../../io/jetstream/sink.ts'

/** The address of a server, or all that is to be said about a connection. */
export type At = string | ConnectionOptions

export const hostContext = (at: At): HostContext & { readonly logged: string[]; readonly fields: Readonly<Record<string, unknown>>[] } => {
  const bound = JetStreamIO.connection(typeof at === 'string' ? { servers: at } : at)
  const logged: string[] = []
  const fields: Readonly<Record<string, unknown>>[] = []
  return {
    lease: alwaysHeld,
    binding: key => (key === bound.key ? bound : undefined),
    log: (_level, message, more = {}) => {
      logged.push(message)
      fields.push(more)
    },
    signal: new AbortController().signal,
    logged,
    fields,
  }
}

export const sinkContext = (at: At, o: Partial<SinkContext> = {}): SinkContext => ({
  ...hostContext(at),
  sinkId: 'write#1',
  runId: 'run-1',
  mode: 'immediate',
  protocol: null,
  restored: null,
  durable: true,
  site: { generation: 1, shards: [], writers: 1, role: 'main' },
  sources: [],
  ...o,
})

export const testSource = (stream: string, o: Partial<SourceOptions> = {}) =>
  sourceOf({
    ...plainRead,
    stream,
    label: `JetStreamIO.read(${stream})`,
    stop: StopAt.end,
    ...o,
  })

export const testSink = (stream: string, o: Partial<SinkOptions<never>> = {}) =>
  sinkOf<never>({
    streams: [stream],
    label: `JetStreamIO.write(${stream})`,
    subject: null,
    delivery: 'exactlyOnce',
    connection: undefined,
    window: { messages: 4_096, bytes: 8 * 1_048_576 },
    create: null,
    encode: () => undefined,
    ...o,
  })

export const changed = (reader: SplitReader<unknown>): Promise<void> =>
  new Promise(resolve => {
    // Whatever changed before anybody listened would be missed.
    const timer = setTimeout(resolve, 50)
    reader.onChange(() => {
      clearTimeout(timer)
      resolve()
    })
  })

/** Reads to the end, or until `enough`; rejects with what the reader fails with. */
export const readAll = async (
  reader: SplitReader<StreamMessage>,
  enough: (read: ReadonlyArray<StreamMessage>) => boolean = () => false,
  maxElements = 500,
): Promise<ReadonlyArray<StreamMessage>> => {
  const read: StreamMessage[] = []
  for (;;) {
    const batch = reader.poll(maxElements)
    if (batch !== null) read.push(...batch.values)
    if (enough(read)) return read
    if (batch !== null) {
      await Promise.resolve()
      continue
    }
    const status = reader.status()
    if (status._tag === 'done') return read
    if (status._tag === 'failed') throw status.error
    await changed(reader)
  }
}

const bytes = new TextEncoder()

/** Rows of one output a position. */
export const outputs = (subject: string, positions: ReadonlyArray<number>): OutputBatch => {
  const out = emptyOutputs()
  for (const position of positions) {
    const payload = bytes.encode(`value ${position}`)
    out.destinations.push(subject)
    out.headers.push(null)
    out.payloads.push(payload)
    out.positions.push(position)
    out.ordinals.push(0)
    out.bytes += payload.length
  }
  return out
}

export const range = (from: number, to: number): ReadonlyArray<number> => Array.from({ length: to - from }, (_, i) => from + i)

export const wait = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export const rejection = async (work: Promise<unknown>): Promise<Error> => {
  try {
    await work
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('this should have been rejected')
}
