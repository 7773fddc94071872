// Trace context (W3C) on its way from the message that is read to those that are written because of it. It is passed on as it is, without a
// span of our own: what is written again after a crash is the same.
import type { Headers, OutputBatch } from '../../sdk/graph/sink.ts'
import { StreamMessage } from './message.ts'

const wellFormed = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(-|$)/

/** Names as they came: some libraries write them with a capital, and read no others. */
const named = (headers: Headers, name: string): string | undefined => Object.keys(headers).find(it => it.toLowerCase() === name)

const traceOf = (headers: Headers): Headers | null => {
  const parent = named(headers, 'traceparent')
  if (parent === undefined) return null
  const [value = '', ...more] = headers[parent] ?? []
  if (more.length > 0 || !wellFormed.test(value)) return null
  const state = named(headers, 'tracestate')
  return state === undefined ? { [parent]: [value] } : { [parent]: [value], [state]: headers[state] ?? [] }
}

/** For rows of `out` from `from` on, which `source` has led to. A trace of their own goes before. */
export const inheritTrace = (source: unknown, out: OutputBatch, from: number): void => {
  const trace = source instanceof StreamMessage ? traceOf(source.headers) : null
  if (trace === null) return
  for (let i = from; i < out.headers.length; i++) {
    const own = out.headers[i] ?? {}
    if (named(own, 'traceparent') === undefined) out.headers[i] = { ...own, ...trace }
  }
}
