// Watches the consumers that a pipeline creates: which requests still wait for an answer, and how many messages each new consumer counts.
import type { Msg, NatsConnection, Subscription } from '@nats-io/nats-core'

export interface CreatedConsumer {
  readonly stream: string
  readonly name: string
  /** The first sequence that it delivers; null where it begins otherwise. */
  readonly from: number | null
  readonly filtered: boolean
  /** When the request was seen, by `performance.now()`. */
  readonly askedAt: number
  /** What the server counts; null without an answer. */
  pending: number | null
}

interface CreateRequest {
  readonly stream_name: string
  readonly config: {
    readonly name?: string
    readonly opt_start_seq?: number
    readonly filter_subject?: string
    readonly filter_subjects?: ReadonlyArray<string>
  }
}
interface CreateAnswer {
  readonly name: string
  readonly num_pending: number
}

const answerType = 'consumer_create_response'
/** What Jetbeam calls consumers for which the user names none. */
export const ownPrefix = 'jetbeam_'
/** Longer than a healthy replica takes. */
const slowMs = 200
/** A client gives a request up after 2.5 s, and forgets the consumer. */
const givenUpMs = 2_300

export class ConsumerTap {
  readonly #subscriptions: ReadonlyArray<Subscription>
  readonly #created = new Map<string, CreatedConsumer>()

  constructor(nc: NatsConnection) {
    this.#subscriptions = [
      nc.subscribe('$JS.API.CONSUMER.CREATE.>', { callback: (_, message) => this.#onRequest(message) }),
      nc.subscribe('_INBOX.>', { callback: (_, message) => this.#onAnswer(message) }),
    ]
  }

  #onRequest(message: Msg): void {
    const { stream_name: stream, config } = message.json<CreateRequest>()
    const { name = '', opt_start_seq: from = null, filter_subject, filter_subjects } = config
    if (!name.startsWith(ownPrefix)) return
    const filtered = filter_subject !== undefined || filter_subjects !== undefined
    this.#created.set(name, { stream, name, from, filtered, askedAt: performance.now(), pending: null })
  }

  #onAnswer(message: Msg): void {
    if (message.data.length > 10_000 || !message.string().includes(answerType)) return
    const { name, num_pending } = message.json<CreateAnswer>()
    const created = this.#created.get(name)
    // Behind that time the pipeline no longer uses it.
    if (created !== undefined && performance.now() - created.askedAt < givenUpMs) created.pending = num_pending
  }

  get created(): ReadonlyArray<CreatedConsumer> {
    return [...this.#created.values()]
  }

  get count(): number {
    return this.#created.size
  }

  /** Milliseconds since the newest request. */
  get sinceNewestMs(): number {
    return performance.now() - Math.max(...[...this.#created.values()].map(({ askedAt }) => askedAt))
  }

  /** Requests that a healthy replica would have answered. */
  get waiting(): ReadonlyArray<CreatedConsumer> {
    const now = performance.now()
    return [...this.#created.values()].filter(
      ({ pending, askedAt }) => pending === null && now - askedAt > slowMs && now - askedAt < givenUpMs,
    )
  }

  isWaiting(): boolean {
    return this.waiting.length > 0
  }

  /** Consumers that count fewer messages than the stream had from their first sequence up to `last`. */
  below(last: ReadonlyMap<string, number>): ReadonlyArray<CreatedConsumer> {
    return [...this.#created.values()].filter(({ stream, from, filtered, pending }) => {
      const end = last.get(stream)
      return !filtered && from !== null && pending !== null && end !== undefined && pending < end - from + 1
    })
  }

  stop(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe()
  }
}
