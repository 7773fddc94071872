// What the crash test feeds: numbered events, ten milliseconds of event time apart, every hundredth malformed.

export interface Event {
  readonly key: string
  readonly value: number
  /** Milliseconds. */
  readonly at: number
}

export const isEvent = (value: unknown): value is Event => {
  const event = value as Partial<Event> | null
  return (
    typeof event === 'object' &&
    event !== null &&
    typeof event.key === 'string' &&
    typeof event.value === 'number' &&
    typeof event.at === 'number'
  )
}

const keys = 5

/** Number `index` of the feed; null for a malformed one. */
export const eventAt = (index: number): Event | null =>
  index % 100 === 99 ? null : { key: `k${index % keys}`, value: index, at: 1_000_000 + index * 10 }

/** Far behind all others in time: the watermark passes every window but its own. */
export const lastEvent: Event = { key: 'end', value: 0, at: 1_000_000_000_000 }

export const encodeEvent = (index: number): Uint8Array => {
  const event = eventAt(index)
  return Buffer.from(event === null ? `malformed ${index}` : JSON.stringify(event))
}

/** What the windowed pipeline should say of the first `count` events: by key and second. */
export const expectedSums = (count: number): ReadonlyMap<string, number> => {
  const sums = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const event = eventAt(i)
    if (event === null) continue
    const id = `${event.key} ${Math.floor(event.at / 1_000) * 1_000}`
    sums.set(id, (sums.get(id) ?? 0) + event.value)
  }
  return sums
}
