// Counts what a crash test's pipeline has left in its destinations: each input's effect must be there once.
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { isMarker } from '../../io/jetstream/marker-subject.ts'
import { encodeEvent, eventAt, expectedSums, lastEvent } from './events.ts'

export interface Counts {
  readonly lost: number
  readonly duplicated: number
  /** Present, and not what it should be. */
  readonly wrong: number
  /** Some of what was lost, repeated or wrong, to look into. */
  readonly examples: ReadonlyArray<string>
}

const readMs = 30_000

export const countRelay = async (nc: NatsConnection, published: number): Promise<Counts> => {
  const expected = Array.from({ length: published }, (_, i) => Buffer.from(encodeEvent(i)).toString())
  return compare([...expected, JSON.stringify(lastEvent)], await payloads(nc, 'OUT'))
}

export const countWindows = async (nc: NatsConnection, published: number): Promise<Counts> => {
  const sums = [...expectedSums(published)].map(([id, sum]) => `${id} ${sum}`)
  const totals = (await payloads(nc, 'OUT')).map(text => {
    const { key, sum, second } = JSON.parse(text) as { readonly key: string; readonly sum: number; readonly second: number }
    return `${key} ${second} ${sum}`
  })
  const malformed = Array.from({ length: published }, (_, i) => i)
    .filter(i => eventAt(i) === null)
    .map(i => `malformed ${i}`)
  const [windows, rejects] = [compare(sums, totals), compare(malformed, await payloads(nc, 'REJECTED'))]
  return {
    lost: windows.lost + rejects.lost,
    duplicated: windows.duplicated + rejects.duplicated,
    wrong: windows.wrong + rejects.wrong,
    examples: [...windows.examples, ...rejects.examples],
  }
}

const compare = (expected: ReadonlyArray<string>, actual: ReadonlyArray<string>): Counts => {
  const seen = new Map<string, number>()
  for (const text of actual) seen.set(text, (seen.get(text) ?? 0) + 1)
  const wanted = new Set(expected)
  const lost = expected.filter(text => !seen.has(text))
  const repeated = [...seen].filter(([, times]) => times > 1).map(([text]) => text)
  const wrong = [...seen.keys()].filter(text => !wanted.has(text))
  return {
    lost: lost.length,
    duplicated: [...seen.values()].reduce((sum, times) => sum + times - 1, 0),
    wrong: wrong.length,
    examples: [...some('lost', lost), ...some('repeated', repeated), ...some('wrong', wrong)],
  }
}

const some = (what: string, texts: ReadonlyArray<string>): ReadonlyArray<string> => texts.slice(0, 5).map(text => `${what}: ${text}`)

interface Stored {
  readonly subject: string
  readonly text: string
}

const payloads = async (nc: NatsConnection, stream: string): Promise<ReadonlyArray<string>> =>
  (await messagesOf(nc, stream)).map(({ text }) => text)

/** All of a stream but markers, in order. Rejects where that takes too long. */
export const messagesOf = async (nc: NatsConnection, stream: string): Promise<ReadonlyArray<Stored>> => {
  const { last_seq: end } = (await (await jetstreamManager(nc)).streams.info(stream)).state
  const consumer = await jetstream(nc).consumers.get(stream)
  const bySequence = new Map<number, Stored>()
  const deadline = Date.now() + readMs
  for (let last = 0; last < end;) {
    if (Date.now() > deadline) throw new Error(`${stream} ends at ${end}, and within ${readMs} ms came up to ${last}`)
    // A cluster that looks for a leader gives nothing, although there is more.
    for await (const message of await consumer.fetch({ max_messages: Math.min(5_000, end - last), expires: 1_000 })) {
      if (!isMarker(message.subject)) bySequence.set(message.seq, { subject: message.subject, text: message.string() })
      last = message.seq
    }
  }
  return [...bySequence.values()]
}
