// Headers on their way out: what NATS cannot carry is refused, what would steer the server is left behind.
import { type MsgHdrs, MsgHdrsImpl } from '@nats-io/nats-core'
import type { Headers } from '../../sdk/graph/sink.ts'
import { JetStreamIOError } from './errors.ts'
import { messageIdHeader } from './message.ts'

// A relayed message still has the expectations of its first publisher: they would be checked again, against another stream.
const steers = /^nats-(expected-|batch-)/i

/** Throws InvalidOptions for a name or a value that would break the protocol. Gives null where nothing is left. */
export const checkedHeaders = (headers: Headers | undefined, ownIds: boolean, label: string): Headers | null => {
  if (headers === undefined) return null
  let kept: Record<string, ReadonlyArray<string>> | null = null
  for (const name of Object.keys(headers)) {
    if (steers.test(name) || (ownIds && name.toLowerCase() === 'nats-msg-id')) continue
    if (!/^[!-9;-~]+$/.test(name)) throw new JetStreamIOError('InvalidOptions', `${label}: ${JSON.stringify(name)} cannot name a header: use printable ASCII without spaces and colons.`)
    const values = headers[name] ?? []
    for (const value of values)
      if (/[\r\n]/.test(value)) throw new JetStreamIOError('InvalidOptions', `${label}: the header ${name} has a line break in its value. Encode the value, or put it into the payload.`)
    kept ??= {}
    kept[name] = values
  }
  return kept
}

/** Text that a header can carry: one line, not too long. */
export const headerLine = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 1_000)

export const wireHeaders = (headers: Headers | null, id: string | null): MsgHdrs | null => {
  if (id === null && headers === null) return null
  // fromRecord leaves names as they are; set() would go over each character of each.
  const record: Record<string, string[]> = {}
  for (const name in headers) record[name] = [...(headers[name] ?? [])]
  if (id !== null) record[messageIdHeader] = [id]
  return MsgHdrsImpl.fromRecord(record)
}
