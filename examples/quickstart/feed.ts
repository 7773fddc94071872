// The feed: views of a few pages over half an hour, out of order, some late, some not readable at all. The same seed gives the same bytes.

/** One message of the feed, with what it means for the result: null for one that cannot be read. */
export interface FeedEvent {
  readonly payload: Uint8Array
  readonly view: { readonly page: string; readonly at: number; readonly millis: number } | null
  readonly late: boolean
}

const pages = ['home', 'pricing', 'docs', 'blog', 'signup', 'status']
const firstMillis = Date.UTC(2026, 0, 1)
const spanMillis = 30 * 60_000

/** The disorder that the pipeline's watermark allows for is 10 s: these are on time wherever they come. */
const jitterMillis = 5_000
const lateShare = 0.02
/**
 * The watermark never passes the newest event, so one that is less than 5 minutes behind it lies in a window that ended less than 5
 * minutes ago: within the allowed lateness, always, whatever the batches. Were some later than that, which of them are dropped would
 * depend on how far the watermark happened to be, and nothing could be counted.
 */
const lateMillis = { least: 15_000, most: 4 * 60_000 }
const malformedShare = 0.01

export function* feed(events: number, seed: number): Generator<FeedEvent> {
  const random = mulberry32(seed)
  const between = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1))
  for (let i = 0; i < events; i++) {
    const now = firstMillis + lateMillis.most + Math.floor((i * spanMillis) / events)
    const late = random() < lateShare
    const at = now - (late ? between(lateMillis.least, lateMillis.most) : between(0, jitterMillis))
    // At least one millisecond: so each further pane of a window has a greater total than the one before.
    const view = { page: pages[between(0, pages.length - 1)] ?? 'home', at, millis: between(1, 30_000) }
    const text = JSON.stringify({ user: `user-${between(1, 5_000)}`, ...view })
    if (random() < malformedShare) yield { payload: malformed(text, between(0, 3)), view: null, late: false }
    else yield { payload: Buffer.from(text), view, late }
  }
}

const malformed = (text: string, kind: number): Uint8Array => {
  switch (kind) {
    case 0: // cut short
      return Buffer.from(text.slice(0, -10))
    case 1: // a field is missing
      return Buffer.from(text.replace(/"page":"\w+",/, ''))
    case 2: // a field has another type
      return Buffer.from(text.replace(/"millis":\d+/, '"millis":"a while"'))
    default: // not even text
      return Uint8Array.of(0xff, 0xfe, ...Buffer.from(text).subarray(2))
  }
}

/** Small and good enough: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
const mulberry32 = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
