// The changes of a web service, as they come: a source of one's own, that polls page by page and waits where there is nothing new.
//
//   node --import tsx -C jetbeam-source examples/changes.ts --url http://127.0.0.1:8080/changes --to changes.txt
import * as O from 'fp-ts/lib/Option.js'
import {
  Coder,
  Create,
  Instant,
  millis,
  named,
  PCollection,
  Pipeline,
  Restriction,
  Splittable,
  Timestamped,
  WatermarkEstimator,
  pipe,
  resumeAfter,
  stop,
} from 'jetbeam'
import { main } from 'jetbeam/cli'
import { TextIO } from 'jetbeam/io/text'
import { z } from 'zod'

const page = z.object({ items: z.array(z.object({ seq: z.number(), id: z.string(), changed: z.number() })), more: z.boolean() })

/** Changes by sequence, `from` to `to` (exclusive; null: without end). */
export const changeRange = Restriction.of({
  coder: Coder.json(z.object({ from: z.number(), to: z.number().nullable() })),
  contains: ({ from, to }, seq: number) => seq >= from && (to === null || seq < to),
  split: ({ from, to }, last, fraction) => {
    const next = pipe(
      last,
      O.match(
        () => from,
        seq => seq + 1,
      ),
    )
    if (to === null)
      return O.some([
        { from, to: next },
        { from: next, to: null },
      ])
    const at = next + Math.ceil((to - next) * fraction)
    return at >= to
      ? O.none
      : O.some([
          { from, to: at },
          { from: at, to },
        ])
  },
  progress: ({ from, to }, last) => {
    const done = pipe(
      last,
      O.match(
        () => 0,
        seq => seq + 1 - from,
      ),
    )
    return { done, remaining: to === null ? 1 : to - from - done }
  },
  isDone: ({ to }, last) => to !== null && O.isSome(last) && last.value >= to - 1,
})

export const readChanges = (everyMs: number) =>
  Splittable.read({
    restriction: changeRange,
    watermark: WatermarkEstimator.manual,
    isBounded: false,
    initial: (_url: string) => ({ from: 0, to: null }),
    async *process(url, tracker, { watermark, signal }) {
      for (let from = tracker.restriction.from; ;) {
        const { items, more } = page.parse(await (await fetch(`${url}?from=${from}`, { signal })).json())
        const mine = items.filter(item => tracker.tryClaim(item.seq))
        yield mine.map(item => pipe(item, Timestamped.at(Instant.ofMillis(item.changed))))
        const newest = mine.at(-1)
        if (mine.length < items.length) return stop // the rest is someone else's
        if (newest !== undefined) {
          watermark.advanceTo(Instant.ofMillis(newest.changed))
          from = newest.seq + 1
        }
        if (!more) return resumeAfter(millis(everyMs))
      }
    },
  })

const options = z.object({
  url: z.string().describe('where the changes are: it answers ?from=N with { items, more }'),
  to: z.string().default('changes.txt').describe('the file that their ids go to'),
  poll: z.coerce.number().default(5_000).describe('how long to wait where there is nothing new, in milliseconds'),
})

export const changes = Pipeline.define(import.meta, 'changes', options, ({ url, to, poll }) =>
  pipe(
    Create.of([url]),
    named('ReadChanges', readChanges(poll)),
    PCollection.map(change => `${change.seq} ${change.id}`),
    TextIO.write(to),
  ),
)

await main(import.meta, changes)
