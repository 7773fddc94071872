// 600,000 numbered messages of one size, and what a window a second makes of them.
import { jetstreamManager } from '@nats-io/jetstream'
import { createInbox, type NatsConnection } from '@nats-io/nats-core'

export const messageCount = 600_000
const payloadBytes = 128
const keys = 400
const perSecond = 1_000

export const indexOf = (bytes: Uint8Array): number => {
  let n = 0
  for (let i = 0; i < bytes.length; i++) {
    const digit = (bytes[i] ?? 0) - 48
    if (digit < 0) return n
    n = n * 10 + digit
  }
  return n
}

/** Milliseconds of event time. */
export const timeOf = (index: number): number => 1_000_000_000 + Math.floor((index * 1_000) / perSecond)
export const keyOf = (index: number): string => `k${index % keys}`

const encoder = new TextEncoder()
/** Filled up with blanks. */
export const payloadOf = (text: string): Uint8Array => {
  const bytes = new Uint8Array(payloadBytes).fill(32)
  encoder.encodeInto(text, bytes)
  return bytes
}

/** The texts of all sums by key and second. */
export const expectedSums = (): ReadonlySet<string> => {
  const texts = new Set<string>()
  for (let first = 0; first < messageCount; first += perSecond) {
    const sums = new Float64Array(keys)
    for (let i = first; i < first + perSecond; i++) sums[i % keys] = (sums[i % keys] ?? 0) + i
    sums.forEach((sum, key) => texts.add(`k${key} ${timeOf(first)} ${sum}`))
  }
  return texts
}

/** At most so many unacknowledged: a server drops what its queue has no room for. */
const batch = 2_000

export const fillStream = async (nc: NatsConnection): Promise<void> => {
  const jsm = await jetstreamManager(nc)
  await jsm.streams.add({ name: 'MANY', subjects: ['many'] })
  const reply = createInbox()
  let acknowledged = 0
  let wake = (): void => undefined
  const acks = nc.subscribe(reply, {
    callback: () => {
      acknowledged++
      wake()
    },
  })
  for (let i = 0; i < messageCount; i++) {
    while (i - acknowledged >= batch) await new Promise<void>(resolve => (wake = resolve))
    nc.publish('many', payloadOf(String(i)), { reply })
  }
  while (acknowledged < messageCount) await new Promise<void>(resolve => (wake = resolve))
  acks.unsubscribe()
  const { messages } = (await jsm.streams.info('MANY')).state
  if (messages !== messageCount) throw new Error(`the stream took ${messages} messages of ${messageCount}`)
}
