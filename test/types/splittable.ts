// Splittable DoFns and sources of one's own: nothing is annotated, and what must not compile.
import * as O from 'fp-ts/lib/Option.js'
import {
  Coder,
  Create,
  Instant,
  OffsetRange,
  PCollection,
  Restriction,
  type RestrictionTracker,
  type Source,
  Splittable,
  Timestamped,
  WatermarkEstimator,
  pipe,
  resumeAfter,
  seconds,
  stop,
} from 'jetbeam'
import { z } from 'zod'
import { type Same, is } from './equality.ts'

const page = z.object({ items: z.array(z.object({ seq: z.number(), id: z.string(), changed: z.number() })), more: z.boolean() })

export const changeRange = Restriction.of({
  coder: Coder.json(z.object({ from: z.number(), to: z.number().nullable() })),
  contains: ({ from, to }, seq: number) => seq >= from && (to === null || seq < to),
  split: ({ from, to }, last, fraction) => {
    const next = pipe(last, O.match(() => from, seq => seq + 1))
    if (to === null) return O.some([{ from, to: next }, { from: next, to: null }])
    const at = next + Math.ceil((to - next) * fraction)
    return at >= to ? O.none : O.some([{ from, to: at }, { from: at, to }])
  },
  progress: ({ from, to }, last) => {
    const done = pipe(last, O.match(() => 0, seq => seq + 1 - from))
    return { done, remaining: to === null ? 1 : to - from - done }
  },
  isDone: ({ to }, last) => to !== null && O.isSome(last) && last.value >= to - 1,
})

export const changes = pipe(
  Create.of(['https://api.example/changes']),
  Splittable.read({
    restriction: changeRange,
    watermark: WatermarkEstimator.manual,
    isBounded: false,
    initial: () => ({ from: 0, to: null }),
    async *process(url, tracker, { watermark, signal }) {
      for (let from = tracker.restriction.from; ;) {
        const { items, more } = page.parse(await (await fetch(`${url}?from=${from}`, { signal })).json())
        const mine = items.filter(item => tracker.tryClaim(item.seq))
        yield mine.map(item => pipe(item, Timestamped.at(Instant.ofMillis(item.changed))))
        const newest = mine.at(-1)
        if (mine.length < items.length) return stop
        if (newest !== undefined) { watermark.advanceTo(Instant.ofMillis(newest.changed)); from = newest.seq + 1 }
        if (!more) return resumeAfter(seconds(5))
      }
    },
  }),
)

const newest = WatermarkEstimator.of({ coder: Coder.instant, initial: Instant.min, observe: (s, t) => (t > s ? t : s), current: s => s })

declare const rows: Source<{ readonly bytes: string; readonly at: Instant }>
export const own = Splittable.source({ source: rows, decode: row => row.bytes.length, timestamp: (n, row) => (n > 0 ? row.at : Instant.min), movesWatermark: n => n > 0 })

const counted = pipe(
  Create.of([3, 4]),
  Splittable.read({
    restriction: OffsetRange,
    watermark: newest,
    isBounded: true,
    initial: n => Promise.resolve(OffsetRange.of(0, n)),
    initialSplit: (n, { to }, desired) => [OffsetRange.of(0, Math.min(n, desired, to)), OffsetRange.of(Math.min(n, desired, to), to)],
    truncate: (n, r) => (n > 3 ? O.some(r) : O.none),
    async *process(n, tracker, { watermark }) {
      const all = [n, n + 1]
      yield all.slice(0, tracker.tryClaimAll(all)).map(p => pipe({ p, at: watermark.current } as const, Timestamped.at(Instant.min)))
      return stop
    },
  }),
)

export const checks: Same = [
  is<PCollection<{ seq: number; id: string; changed: number }>>()(changes),
  is<PCollection<string>>()(pipe(changes, PCollection.map(change => change.id))),
  is<Restriction<{ from: number; to: number | null }, number>>()(changeRange),
  is<WatermarkEstimator<{ readonly current: Instant }>>()(newest),
  is<PCollection<number>>()(own),
  is<PCollection<{ readonly p: number; readonly at: Instant }>>()(counted),
]

const base = { restriction: OffsetRange, watermark: WatermarkEstimator.monotonic, isBounded: true, initial: () => OffsetRange.of(0, 1) } as const
declare const urls: PCollection<string>

// @ts-expect-error no continuation at the end
export const n1 = pipe(urls, Splittable.read({ ...base, async *process(url) { yield [pipe(url, Timestamped.at(Instant.min))] } }))
// @ts-expect-error a bare value
export const n2 = pipe(urls, Splittable.read({ ...base, async *process(url) { yield [url]; return stop } }))
// @ts-expect-error a position of another type
export const n3 = pipe(urls, Splittable.read({ ...base, async *process(url, tracker: RestrictionTracker<OffsetRange, number>) { tracker.tryClaim(url); yield []; return stop } }))
// @ts-expect-error a restriction of another kind
export const n4 = pipe(urls, Splittable.read({ ...base, initial: () => ({ page: 1 }), async *process() { yield []; return stop } }))
// @ts-expect-error only the manual estimator is moved by hand
export const n5 = pipe(urls, Splittable.read({ ...base, async *process(_, _tracker, { watermark }) { watermark.advanceTo(Instant.min); yield []; return stop } }))
// @ts-expect-error milliseconds are no duration
export const n6 = resumeAfter(5_000)
// @ts-expect-error a number is no instant
export const n7 = Splittable.source({ source: rows, decode: row => row.bytes, timestamp: () => 0 })
