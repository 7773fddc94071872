// What should have come out, by a plain loop over the feed that knows nothing of pipelines; and how that compares with what did.
import type { FeedEvent } from './feed.ts'
import type { StoredMessage } from './streams.ts'

export interface Expected {
  readonly events: number
  readonly late: number
  /** Milliseconds looked at, by page and minute: see {@link windowName}. */
  readonly totals: ReadonlyMap<string, number>
  /** By sequence in the stream, which counts the feed from 1. */
  readonly malformed: ReadonlyMap<number, Uint8Array>
}

const windowName = (page: string, minute: number): string => `${page} ${new Date(minute).toISOString()}`

export const expectedOf = (feed: ReadonlyArray<FeedEvent>): Expected => {
  const totals = new Map<string, number>()
  const malformed = new Map<number, Uint8Array>()
  let late = 0
  feed.forEach((event, i) => {
    if (event.late) late++
    if (event.view === null) return void malformed.set(i + 1, event.payload)
    const { page, at, millis } = event.view
    const name = windowName(page, at - (at % 60_000))
    totals.set(name, (totals.get(name) ?? 0) + millis)
  })
  return { events: feed.length, late, totals, malformed }
}

export interface Comparison {
  readonly windows: number
  readonly panes: number
  readonly deadLetters: number
  /** Each in words. */
  readonly lost: ReadonlyArray<string>
  readonly duplicated: ReadonlyArray<string>
}

/** `totals` and `rejected` in the order of their streams. A late event gives its window another pane: the last one counts. */
export const compare = (expected: Expected, totals: ReadonlyArray<StoredMessage>, rejected: ReadonlyArray<StoredMessage>): Comparison => {
  const lost: string[] = []
  const duplicated: string[] = []
  const newest = new Map<string, number>()
  for (const { payload } of totals) {
    const { page, minute, millis } = JSON.parse(Buffer.from(payload).toString()) as {
      readonly page: string
      readonly minute: number
      readonly millis: number
    } // as page-time writes it
    const name = windowName(page, minute)
    const before = newest.get(name)
    // Panes accumulate, and every view lasts a millisecond at least.
    if (before !== undefined && millis <= before) duplicated.push(`${name}: ${millis} ms came after ${before} ms`)
    newest.set(name, millis)
  }
  for (const [name, total] of expected.totals) {
    const found = newest.get(name) ?? 0
    if (found < total) lost.push(`${name}: ${found} ms of ${total} ms`)
    if (found > total) duplicated.push(`${name}: ${found} ms instead of ${total} ms`)
  }
  for (const name of newest.keys()) if (!expected.totals.has(name)) duplicated.push(`${name}: nobody looked at it then`)
  const found = new Set<number>()
  for (const { payload, header } of rejected) {
    const sequence = Number(header('Jetbeam-Sequence'))
    const sent = expected.malformed.get(sequence)
    if (sent === undefined) duplicated.push(`message ${sequence} was rejected, and it can be read`)
    else if (found.has(sequence)) duplicated.push(`message ${sequence} was rejected twice`)
    else if (Buffer.compare(sent, payload) !== 0) lost.push(`message ${sequence} was rejected with other bytes than it had`)
    found.add(sequence)
  }
  for (const sequence of expected.malformed.keys())
    if (!found.has(sequence)) lost.push(`message ${sequence}, which cannot be read, was not rejected`)
  return { windows: newest.size, panes: totals.length, deadLetters: rejected.length, lost, duplicated }
}
