// One pipeline with each kind of window, trigger, state, timer, side input and split, all of whose elements are soon over: what any of them
// keeps afterwards grows with the input.
import * as N from 'fp-ts/lib/number.js'
import * as O from 'fp-ts/lib/Option.js'
import { z } from 'zod'
import {
  AfterAny,
  AfterCount,
  AfterProcessingTime,
  AfterWatermark,
  CalendarWindows,
  Coder,
  Combine,
  Count,
  Deduplicate,
  Distinct,
  type Discovery,
  DoFn,
  emit,
  FixedWindows,
  Flatten,
  GlobalWindows,
  GroupByKey,
  GroupIntoBatches,
  hours,
  Instant,
  IntervalWindow,
  Join,
  type KeyedElement,
  Latest,
  mergeOverlapping,
  millis,
  minutes,
  named,
  OffsetRange,
  ParDo,
  PCollection,
  type PDone,
  Pipeline,
  pipe,
  Repeatedly,
  seconds,
  Sessions,
  SlidingWindows,
  type Source,
  type Split,
  Splittable,
  State,
  stop,
  Timer,
  Timestamped,
  View,
  Wait,
  Watermark,
  WatermarkEstimator,
  Window,
  WindowFn,
} from '../../sdk/index.ts'
import type { PCollection as Collection } from '../../sdk/graph/pcollection.ts'
import { TextIO } from '../../io/text/index.ts'
import { probe } from './probe.ts'

// ---- the source

const mostSplits = 300

/** Whole numbers for so long from the first on, as one long split; or, of `splitsOf` each, as short ones that appear while they are read. */
const numbersFor = (ms: number, splitsOf: number | null): Source<number> => ({
  urn: 'soak:numbers',
  label: splitsOf === null ? 'numbers' : 'splits',
  isBounded: false,
  identity: { splitsOf },
  replayable: true,
  connect: () => {
    const split = (at: number, of: number): Split => ({
      id: String(at),
      range: { from: at * of, to: (at + 1) * of },
      count: null,
      detail: null,
      divisible: false,
    })
    let found = 0
    const discovery = (of: number): Discovery => ({
      everyMs: 5,
      find: () => {
        // A source that looks for splits has to know all that there were, so their number is bounded.
        const isOver = found >= mostSplits
        return Promise.resolve({ splits: isOver ? [] : [split(found++, of)], horizon: isOver ? Instant.max : timeOf(found * of) })
      },
    })
    return Promise.resolve({
      // Without an end: a backlog that ends counts as caught up only once it is read.
      resolve: () => Promise.resolve(splitsOf === null ? [{ ...split(0, 1), range: { from: 0, to: null } }] : []),
      ...(splitsOf === null ? {} : { discovery: discovery(splitsOf) }),
      open: ({ range }, progress) => {
        let at = progress.last === null ? range.from : progress.last + 1
        const end = range.to ?? Infinity
        let beganMs: number | null = null
        // With nothing to read at first, it has caught up: a table made of it is there from then on.
        let isIdle = true
        const isOver = (): boolean => at >= end || (splitsOf === null && Date.now() >= (beganMs ?? Infinity) + ms)
        return Promise.resolve({
          poll: most => {
            if (beganMs === null) {
              beganMs = Date.now()
              return null
            }
            isIdle = false
            if (isOver()) return null
            const positions = Array.from({ length: Math.min(most, end - at) }, (_, i) => at + i)
            at += positions.length
            return { values: positions, positions, bytes: 0, note: null }
          },
          status: () => {
            if (isOver()) return { _tag: 'done' }
            return isIdle ? { _tag: 'idle', since: beganMs ?? Date.now() } : { _tag: 'reading' }
          },
          lag: () => end - at,
          onChange: callback => void setTimeout(callback, 10),
          truncate: () => undefined,
          close: () => Promise.resolve(),
        })
      },
      guarantee: () => 'made up',
      close: () => Promise.resolve(),
    })
  },
})
const timeOf = (n: number): Instant => Instant.ofMillis(n * 1_000)

// ---- the shapes

type Numbers = Collection<number>
type Shape = (numbers: Numbers) => Collection<unknown>
const ten = FixedWindows.of(seconds(10))
const byThree = PCollection.keyBy((n: number) => n % 3)
const byItself = PCollection.keyBy((n: number) => n)
const sum = Combine.perKey(N.MonoidSum)
const ownWindows = { name: 'soak', assign: (_: unknown, t: Instant) => [IntervalWindow.of(t, t + 5_000)] }
const early = AfterProcessingTime.pastFirstElement(hours(1))

const windows: Readonly<Record<string, Shape>> = {
  fixed: n => pipe(n, Window.into(ten), byThree, sum),
  fixedLists: n => pipe(n, Window.into(ten), byThree, GroupByKey.of),
  sliding: n => pipe(n, Window.into(SlidingWindows.of(seconds(20), { every: seconds(10) })), byThree, GroupByKey.of),
  calendar: n => pipe(n, Window.into(CalendarWindows.days(1, { timeZone: 'Europe/Berlin' })), byThree, sum),
  own: n => pipe(n, Window.into(WindowFn.of(ownWindows)), byThree, sum),
  // Ten elements a session.
  sessions: n =>
    pipe(
      n,
      Window.into(Sessions.withGap(millis(1_500))),
      PCollection.keyBy(i => Math.floor(i / 10)),
      sum,
    ),
  // One that never ends: each element lies within the gap of the one before.
  liveSession: n =>
    pipe(
      n,
      Window.into(Sessions.withGap(seconds(1_800))),
      PCollection.keyBy(() => 'key'),
      sum,
    ),
  ownMerging: n => pipe(n, Window.into(WindowFn.merging({ ...ownWindows, merge: mergeOverlapping })), byItself, sum),
}

const triggers: Readonly<Record<string, Shape>> = {
  globalDiscarding: n =>
    pipe(
      n,
      Window.into(GlobalWindows, {
        trigger: Repeatedly.forever(AfterCount.of(1)),
        accumulation: 'discarding',
        onTimeBehavior: 'fireIfNonEmpty',
      }),
      byItself,
      sum,
    ),
  clockEarly: n =>
    pipe(n, Window.into(ten, { trigger: AfterWatermark.pastEndOfWindow({ early }), accumulation: 'discarding' }), byThree, sum),
  clockEarlySessions: n =>
    pipe(
      n,
      Window.into(Sessions.withGap(millis(1_500)), { trigger: AfterWatermark.pastEndOfWindow({ early }), accumulation: 'discarding' }),
      PCollection.keyBy(i => Math.floor(i / 10)),
      sum,
    ),
  late: n =>
    pipe(
      n,
      Window.into(ten, {
        trigger: AfterWatermark.pastEndOfWindow({ early: AfterCount.of(2), late: AfterCount.of(1) }),
        accumulation: 'accumulating',
        allowedLateness: seconds(30),
      }),
      byThree,
      GroupByKey.of,
    ),
  any: n =>
    pipe(
      n,
      Window.into(ten, { trigger: Repeatedly.forever(AfterAny.of(AfterCount.of(2), early)), accumulation: 'discarding' }),
      byThree,
      sum,
    ),
  latestHold: n =>
    pipe(
      n,
      Window.into(FixedWindows.of(hours(24 * 365)), {
        timestampCombiner: 'latest',
        trigger: AfterWatermark.pastEndOfWindow({ early: AfterCount.of(1_000) }),
        accumulation: 'discarding',
      }),
      PCollection.keyBy(i => (i === 0 ? 'first' : 'others')),
      sum,
    ),
  earliestHold: n => pipe(n, Window.into(ten, { timestampCombiner: 'earliest' }), byThree, sum),
}

const inTen = (n: Numbers): Numbers => pipe(n, Window.into(ten))
const states: Readonly<Record<string, Shape>> = {
  ofEachKind: n =>
    pipe(
      inTen(n),
      byThree,
      ParDo.of(
        DoFn.stateful({
          state: {
            value: State.value(Coder.varint, 0),
            bag: State.bag(Coder.varint),
            total: State.combining(Coder.varint, N.MonoidSum),
            map: State.map(Coder.varint, Coder.varint),
            set: State.set(Coder.varint),
            list: State.orderedList(Coder.varint),
          },
          process: ({ value, timestamp }: KeyedElement<number, number>, { value: last, bag, total, map, set, list }) => [
            last.write(value),
            bag.add(value),
            total.add(value),
            map.put(value, value),
            set.add(value),
            list.add(timestamp, value),
          ],
          onWindowExpiration: (_, { total }) => [emit(total.read)],
        }),
      ),
    ),
  cleared: n =>
    pipe(
      n,
      byItself,
      ParDo.of(
        DoFn.stateful({
          state: { bag: State.bag(Coder.varint) },
          process: ({ value }: KeyedElement<number, number>, { bag }) => [bag.add(value), bag.clear, emit(value)],
        }),
      ),
    ),
  // Each key is over when its timer has fired.
  timers: n =>
    pipe(
      n,
      byItself,
      ParDo.of(
        DoFn.stateful({
          state: { seen: State.value(Coder.varint, 0) },
          timers: { end: Timer.eventTime, idle: Timer.processingTime },
          process: ({ timestamp }: KeyedElement<number, number>, { seen, end, idle }) => [
            seen.write(1),
            end.set(pipe(timestamp, Instant.plus(seconds(5)))),
            idle.after(minutes(60)),
          ],
          onTimer: { end: (_, { seen, idle }) => [seen.clear, idle.clear, emit(1)], idle: () => [] },
        }),
      ),
    ),
  // Set anew by each element.
  timersPutOff: n =>
    pipe(
      n,
      PCollection.keyBy(i => i % 10),
      ParDo.of(
        DoFn.stateful({
          state: {},
          timers: { end: Timer.eventTime, idle: Timer.processingTime },
          process: ({ timestamp }: KeyedElement<number, number>, { end, idle }) => [
            end.set(pipe(timestamp, Instant.plus(hours(1)))),
            idle.after(minutes(60)),
          ],
          onTimer: { end: () => [emit(1)], idle: () => [] },
        }),
      ),
    ),
  timerFamily: n =>
    pipe(
      n,
      PCollection.keyBy(i => i % 10),
      ParDo.of(
        DoFn.stateful({
          state: {},
          timers: { ends: Timer.eventTimeFamily },
          process: ({ timestamp, value }: KeyedElement<number, number>, { ends }) => [
            ends.set(String(value), pipe(timestamp, Instant.plus(seconds(5)))),
          ],
          onTimer: { ends: () => [emit(1)] },
        }),
      ),
    ),
  // The window is over long before the clock's timer is due.
  clockTimersOfWindows: n =>
    pipe(
      inTen(n),
      byThree,
      ParDo.of(
        DoFn.stateful({
          state: {},
          timers: { idle: Timer.processingTime },
          process: (_: KeyedElement<number, number>, { idle }) => [idle.after(minutes(60))],
          onTimer: { idle: () => [emit(1)] },
        }),
      ),
    ),
  deduplicate: n =>
    pipe(
      n,
      Deduplicate.by(i => i, { within: seconds(5), domain: 'eventTime' }),
    ),
  distinct: n => pipe(inTen(n), Distinct.of),
  batches: n => pipe(inTen(n), byThree, GroupIntoBatches.ofSize(4, { maxBufferingDuration: minutes(60) })),
  latest: n => pipe(inTen(n), byThree, Latest.perKey),
  counts: n => pipe(inTen(n), Count.globally),
  join: n => {
    const { pairs, leftAlone, rightAlone } = pipe(n, byItself, Join.within(pipe(n, byItself), seconds(5)))
    return Flatten.of(
      pipe(pairs, PCollection.map(String)),
      pipe(leftAlone, PCollection.map(String)),
      pipe(rightAlone, PCollection.map(String)),
    )
  },
  async: n =>
    pipe(
      n,
      PCollection.mapAsync(i => Promise.resolve(i), { timeout: seconds(20), concurrency: 1_000 }),
    ),
}

const sides: Readonly<Record<string, Shape>> = {
  list: n =>
    pipe(
      inTen(n),
      PCollection.mapWith({ side: pipe(inTen(n), View.asList) }, (_, { side }) => side.length),
    ),
  multimap: n =>
    pipe(
      inTen(n),
      PCollection.mapWith({ side: pipe(inTen(n), byThree, View.asMultimap) }, (i, { side }) => side.get(i % 3).length),
    ),
  // Each key is deleted by the element behind it.
  table: n => {
    const changes = pipe(
      n,
      PCollection.map(i => [i >> 1, i % 2 === 0 ? O.some(i) : O.none] as const),
    )
    return pipe(
      n,
      PCollection.mapWith({ side: pipe(changes, View.asTable) }, (i, { side }) => side.has(i >> 1)),
    )
  },
  wait: n => pipe(inTen(n), Wait.on(inTen(n))),
}

/** A restriction of three positions for each hundredth element. */
const restrictions: Shape = n =>
  pipe(
    n,
    PCollection.filter(i => i % 100 === 0),
    Splittable.read({
      restriction: OffsetRange,
      watermark: WatermarkEstimator.monotonic,
      isBounded: true,
      initial: () => OffsetRange.of(0, 3),
      async *process(i: number, tracker) {
        await Promise.resolve()
        const { from, to } = tracker.restriction
        const mine = Array.from({ length: to - from }, (_, at) => from + at)
        yield mine.slice(0, tracker.tryClaimAll(mine)).map(() => pipe(i, Timestamped.at(timeOf(i))))
        return stop
      },
    }),
  )

const shapes: Readonly<Record<string, Shape>> = { ...windows, ...triggers, ...states, ...sides, restrictions }
export const shapeNames = Object.keys(shapes)

/** Keeps a value for each element: what a soak must find. */
const leak: Shape = n =>
  pipe(
    n,
    byItself,
    ParDo.of(
      DoFn.stateful({
        state: { kept: State.value(Coder.varint, 0) },
        process: ({ value }: KeyedElement<number, number>, { kept }) => [kept.write(value), emit(value)],
      }),
    ),
  )

/** `leaks`: with a transform that keeps something of each element. */
const options = z.object({ ms: z.number(), text: z.string(), leaks: z.boolean() })

/** Reads for so many milliseconds. */
export const soak = Pipeline.define(import.meta, 'soak', options, ({ ms, text, leaks }): ReadonlyArray<PDone> => {
  const read = (splitsOf: number | null): Numbers =>
    Splittable.source({
      source: numbersFor(ms, splitsOf),
      decode: (n: number) => n,
      timestamp: timeOf,
      watermark: Watermark.boundedOutOfOrderness(seconds(10)),
    })
  const splits = named('splits', () => pipe(read(10), inTen, byThree, sum))()
  const numbers = pipe(
    read(null),
    PCollection.map(n => {
      probe()
      return n
    }),
  )
  const written = (): PDone =>
    pipe(
      numbers,
      PCollection.filter(n => n % 1_000 === 0),
      PCollection.map(String),
      TextIO.write(text),
    )
  return [
    // A sink of text needs a store.
    ...(text === '' ? [] : [written()]),
    pipe(splits, PCollection.ignore),
    ...Object.entries(leaks ? { leak } : shapes).map(([name, shape]) => pipe(numbers, named(name, shape), PCollection.ignore)),
  ]
})
