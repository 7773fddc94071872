// Pipelines with one part that takes much longer than the rest.
import * as O from 'fp-ts/lib/Option.js'
import { setTimeout as sleep } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'
import {
  Count,
  Create,
  FixedWindows,
  Flatten,
  Instant,
  KV,
  Metrics,
  millis,
  OffsetRange,
  PCollection,
  Pipeline,
  pipe,
  Splittable,
  stop,
  Timestamped,
  View,
  WatermarkEstimator,
  Window,
} from '../../../sdk/index.ts'
import type { PCollection as Collection } from '../../../sdk/graph/pcollection.ts'
import { PAssert, containsInAnyOrder } from '../../../sdk/testing/index.ts'
import { numberSource } from '../../support/number-source.ts'

/** Counts where each element is looked at. */
const byThread = <A>(numbers: Collection<A>): Collection<A> =>
  pipe(
    numbers,
    PCollection.map(n => {
      Metrics.counter(`on thread ${threadId}`).inc()
      return n
    }),
  )

const slow = (isSlow: (n: number) => boolean): ((numbers: Collection<number>) => Collection<number>) =>
  PCollection.map(n => {
    for (const until = performance.now() + (isSlow(n) ? 0.05 : 0); performance.now() < until;);
    return n
  })

const windows = 30

/** In each window as many: one whose watermark had come too early would have dropped some. */
const countsPerWindow = (numbers: Collection<number>, each: number) =>
  pipe(
    numbers,
    Window.into(FixedWindows.of(millis(10))),
    PCollection.keyBy(() => 'all'),
    Count.perKey,
    PCollection.map(([, n]) => n),
    PAssert.that(containsInAnyOrder(Array.from({ length: windows }, () => each))),
    PCollection.ignore,
  )

const elements = 30_000

/** The first half of what is created takes a hundred times as long. */
export const slowHalf = Pipeline.define(import.meta, 'slow-half', () =>
  countsPerWindow(
    pipe(
      Create.of(Array.from({ length: elements }, (_, i) => i)),
      PCollection.withTimestamps(n => Instant.ofMillis(n % 300)),
      slow(n => n < elements / 2),
      byThread,
    ),
    elements / windows,
  ),
)

const backlog = 6_000

/** A read without an end: two of three workers have the backlog, whose first half takes a hundred times as long, and one what comes behind it. */
const slowBacklog = numberSource({
  label: 'backlog',
  isBounded: false,
  divisible: true,
  rangesOf: () => [
    { from: 0, to: backlog / 2 },
    { from: backlog / 2, to: backlog },
    { from: backlog, to: null },
  ],
})

/** A table of what was read waits until all that was there is in it. */
export const tableOfBacklog = Pipeline.define(import.meta, 'table-of-backlog', () => {
  const table = pipe(
    Splittable.source({ source: slowBacklog, decode: n => n, timestamp: n => Instant.ofMillis(n) }),
    slow(n => n < backlog / 2),
    byThread,
    PCollection.map(n => KV.of(n, O.some(n))),
    View.asTable,
  )
  return pipe(
    Create.of(Array.from({ length: backlog }, (_, n) => n)),
    PCollection.mapWith({ table }, (n, { table }) => {
      Metrics.counter(table.has(n) ? 'in the table' : 'too early').inc()
      return n
    }),
    PCollection.ignore,
  )
})

const single = (label: string): Collection<number> =>
  Splittable.source({
    source: numberSource({ label, rangesOf: () => [{ from: 0, to: 10 }] }),
    decode: n => n,
    timestamp: () => Instant.min,
  })

/** Two sources, and one split in each. */
export const twoSingles = Pipeline.define(import.meta, 'two-singles', () =>
  pipe(Flatten.of(single('one'), single('two')), byThread, PCollection.ignore),
)

/** One element, read slowly by one generator. */
export const oneRange = Pipeline.define(import.meta, 'one-range', () =>
  countsPerWindow(
    pipe(
      Create.of([300]),
      Splittable.read({
        restriction: OffsetRange,
        watermark: WatermarkEstimator.monotonic,
        isBounded: true,
        initial: (n: number) => OffsetRange.of(0, n),
        async *process(_, tracker) {
          for (let at = tracker.restriction.from; tracker.tryClaim(at); at++) {
            await sleep(4)
            yield [pipe(at, Timestamped.at(Instant.ofMillis(at)))]
          }
          return stop
        },
      }),
      byThread,
    ),
    10,
  ),
)
