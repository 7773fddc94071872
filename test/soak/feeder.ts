// Publishes to the streams that the soak reads: as much as the job keeps up with, and a message a second to one of them.
import { jetstream, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect } from '@nats-io/transport-node'
import { bucketName, streamNames } from './streams.ts'

/** Messages that the job has not read yet: more would only fill the server. */
const mostAhead = 20_000
const atOnce = 250
const senders = 20
const quietMs = 1_000
const pauseMs = 20
/** Bounds the server's files: far more than the job is ever behind. */
const kept = { max_msgs: 300_000 } as const

export class Feeder {
  readonly #nc: NatsConnection
  readonly #isRunning: () => boolean
  readonly #read: () => number
  /** Whether the queue is read. */
  readonly #queue: boolean
  #published = 0

  private constructor(nc: NatsConnection, o: { readonly isRunning: () => boolean; readonly read: () => number; readonly queue: boolean }) {
    this.#nc = nc
    this.#isRunning = o.isRunning
    this.#read = o.read
    this.#queue = o.queue
  }

  /** Makes the streams and the bucket. `read`: how many messages the job has read. */
  static async make(
    url: string,
    o: { readonly isRunning: () => boolean; readonly read: () => number; readonly queue: boolean },
  ): Promise<Feeder> {
    const nc = await connect({ servers: url })
    const { streams } = await jetstreamManager(nc)
    const { busy, senders: bySender, quiet, queue, copied, summed } = streamNames
    for (const name of [busy, quiet]) await streams.add({ name, subjects: [name.toLowerCase()], storage: StorageType.File, ...kept })
    await streams.add({ name: bySender, subjects: ['senders.*'], storage: StorageType.File, ...kept })
    await streams.add({ name: queue, subjects: ['queue'], storage: StorageType.File, retention: RetentionPolicy.Workqueue })
    for (const name of [copied, summed]) await streams.add({ name, subjects: [name.toLowerCase()], storage: StorageType.File })
    // A key-value bucket, as the client library makes it.
    await streams.add({ name: `KV_${bucketName}`, subjects: [`$KV.${bucketName}.>`], max_msgs_per_subject: 1, allow_rollup_hdrs: true })
    return new Feeder(nc, o)
  }

  /** Until the run is over. */
  async feed(): Promise<void> {
    const js = jetstream(this.#nc)
    let [n, quietAt] = [0, 0]
    while (this.#isRunning()) {
      if (this.#published - this.#read() < mostAhead) {
        const texts = Array.from({ length: atOnce }, () => String(n++))
        await Promise.all(
          texts.flatMap((text, i) => [
            js.publish('busy', text),
            js.publish(`senders.${i % senders}`, text),
            ...(this.#queue ? [js.publish('queue', text)] : []),
          ]),
        )
        this.#published += (this.#queue ? 3 : 2) * atOnce
      }
      if (Date.now() >= quietAt) {
        await js.publish('quiet', String(n))
        this.#published++
        quietAt = Date.now() + quietMs
      }
      await new Promise(resolve => setTimeout(resolve, pauseMs))
    }
  }

  /** How many consumers the streams have: a reader that is gone leaves none. */
  async consumers(): Promise<number> {
    const { streams } = await jetstreamManager(this.#nc)
    let count = 0
    for (const name of Object.values(streamNames)) count += (await streams.info(name)).state.consumer_count
    return count
  }

  close(): Promise<void> {
    return this.#nc.close()
  }
}
