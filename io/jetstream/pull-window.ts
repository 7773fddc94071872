// The pull requests a consumer has not answered in full. The server serves them in the order they came, so a message belongs to the oldest.

import { nanos } from '@nats-io/nats-core'

// A message that waits here is some ten objects that the collector copies: with 16,384 of them a relay took 8.5 µs of processor time a
// message, with 1,536 it takes 6, and twice as many messages get through.
export const batchSize = 512
const mostOpenPulls = 3
/** So many pulls' worth may wait here. */
const pullsAhead = 8
/** The largest message that a server can be told to take. */
export const largestPull = 64 * 1_048_576

/** How a consumer is asked for more. */
export interface PullSettings {
  /** Messages in one request. */
  readonly batch: number
  /** Bytes in one request. It grows where one message is larger. */
  readonly maxBytes: number
  /** How long the server keeps a request that it cannot serve. */
  readonly expiresMs: number
  /** How often it says that it has nothing to send. */
  readonly heartbeatMs: number
}

export const pullDefaults: PullSettings = Object.freeze({ batch: batchSize, maxBytes: 1_048_576, expiresMs: 4_000, heartbeatMs: 1_000 })

const encoder = new TextEncoder()

export const pullRequest = (batch: number, maxBytes: number, { expiresMs, heartbeatMs }: PullSettings): Uint8Array =>
  encoder.encode(`{"batch":${batch},"max_bytes":${maxBytes},"expires":${nanos(expiresMs)},"idle_heartbeat":${nanos(heartbeatMs)}}`)

/** What a reader knows when it wonders whether to ask for more. */
export interface Demand {
  /** At most this many can still be needed, those included that were asked for. */
  readonly wanted: number
  /** What the server said is still to come; null before it has said anything. */
  readonly pending: number | null
  /** What has come and was not polled. */
  readonly waiting: number
  readonly waitingBytes: number
  readonly maxBytes: number
}

interface PullRequest {
  readonly token: number
  readonly asked: number
  messages: number
}

export class PullWindow {
  private settings: PullSettings
  private openPulls = mostOpenPulls
  private readonly requests: PullRequest[] = []
  private tokens = 0
  /** Messages that were asked for and have not come. */
  outstanding = 0

  constructor(settings: PullSettings) {
    this.settings = settings
  }

  /** How this consumer may be asked. `openPulls`: how many requests may wait for an answer. */
  keepTo(settings: PullSettings, openPulls: number): void {
    this.settings = settings
    this.openPulls = Math.min(mostOpenPulls, openPulls)
  }

  get open(): number {
    return this.requests.length
  }

  /** For how many to ask next; 0 for none now. */
  next({ wanted, pending, waiting, waitingBytes, maxBytes }: Demand): number {
    const { openPulls } = this
    const { batch } = this.settings
    if (this.open >= openPulls || this.outstanding > batch * (openPulls - 1)) return 0
    const [mostMessages, mostBytes] = [openPulls * batch, pullsAhead * this.settings.maxBytes]
    const bytesAhead = waitingBytes + this.open * maxBytes
    const messagesAhead = waiting + this.outstanding
    if (this.open > 0 && (bytesAhead + maxBytes > mostBytes || messagesAhead + batch > mostMessages)) return 0
    if (waitingBytes >= mostBytes || waiting >= mostMessages) return 0
    // With nothing pending, one request waits for what comes; more would only be renewed for nothing.
    if (this.open > 0 && pending === 0) return 0
    return Math.max(0, Math.min(batch, wanted - this.outstanding))
  }

  /** Gives the token by which the server's word about this request will be known. */
  asked(messages: number): number {
    this.requests.push({ token: ++this.tokens, asked: messages, messages })
    this.outstanding += messages
    return this.tokens
  }

  /** Says whether the oldest request is served with it. */
  delivered(): boolean {
    const oldest = this.requests[0]
    if (oldest === undefined) return false
    this.outstanding--
    if (--oldest.messages > 0) return false
    this.requests.shift()
    return true
  }

  /** The server will not serve the rest of it. Gives whether it served none of it. */
  ended(token: number): boolean {
    const i = this.requests.findIndex(r => r.token === token)
    const request = this.requests[i]
    if (request === undefined) return false
    this.outstanding -= request.messages
    this.requests.splice(i, 1)
    return request.messages === request.asked
  }

  clear(): void {
    this.requests.length = 0
    this.outstanding = 0
  }
}
