// Pipelines with one part that takes much longer than the rest.
import { setTimeout as sleep } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'
import {
  Count,
  Create,
  FixedWindows,
  Instant,
  Metrics,
  millis,
  OffsetRange,
  PCollection,
  Pipeline,
  pipe,
  Splittable,
  stop,
  Timestamped,
  WatermarkEstimator,
  Window,
} from '../../../sdk/index.ts'
import type { PCollection as Collection } from '../../../sdk/graph/pcollection.ts'
import { PAssert, containsInAnyOrder } from '../../../sdk/testing/index.ts'

/** Counts where each element is looked at. */
const byThread = <A>(numbers: Collection<A>): Collection<A> =>
  pipe(
    numbers,
    PCollection.map(n => {
      Metrics.counter(`on thread ${threadId}`).inc()
      return n
    }),
  )

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
      PCollection.map(n => {
        for (const until = performance.now() + (n < elements / 2 ? 0.05 : 0); performance.now() < until;);
        return n
      }),
      byThread,
    ),
    elements / windows,
  ),
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
