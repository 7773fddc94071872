// Messages: as they come off the wire, as a pipeline sees them, and as they will be published.
import type { MsgHdrs } from '@nats-io/nats-core'
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { DecodeError } from '../../sdk/coders/index.ts'
import type { Headers } from '../../sdk/graph/sink.ts'
import { Instant } from '../../sdk/model/time.ts'
import { errorText } from './errors.ts'

export type { Headers }

/**
 * A NATS message as it lies in a stream: its decoded `value`, its `subject` and its `headers`; the `stream`, and its `sequence` there, from
 * 1.
 */
export interface Message<out A> {
  readonly value: A
  readonly subject: string
  readonly headers: Headers
  /** The Nats-Msg-Id header. */
  readonly id: Option<string>
  readonly stream: string
  readonly sequence: number
  /** When the server stored it. */
  readonly publishedAt: Instant
}

/**
 * A message as it will be published: a `value` to a `subject`. Exactly-once delivery sets its own Nats-Msg-Id; other `headers` are kept.
 */
export interface Outgoing<out A> {
  readonly subject: string
  readonly value: A
  readonly headers?: Headers | undefined
}

/** A message whose bytes its coder did not understand, with the `error` that says why. `publishedAt` is its event time: it has no other. */
export interface Undecodable extends Message<Uint8Array> {
  readonly _tag: 'Undecodable'
  readonly error: DecodeError
}

export const messageIdHeader = 'Nats-Msg-Id'

const noHeaders: Headers = Object.freeze({})

/** Of a client's message. `headers` throws for some that servers store. */
interface Wire {
  readonly subject: string
  readonly headers?: MsgHdrs | undefined
}

const headersOf = (wire: Wire): Headers => {
  const lines = wire.headers
  if (lines === undefined) return noHeaders
  const headers: Record<string, ReadonlyArray<string>> = {}
  for (const [name, values] of lines) {
    if (name === '') throw new Error('one has no name')
    setHeader(headers, name, values)
  }
  return headers
}

/** One called __proto__ is a header like any other. */
export const setHeader = (headers: Record<string, ReadonlyArray<string>>, name: string, value: ReadonlyArray<string>): void => {
  Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true })
}

/**
 * A message off the wire. It holds on to the socket's frame, as bounded as the read-ahead is; a decoder copies what it keeps of the
 * payload, and what most never ask for (headers) is parsed when asked.
 */
export class StreamMessage {
  readonly stream: string
  readonly sequence: number
  readonly publishedAt: Instant
  private readonly wire: Wire
  /** The bytes, still in the socket's frame: whoever keeps them copies them. */
  readonly payload: Uint8Array
  /** Why it is not even decoded; null: it is. */
  readonly refusal: string | null
  private parsed: Headers | null = null
  private unreadable: string | null = null

  constructor(stream: string, wire: Wire, frame: Uint8Array, sequence: number, publishedAt: number, refusal: string | null = null) {
    this.refusal = refusal
    this.stream = stream
    this.wire = wire
    this.payload = frame
    this.sequence = sequence
    this.publishedAt = Instant.ofMillis(publishedAt)
  }

  /** The same, not to be decoded. */
  refused(refusal: string): StreamMessage {
    return new StreamMessage(this.stream, this.wire, this.payload, this.sequence, this.publishedAt, refusal)
  }

  get subject(): string {
    return this.wire.subject
  }

  /** None where they cannot be read. */
  get headers(): Headers {
    this.parsed ??= this.parse()
    return this.parsed
  }

  /** Servers store any bytes as headers, and the client throws for some: why, or null. */
  get headersRefusal(): string | null {
    this.parsed ??= this.parse()
    return this.unreadable
  }

  get id(): Option<string> {
    return O.fromNullable(this.headers[messageIdHeader]?.[0])
  }

  private parse(): Headers {
    try {
      return headersOf(this.wire)
    } catch (error) {
      this.unreadable = `its headers cannot be read: ${errorText(error)}`
      return noHeaders
    }
  }
}

/** The message with its decoded value, as plain data: it may cross threads and be kept in state. */
export const messageOf = <A>(raw: StreamMessage, value: A): Message<A> => ({
  value,
  subject: raw.subject,
  headers: raw.headers,
  id: raw.id,
  stream: raw.stream,
  sequence: raw.sequence,
  publishedAt: raw.publishedAt,
})

/** Why its bytes are shown to no coder. */
export const refusedFor = (raw: StreamMessage, reason: string): DecodeError => ({
  _tag: 'DecodeError',
  raw: new Uint8Array(raw.payload),
  reason,
  path: [],
})

export const undecodable = (raw: StreamMessage, error: DecodeError): Undecodable => ({
  _tag: 'Undecodable',
  ...messageOf(raw, new Uint8Array(raw.payload)),
  error,
})

/** What a `timestamp` function is shown: it usually looks at the value alone, so nothing is parsed before it is asked for. */
export class MessageView<A> implements Message<A> {
  readonly value: A
  private readonly raw: StreamMessage

  constructor(raw: StreamMessage, value: A) {
    this.raw = raw
    this.value = value
  }

  get subject(): string {
    return this.raw.subject
  }
  get headers(): Headers {
    return this.raw.headers
  }
  get id(): Option<string> {
    return this.raw.id
  }
  get stream(): string {
    return this.raw.stream
  }
  get sequence(): number {
    return this.raw.sequence
  }
  get publishedAt(): Instant {
    return this.raw.publishedAt
  }
}
