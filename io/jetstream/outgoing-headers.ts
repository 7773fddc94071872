// Headers on their way out: what NATS cannot carry is refused, what would steer the server is left behind.
import { MsgHdrsImpl } from '@nats-io/nats-core'
import type { Headers } from '../../sdk/graph/sink.ts'
import { JetStreamIOError } from './errors.ts'
import { givenKind } from './given-value.ts'
import { messageIdHeader, setHeader } from './message.ts'

// A relayed message still has what its first publisher and server said of it: expectations that would be checked again, against another
// stream, a batch, a rollup that erases, a time to live, a schedule, where it came from. All such names begin with Nats-.
const steers = /^nats-/i

const messageIdName = messageIdHeader.toLowerCase()

/**
 * Throws InvalidOptions for a name or a value that would break the protocol. Gives null where nothing is left. `ownIds`: the sink gives
 * each message an id of its own; else it keeps the one it has.
 */
export const checkedHeaders = (headers: Headers | undefined, ownIds: boolean, label: string): Headers | null => {
  if (headers === undefined) return null
  requireRecord(headers, label)
  let kept: Record<string, ReadonlyArray<string>> | null = null
  for (const name of Object.keys(headers)) {
    if (steers.test(name) && (ownIds || name.toLowerCase() !== messageIdName)) continue
    if (!/^[!-9;-~]+$/.test(name))
      throw new JetStreamIOError(
        'InvalidOptions',
        `${label}: ${JSON.stringify(name)} cannot name a header: use printable ASCII without spaces and colons.`,
      )
    const values = headers[name] ?? []
    requireTexts(name, values, label)
    for (const value of values)
      if (/[\r\n]|\p{Surrogate}/u.test(value))
        throw new JetStreamIOError(
          'InvalidOptions',
          `${label}: the header ${name} has a line break, or half a character, in its value. Encode the value, or put it into the payload.`,
        )
    kept ??= {}
    setHeader(kept, name, values)
  }
  return kept
}

const wanted = "Headers are a record of arrays of texts, such as { trace: ['abc'] }."

/** JavaScript may give anything: a Map has no names, and those of an array are 0, 1, … */
const requireRecord = (headers: unknown, label: string): void => {
  if (typeof headers === 'object' && headers !== null && !(Symbol.iterator in headers)) return
  throw new JetStreamIOError('InvalidOptions', `${label}: the headers of this element are ${givenKind(headers)}. ${wanted}`)
}

const requireTexts = (name: string, values: unknown, label: string): void => {
  if (Array.isArray(values) && values.every(value => typeof value === 'string')) return
  const given = Array.isArray(values) ? 'an array of other things than texts' : givenKind(values)
  throw new JetStreamIOError('InvalidOptions', `${label}: the value of the header ${name} is ${given}. ${wanted}`)
}

/** Text that a header can carry: one line of whole characters, not too long. */
export const headerLine = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 1_000)
    .replace(/\p{Surrogate}/gu, '\u{FFFD}')

/**
 * The headers of one message at a time, as the client wants them. It asks for their bytes while it publishes and keeps nothing, so one
 * of these serves all messages; filling a header object for each cost as much as the rest of a publish.
 */
export class WireHeaders extends MsgHdrsImpl {
  private text = ''

  /** Null where there are none. `lines`: more of them, each with its end. */
  of(headers: Headers | null, id: string | null, lines = ''): this | null {
    if (id === null && headers === null && lines === '') return null
    let text = `NATS/1.0\r\n${lines}`
    if (headers !== null) for (const name of Object.keys(headers)) for (const value of headers[name] ?? []) text += `${name}: ${value}\r\n`
    this.text = id === null ? `${text}\r\n` : `${text}${messageIdHeader}: ${id}\r\n\r\n`
    return this
  }

  override encode(): Uint8Array {
    return Buffer.from(this.text)
  }
}
