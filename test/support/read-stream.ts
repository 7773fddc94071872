// Everything that is in a stream, in order, as fast as the server gives it.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'

/** Calls `each` with every message that is there now; gives how many there were. */
export const readStream = async (
  nc: NatsConnection,
  stream: string,
  each: (payload: Uint8Array, subject: string) => void,
): Promise<number> => {
  const { messages: total } = (await (await jetstreamManager(nc)).streams.info(stream)).state
  if (total === 0) return 0
  const consumer = await jetstream(nc).consumers.get(stream)
  let read = 0
  const messages = await consumer.consume({ max_messages: 4_096, expires: 5_000 })
  for await (const message of messages) {
    each(message.data, message.subject)
    read++
    if (message.info.pending === 0) break
  }
  messages.stop()
  return read
}

/** As texts. */
export const streamTexts = async (nc: NatsConnection, stream: string): Promise<ReadonlyArray<string>> => {
  const texts: string[] = []
  await readStream(nc, stream, payload => texts.push(Buffer.from(payload).toString()))
  return texts
}
