// The streams around the pipeline: made, filled with the feed, and read back.
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import type { FeedEvent } from './feed.ts'

export interface StoredMessage {
  readonly payload: Uint8Array
  readonly header: (name: string) => string
}

export interface Streams {
  /** Resolves when the stream has stored all of them. */
  readonly publish: (feed: ReadonlyArray<FeedEvent>) => Promise<void>
  readonly read: (stream: string) => Promise<ReadonlyArray<StoredMessage>>
  readonly close: () => Promise<void>
}

/** Makes VIEWS, which the pipeline reads, and REJECTED and TOTALS, which it writes: a sink makes no stream. */
export const openStreams = async (url: string): Promise<Streams> => {
  const nc = await connect({ servers: url })
  const jsm = await jetstreamManager(nc)
  await jsm.streams.add({ name: 'VIEWS', subjects: ['views'] })
  await jsm.streams.add({ name: 'REJECTED', subjects: ['views.rejected'] })
  await jsm.streams.add({ name: 'TOTALS', subjects: ['totals.>'] })
  return {
    publish: feed => publish(nc, jsm, feed),
    read: stream => read(nc, jsm, stream),
    close: () => nc.close(),
  }
}

const flushEvery = 1_000
const mostWaits = 1_000

/** Without an acknowledgement for each: that all are there, in order, is asked once at the end. */
const publish = async (nc: NatsConnection, jsm: JetStreamManager, feed: ReadonlyArray<FeedEvent>): Promise<void> => {
  for (const [i, { payload }] of feed.entries()) {
    nc.publish('views', payload)
    if (i % flushEvery === flushEvery - 1) await nc.flush()
  }
  await nc.flush()
  for (let waits = 0; waits < mostWaits; waits++) {
    const { state } = await jsm.streams.info('VIEWS')
    if (state.messages === feed.length) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error('the stream VIEWS did not store the whole feed')
}

const read = async (nc: NatsConnection, jsm: JetStreamManager, stream: string): Promise<ReadonlyArray<StoredMessage>> => {
  const { state } = await jsm.streams.info(stream)
  const stored: StoredMessage[] = []
  if (state.messages === 0) return stored
  const consumer = await jetstream(nc).consumers.get(stream)
  const messages = await consumer.consume()
  for await (const message of messages) {
    const { headers } = message
    stored.push({ payload: message.data, header: name => headers?.get(name) ?? '' })
    if (message.info.pending === 0) break
  }
  return stored
}
