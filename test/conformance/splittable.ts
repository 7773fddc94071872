// Splittable DoFns: restrictions that are split, put aside and read again, however elements come together.
import {
  Combine,
  Create,
  Instant,
  millis,
  OffsetRange,
  PCollection,
  pipe,
  Pipeline,
  Reify,
  resumeAfter,
  Reshuffle,
  SlidingWindows,
  Splittable,
  stop,
  Timestamped,
  FixedWindows,
  WatermarkEstimator,
  Window,
} from '../../sdk/index.ts'
import { containsInAnyOrder, PAssert } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'

const upTo = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)

/** Counts to its element, three positions a batch, and rests between two where it is told to. */
const counting = (restMs: number | null) =>
  Splittable.read({
    restriction: OffsetRange,
    watermark: WatermarkEstimator.monotonic,
    isBounded: true,
    initial: (n: number) => Promise.resolve(OffsetRange.of(0, n)),
    initialSplit: (_, { from, to }, desired) =>
      upTo(desired).map(i =>
        OffsetRange.of(from + Math.floor(((to - from) * i) / desired), from + Math.floor(((to - from) * (i + 1)) / desired)),
      ),
    async *process(n, tracker) {
      for (let from = tracker.restriction.from; ;) {
        await Promise.resolve()
        const { to } = tracker.restriction
        const positions = upTo(Math.max(0, Math.min(3, to - from))).map(i => from + i)
        const mine = positions.slice(0, tracker.tryClaimAll(positions))
        await Promise.resolve()
        yield mine.map(at => pipe([n, at] as const, Timestamped.at(Instant.ofMillis(at))))
        from += mine.length
        if (mine.length < 3) return stop
        if (restMs !== null) return resumeAfter(millis(restMs))
      }
    },
  })

const lengths = [7, 0, 20, 1]
const expected = lengths.flatMap(n => upTo(n).map(at => [n, at] as const))

export const claimed = Pipeline.define(import.meta, 'claimed', () =>
  pipe(Create.of(lengths), Reshuffle.of, counting(null), PAssert.that(containsInAnyOrder(expected)), PCollection.ignore),
)

export const rested = Pipeline.define(import.meta, 'rested', () =>
  pipe(Create.of(lengths), Reshuffle.of, counting(1), PAssert.that(containsInAnyOrder(expected)), PCollection.ignore),
)

/** A restriction that is put aside holds the watermark: nothing that comes of it later is late. */
export const onTime = Pipeline.define(import.meta, 'onTime', () =>
  pipe(
    Create.of([20]),
    counting(1),
    Window.into(FixedWindows.of(millis(5))),
    PCollection.keyBy(() => 'all'),
    PCollection.mapValues(() => 1),
    Combine.perKey({ concat: (a: number, b: number) => a + b, empty: 0 }),
    Reify.windowed,
    PCollection.map(({ value: [, n], window, pane }) => [window.start as number, n, pane.timing] as const),
    PAssert.that(containsInAnyOrder([0, 5, 10, 15].map(start => [start, 5, 'onTime'] as const))),
    PCollection.ignore,
  ),
)

/** An element in several windows is read once, and its outputs are in all of them. */
export const windowed = Pipeline.define(import.meta, 'windowed', () =>
  pipe(
    Create.of([2]),
    PCollection.withTimestamps(() => Instant.ofMillis(10)),
    Window.into(SlidingWindows.of(millis(10), { every: millis(5) })),
    counting(null),
    Reify.windowed,
    PCollection.map(({ value: [, at], window, timestamp }) => [at, window.start as number, timestamp as number] as const),
    PAssert.that(containsInAnyOrder([0, 1].flatMap(at => [5, 10].map(start => [at, start, at] as const)))),
    PCollection.ignore,
  ),
)

/** What one reads is what another is told to read. */
export const chained = Pipeline.define(import.meta, 'chained', () =>
  pipe(
    Create.of([4]),
    counting(null),
    PCollection.map(([, at]) => at),
    counting(1),
    PAssert.that(containsInAnyOrder([1, 2, 3].flatMap(n => upTo(n).map(at => [n, at] as const)))),
    PCollection.ignore,
  ),
)

export const splittableCases: ReadonlyArray<Case> = [
  { says: 'each position of each restriction is handed on once, whatever is split', pipeline: claimed },
  { says: 'a restriction that is put aside again and again is read to its end', pipeline: rested },
  { says: 'what is put aside holds the watermark', pipeline: onTime },
  { says: 'outputs are in all windows of their element, which is read once', pipeline: windowed },
  { says: 'a splittable DoFn reads what another describes', pipeline: chained },
]
