// What a sink with `onRejected` checks before an element becomes an output: what only the server knows, its subjects and sizes, is learned when
// the sink connects, in each thread before the first element.
import type { StreamInfo } from '@nats-io/jetstream'
import type { Headers } from '../../sdk/graph/sink.ts'
import type { Link } from './connections.ts'
import { JetStreamIOError } from './errors.ts'
import { matches } from './subject-filter.ts'

/** A stream as a publisher meets it. */
export interface PublishTarget {
  readonly stream: string
  readonly subjects: ReadonlyArray<string>
  /** The largest message with all its headers, in bytes: the server's limit, or the stream's where that is lower. */
  readonly maxBytes: () => number
  /** Left out where no stream stores the message. */
  readonly maxHeaderBytes?: number | undefined
}

/** All headers of a stored message together: more is an error of the server (10097). */
export const storedHeaderBytes = 65_535

/** Asked each time: a cluster's servers may differ. */
export const maxBytesOf =
  ({ nc }: Link, { config }: Pick<StreamInfo, 'config'>): (() => number) =>
  () => {
    const server = nc.info?.max_payload ?? Infinity
    return config.max_msg_size > 0 ? Math.min(server, config.max_msg_size) : server
  }

/** In bytes: the status line, the message id, and the headers of a batch or a chain. */
const ownHeaders = 384
/** In bytes: `traceparent` and a `tracestate` of the length that all must forward. */
const traceHeaders = 640
const mostKnown = 10_000

export class PublishLimits {
  readonly #label: string
  readonly #reserve: number
  #targets: ReadonlyArray<PublishTarget> = []
  readonly #known = new Map<string, PublishTarget>()

  constructor(label: string, traced: boolean) {
    this.#label = label
    this.#reserve = ownHeaders + (traced ? traceHeaders : 0)
  }

  /** Replaces what an earlier connection told. */
  learn(targets: ReadonlyArray<PublishTarget>): void {
    this.#targets = targets
    this.#known.clear()
  }

  /** Throws SubjectNotInStream or PublishRejected for a message that the server would refuse. */
  require(subject: string, headers: Headers | null, payload: Uint8Array): void {
    if (this.#targets.length === 0) return
    const target = this.#known.get(subject) ?? this.#find(subject)
    const ofHeaders = headerBytes(headers) + this.#reserve
    if (ofHeaders > (target.maxHeaderBytes ?? Infinity))
      throw new JetStreamIOError(
        'PublishRejected',
        `${this.#label}: the headers have up to ${ofHeaders} bytes, and ${target.stream} stores at most ${target.maxHeaderBytes} bytes of headers a message. Move what they hold into the payload.`,
      )
    const bytes = payload.length + ofHeaders
    const most = target.maxBytes()
    if (bytes > most)
      throw new JetStreamIOError(
        'PublishRejected',
        `${this.#label}: the message has ${payload.length} bytes of payload and up to ${bytes - payload.length} of headers, and ${target.stream} takes ${most} bytes a message. Make it smaller, or raise the server's max_payload or the stream's max_msg_size.`,
      )
  }

  #find(subject: string): PublishTarget {
    const target = this.#targets.find(({ subjects }) => subjects.some(filter => matches(filter, subject)))
    if (target === undefined)
      throw new JetStreamIOError(
        'SubjectNotInStream',
        `${this.#label}: the subject is not one of ${this.#targets.map(({ stream, subjects }) => `${stream} (${subjects.join(', ')})`).join(' or ')}. Correct the subject, or add it to the stream.`,
      )
    if (this.#known.size >= mostKnown) this.#known.clear()
    this.#known.set(subject, target)
    return target
  }
}

const headerBytes = (headers: Headers | null): number => {
  let bytes = 0
  if (headers !== null)
    for (const name of Object.keys(headers)) for (const value of headers[name] ?? []) bytes += name.length + Buffer.byteLength(value) + 4
  return bytes
}
