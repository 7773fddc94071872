// Into which windows elements come, how windows grow together, and which timestamp comes out of them.
import {
  CalendarWindows,
  Coder,
  Combine,
  CombineFn,
  Count,
  Create,
  FixedWindows,
  GlobalWindows,
  Instant,
  IntervalWindow,
  mergeOverlapping,
  millis,
  named,
  PCollection,
  pipe,
  Pipeline,
  Reify,
  Sessions,
  SlidingWindows,
  type TimestampCombiner,
  Window,
  WindowFn,
} from '../../sdk/index.ts'
import type { PCollection as Collection, PDone } from '../../sdk/graph/pcollection.ts'
import { PAssert, TestStream, type TestEvent, containsInAnyOrder, singleton } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'
import { byWindow, timed, underOne } from './grouped.ts'

const grouped = (numbers: Collection<number>, fn: WindowFn<number>, expected: ReadonlyArray<string>): PDone =>
  pipe(
    numbers,
    underOne,
    PCollection.values,
    Window.into(fn),
    underOne,
    byWindow,
    PAssert.that(containsInAnyOrder(expected)),
    PCollection.ignore,
  )

export const fixed = Pipeline.define(import.meta, 'fixed', () => [
  grouped(timed(0, 9, 10, 11, 25), FixedWindows.of(millis(10)), ['0-10: 0 9', '10-20: 10 11', '20-30: 25']),
  grouped(timed(-1, 0, 2, 3, 12), FixedWindows.of(millis(10), { offset: millis(3) }), ['-7-3: -1 0 2', '3-13: 3 12']),
])

export const sliding = Pipeline.define(import.meta, 'sliding', () => [
  grouped(timed(5, 12), SlidingWindows.of(millis(10), { every: millis(5) }), ['0-10: 5', '5-15: 5 12', '10-20: 12']),
  grouped(timed(5, 12), SlidingWindows.of(millis(10), { every: millis(5), offset: millis(1) }), [
    '-4-6: 5',
    '1-11: 5',
    '6-16: 12',
    '11-21: 12',
  ]),
  // Longer apart than they are long: what lies between two is in none.
  grouped(timed(1, 7, 11), SlidingWindows.of(millis(5), { every: millis(10) }), ['0-5: 1', '10-15: 11']),
])

export const sessions = Pipeline.define(import.meta, 'sessions', () => [
  grouped(timed(20, 0, 5, 14, 40), Sessions.withGap(millis(10)), ['0-30: 0 5 14 20', '40-50: 40']),
  // An element that comes last joins two that stood apart.
  grouped(timed(0, 18, 9), Sessions.withGap(millis(10)), ['0-28: 0 9 18']),
])

export const sessionsByKey = Pipeline.define(import.meta, 'sessionsByKey', () =>
  pipe(
    timed(1, 2, 5, 8, 30, 31),
    Window.into(Sessions.withGap(millis(5))),
    PCollection.keyBy(n => (n % 2 === 0 ? 'even' : 'odd')),
    Combine.perKey(CombineFn.count),
    Reify.windowed,
    PCollection.map(({ value: [key, n], window }): string => `${key} ${window.start}-${window.end} ${n}`),
    PAssert.that(containsInAnyOrder(['odd 1-10 2', 'even 2-7 1', 'even 8-13 1', 'even 30-35 1', 'odd 31-36 1'])),
    PCollection.ignore,
  ),
)

/** Beam: windows that have merged are taken as they are by the next grouping, unless they are made anew. */
export const sessionsTwice = Pipeline.define(import.meta, 'sessionsTwice', () => {
  const counted = pipe(timed(0, 5, 30), Window.into(Sessions.withGap(millis(10))), underOne, Combine.perKey(CombineFn.count))
  const again = (pc: Collection<readonly [string, number]>): Collection<string> =>
    pipe(
      pc,
      PCollection.map(([, n]) => n),
      underOne,
      byWindow,
    )
  return [
    pipe(counted, again, PAssert.that(containsInAnyOrder(['0-15: 2', '30-40: 1'])), PCollection.ignore),
    pipe(counted, Window.into(FixedWindows.of(millis(100))), again, PAssert.that(containsInAnyOrder(['0-100: 1 2'])), PCollection.ignore),
  ]
})

export const global = Pipeline.define(import.meta, 'global', () =>
  pipe(
    timed(1, 2, 3),
    Window.into(FixedWindows.of(millis(1))),
    Window.into(GlobalWindows),
    Count.globally,
    PAssert.that(singleton(3)),
    PCollection.ignore,
  ),
)

/** One element in three windows is three elements, whichever way they are windowed again. */
export const rewindowed = Pipeline.define(import.meta, 'rewindowed', () => {
  const three = pipe(timed(10), Window.into(SlidingWindows.of(millis(30), { every: millis(10) })))
  const byHand = WindowFn.of({ name: 'three', assign: (_: number, at) => [1, 2, 3].map(size => IntervalWindow.of(at, at + size)) })
  const counted = (pc: Collection<number>, expected: number): PDone =>
    pipe(pc, Count.globally, PAssert.that(singleton(expected)), PCollection.ignore)
  return [
    counted(pipe(three, Window.into(GlobalWindows)), 3),
    counted(
      pipe(
        three,
        Reify.windowed,
        PCollection.map(({ value }): number => value),
        Window.into(GlobalWindows),
      ),
      3,
    ),
    counted(pipe(three, Window.into(FixedWindows.of(millis(100)))), 3),
    counted(pipe(three, Window.into(FixedWindows.of(millis(100))), Window.into(GlobalWindows)), 3),
    counted(pipe(timed(10), Window.into(byHand), Window.into(GlobalWindows)), 3),
    pipe(
      three,
      Window.into(SlidingWindows.of(millis(20), { every: millis(10) })),
      underOne,
      byWindow,
      PAssert.that(containsInAnyOrder(['0-20: 10 10 10', '10-30: 10 10 10'])),
      PCollection.ignore,
    ),
  ]
})

const day = (iso: string): number => Date.parse(iso)

export const calendar = Pipeline.define(import.meta, 'calendar', () => {
  const counts = (fn: WindowFn, expected: ReadonlyArray<string>, ...at: ReadonlyArray<string>): PDone =>
    pipe(
      timed(...at.map(day)),
      Window.into(fn),
      underOne,
      Combine.perKey(CombineFn.count),
      Reify.windowed,
      PCollection.map(({ value: [, n], window }): string => `${Instant.toIso(window.start)} ${Instant.toIso(window.end)} ${n}`),
      PAssert.that(containsInAnyOrder(expected)),
      PCollection.ignore,
    )
  return [
    // The night in which clocks go forward: a day of 23 hours.
    counts(
      CalendarWindows.days(1, { timeZone: 'Europe/Berlin' }),
      ['2026-03-28T23:00:00.000Z 2026-03-29T22:00:00.000Z 2', '2026-03-29T22:00:00.000Z 2026-03-30T22:00:00.000Z 1'],
      '2026-03-28T23:30:00Z',
      '2026-03-29T21:59:00Z',
      '2026-03-29T22:00:00Z',
    ),
    counts(
      CalendarWindows.weeks(1, { beginningOn: 'monday' }),
      ['2026-11-16T00:00:00.000Z 2026-11-23T00:00:00.000Z 1', '2026-11-23T00:00:00.000Z 2026-11-30T00:00:00.000Z 1'],
      '2026-11-22T23:59:00Z',
      '2026-11-24T00:00:00Z',
    ),
    counts(
      CalendarWindows.months(1),
      ['2026-02-01T00:00:00.000Z 2026-03-01T00:00:00.000Z 2', '2026-03-01T00:00:00.000Z 2026-04-01T00:00:00.000Z 1'],
      '2026-02-01T00:00:00Z',
      '2026-02-28T23:00:00Z',
      '2026-03-01T00:00:00Z',
    ),
    // A tax year, by the clocks of summer at its beginning.
    counts(
      CalendarWindows.years(1, { beginningOn: { month: 4, day: 6 }, timeZone: 'Europe/London' }),
      ['2025-04-05T23:00:00.000Z 2026-04-05T23:00:00.000Z 2', '2026-04-05T23:00:00.000Z 2027-04-05T23:00:00.000Z 1'],
      '2025-04-05T23:00:00Z',
      '2026-04-05T22:59:00Z',
      '2026-04-05T23:00:00Z',
    ),
    // The week in which clocks go back: 169 hours.
    counts(
      CalendarWindows.weeks(1, { beginningOn: 'monday', timeZone: 'Europe/Berlin' }),
      ['2026-10-18T22:00:00.000Z 2026-10-25T23:00:00.000Z 2', '2026-10-25T23:00:00.000Z 2026-11-01T23:00:00.000Z 1'],
      '2026-10-18T22:00:00Z',
      '2026-10-25T22:59:00Z',
      '2026-10-25T23:00:00Z',
    ),
    // Months in which clocks go forward and back.
    counts(
      CalendarWindows.months(1, { timeZone: 'America/New_York' }),
      ['2026-03-01T05:00:00.000Z 2026-04-01T04:00:00.000Z 2', '2026-11-01T04:00:00.000Z 2026-12-01T05:00:00.000Z 1'],
      '2026-03-01T05:00:00Z',
      '2026-04-01T03:59:00Z',
      '2026-12-01T04:59:00Z',
    ),
    counts(
      CalendarWindows.years(2, { startingIn: 2025 }),
      ['2025-01-01T00:00:00.000Z 2027-01-01T00:00:00.000Z 2'],
      '2025-01-01T00:00:00Z',
      '2026-12-31T23:59:00Z',
    ),
  ]
})

/** Its window has ended when its element comes. */
export const over = Pipeline.define(import.meta, 'over', () =>
  pipe(timed(1), named('Odd', Window.into(WindowFn.of({ name: 'over', assign: () => [IntervalWindow.of(0, 1)] }))), PCollection.ignore),
)

export const custom = Pipeline.define(import.meta, 'custom', () => [
  // Those below ten have windows of ten; the others none.
  grouped(timed(1, 9, 10), WindowFn.of({ name: 'below ten', assign: (n: number) => (n < 10 ? [IntervalWindow.of(0, 10)] : []) }), [
    '0-10: 1 9',
  ]),
  // A gap of each element's own: a tenth of what it is.
  grouped(
    timed(100, 105, 111, 200),
    WindowFn.merging({
      name: 'own gaps',
      assign: (n: number, at) => [IntervalWindow.of(at, at + n / 10)],
      merge: mergeOverlapping,
    }),
    ['100-122: 100 105 111', '200-220: 200'],
  ),
])

const stamped = (timestampCombiner: TimestampCombiner, ...events: ReadonlyArray<TestEvent<number>>): Collection<number> =>
  pipe(
    TestStream.of(Coder.varint, ...events),
    Window.into(FixedWindows.of(millis(10)), { timestampCombiner }),
    underOne,
    Combine.perKey(CombineFn.count),
    Reify.windowed,
    PCollection.map(({ timestamp }): number => timestamp),
  )
const { elements, advanceWatermarkTo } = TestStream
const at = (...times: ReadonlyArray<number>): TestEvent<number> => elements(...times.map(time => [time, time] as const))

export const combined = Pipeline.define(import.meta, 'combined', () =>
  (
    [
      ['earliest', 2],
      ['latest', 7],
      ['endOfWindow', 9],
    ] as const
  ).map(([combiner, expected]) => pipe(stamped(combiner, at(3, 7, 2)), PAssert.that(singleton(expected)), PCollection.ignore)),
)

/** A late element cannot pull the output behind the watermark. */
export const heldBack = Pipeline.define(import.meta, 'heldBack', () => [
  pipe(stamped('earliest', advanceWatermarkTo(5), at(2, 3, 7, 8)), PAssert.that(singleton(7)), PCollection.ignore),
  pipe(stamped('earliest', advanceWatermarkTo(8), at(2, 3, 7)), PAssert.that(singleton(9)), PCollection.ignore),
])

/** What comes out early in its window is early behind the next grouping too: the watermark waits for it. */
export const heldBehind = Pipeline.define(import.meta, 'heldBehind', () =>
  pipe(
    stamped('earliest', at(3, 12), advanceWatermarkTo(11), at(14)),
    Window.into(FixedWindows.of(millis(5))),
    underOne,
    byWindow,
    PAssert.that(containsInAnyOrder(['0-5: 3', '10-15: 12'])),
    PCollection.ignore,
  ),
)

export const skewed = Pipeline.define(import.meta, 'skewed', () =>
  pipe(
    timed(10, 20),
    PCollection.withTimestamps(n => Instant.ofMillis(n - 5), { allowedSkew: millis(5) }),
    Window.into(FixedWindows.of(millis(10))),
    underOne,
    byWindow,
    PAssert.that(containsInAnyOrder(['0-10: 10', '10-20: 20'])),
    PCollection.ignore,
  ),
)

/** A millisecond more than the skew: the watermark may have passed it. */
export const tooFarBack = Pipeline.define(import.meta, 'tooFarBack', () =>
  pipe(
    timed(10, 20),
    named(
      'Back',
      PCollection.withTimestamps(n => Instant.ofMillis(n - 6), { allowedSkew: millis(5) }),
    ),
    PCollection.ignore,
  ),
)
export const noSkew = Pipeline.define(import.meta, 'noSkew', () =>
  pipe(
    timed(10),
    named(
      'Back',
      PCollection.withTimestamps(() => Instant.ofMillis(9)),
    ),
    PCollection.ignore,
  ),
)

export const exploded = Pipeline.define(import.meta, 'exploded', () =>
  pipe(
    Create.of([5]),
    PCollection.withTimestamps(n => Instant.ofMillis(n)),
    Window.into(SlidingWindows.of(millis(10), { every: millis(5) })),
    Reify.windowed,
    PCollection.map(({ window, timestamp }): string => `${window.start}-${window.end} ${timestamp}`),
    PAssert.that(containsInAnyOrder(['0-10 5', '5-15 5'])),
    PCollection.ignore,
  ),
)

export const windowCases: ReadonlyArray<Case> = [
  { says: 'fixed windows lie side by side, from their offset', pipeline: fixed },
  { says: 'sliding windows overlap, or leave gaps', pipeline: sliding },
  { says: 'sessions grow together, whatever the order of their elements', pipeline: sessions },
  { says: 'sessions of one key know nothing of those of another', pipeline: sessionsByKey },
  { says: 'sessions behind a grouping are the windows that it made of them', pipeline: sessionsTwice },
  { says: 'the global window holds all', pipeline: global },
  { says: 'an element of three windows stays three elements when it is windowed again', pipeline: rewindowed },
  { says: 'calendar windows follow the clocks of their time zone', pipeline: calendar },
  { says: "window functions of one's own assign and merge as they say", pipeline: custom },
  { says: 'a pane has the earliest, the latest or the last timestamp of its window', pipeline: combined },
  { says: 'a late element cannot pull the output behind the watermark', pipeline: heldBack },
  { says: 'the watermark waits for an output that will be early in its window', pipeline: heldBehind },
  { says: 'withTimestamps goes back as far as the skew permits', pipeline: skewed },
  {
    says: 'withTimestamps ends the run where it would go further back',
    pipeline: tooFarBack,
    fails: { with: 'UserCodeFailed', saying: /^Back\/withTimestamps#1: .*skew/i },
  },
  {
    says: 'withTimestamps goes back by nothing unless told',
    pipeline: noSkew,
    fails: { with: 'UserCodeFailed', saying: /^Back\/withTimestamps#1: .*skew/i },
  },
  {
    says: "a window function of one's own may not give a window that is over",
    pipeline: over,
    fails: { with: 'UserCodeFailed', saying: /^Odd\/Window\.into#1: / },
  },
  { says: 'an element of several windows is reified once in each', pipeline: exploded },
]
