// State and timers, and what is built on them.
import * as O from 'fp-ts/lib/Option.js'
import * as N from 'fp-ts/lib/number.js'
import {
  Coder,
  Count,
  Create,
  Deduplicate,
  DoFn,
  FixedWindows,
  GroupIntoBatches,
  Instant,
  Join,
  type KeyedElement,
  ParDo,
  Partition,
  PCollection,
  Pipeline,
  Reify,
  State,
  Timer,
  Window,
  emit,
  emitAt,
  millis,
  pipe,
  seconds,
} from '../../sdk/index.ts'
import type { PCollection as Collection } from '../../sdk/graph/pcollection.ts'
import { PAssert, TestStream, type TestEvent, containsInAnyOrder } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'

const at = Instant.ofMillis
const pair = Coder.structural<readonly [string, number]>()
type Pair = readonly [key: string, n: number]

/** Each element lies at its own number in event time. */
const elements = (...pairs: ReadonlyArray<Pair>): TestEvent<Pair> => TestStream.elements(...pairs.map(kv => [kv[1], kv] as const))
const stream = (...events: ReadonlyArray<TestEvent<Pair>>): Collection<Pair> =>
  TestStream.of(pair, ...events, TestStream.advanceWatermarkToInfinity)
const placed = <A>(pc: Collection<A>): Collection<string> =>
  pipe(
    pc,
    Reify.windowed,
    PCollection.map(({ value, timestamp }): string => `${typeof value === 'string' ? value : JSON.stringify(value)} at ${timestamp}`),
  )
const sum = (ns: Iterable<number>): number => [...ns].reduce((a, b) => a + b, 0)

const some: ReadonlyArray<Pair> = [
  ['a', 1],
  ['a', 12],
  ['b', 3],
  ['a', 4],
  ['b', 15],
  ['a', 4],
]

export const twoOutputs = Pipeline.define(import.meta, 'twoOutputs', () => {
  const { large, final } = pipe(
    stream(elements(...some)),
    ParDo.stateful({
      state: { total: State.value(Coder.varint, 0) },
      timers: { idle: Timer.eventTime },
      process: ({ value: n, key }, { total, idle }) => [
        total.write(total.read + n),
        idle.set(at(100)),
        n > 10 && emit({ kind: 'large', key, n }),
      ],
      onTimer: { idle: ({ key }, { total }) => [emit({ kind: 'final', key, total: total.read }), total.clear] },
    }),
    Partition.on('kind', ['large', 'final']),
  )
  return [
    pipe(
      large,
      PCollection.map(({ key, n }): string => `${key} ${n}`),
      PAssert.that(containsInAnyOrder(['a 12', 'b 15'])),
      PCollection.ignore,
    ),
    pipe(
      final,
      PCollection.map(({ key, total }): string => `${key} ${total}`),
      PAssert.that(containsInAnyOrder(['a 21', 'b 18'])),
      PCollection.ignore,
    ),
  ]
})

export const everyKind = Pipeline.define(import.meta, 'everyKind', () =>
  pipe(
    stream(elements(...some)),
    ParDo.stateful({
      state: {
        value: State.value(Coder.varint, 0),
        combining: State.combining(Coder.double, N.MonoidSum),
        bag: State.bag(Coder.varint),
        map: State.map(Coder.structural<{ readonly n: number }>(), Coder.varint),
        set: State.set(Coder.varint),
        list: State.orderedList(Coder.varint),
      },
      process: ({ value: n, timestamp }, { value, combining, bag, map, set, list }) => [
        value.write(value.read + 1),
        combining.add(n),
        bag.add(n),
        map.put({ n }, n * 2),
        set.add(n),
        n === 12 && set.remove(1),
        set.remove(4),
        list.add(timestamp, n),
        list.clearRange(at(12), at(13)),
      ],
      onWindowExpiration: ({ key }, { value, combining, bag, map, set, list }) => [
        emit({
          key,
          value: value.read,
          combining: combining.read,
          bag: [...bag.read].sort((a, b) => a - b),
          map: sum([...map.entries].map(([, doubled]) => doubled)),
          set: [...set.read].filter(n => n !== 1).sort(),
          list: Array.from(list.range(at(0), at(100)), ([, n]) => n),
        }),
      ],
    }),
    PAssert.that(
      containsInAnyOrder([
        { key: 'a', value: 4, combining: 21, bag: [1, 4, 4, 12], map: 34, set: [12], list: [1, 4, 4] },
        { key: 'b', value: 2, combining: 18, bag: [3, 15], map: 36, set: [15, 3], list: [3, 15] },
      ]),
    ),
    PCollection.ignore,
  ),
)

export const isolated = Pipeline.define(import.meta, 'isolated', () =>
  pipe(
    stream(elements(...some)),
    Window.into(FixedWindows.of(millis(10))),
    ParDo.stateful({
      state: { n: State.value(Coder.varint, 0) },
      process: (_, { n }) => [n.write(n.read + 1)],
      onWindowExpiration: ({ key, window }, { n }) => [emit(`${key} ${window.start}: ${n.read}`)],
    }),
    placed,
    PAssert.that(containsInAnyOrder(['a 0: 3 at 9', 'a 10: 1 at 19', 'b 0: 1 at 9', 'b 10: 1 at 19'])),
    PCollection.ignore,
  ),
)

export const late = Pipeline.define(import.meta, 'late', () =>
  pipe(
    stream(
      elements(['a', 1]),
      TestStream.advanceWatermarkTo(14),
      elements(['a', 2]),
      TestStream.advanceWatermarkTo(15),
      elements(['a', 3], ['a', 16]),
    ),
    Window.into(FixedWindows.of(millis(10)), { allowedLateness: millis(5), accumulation: 'discarding' }),
    ParDo.stateful({
      state: { all: State.bag(Coder.varint) },
      process: ({ value }, { all }) => [all.add(value)],
      onWindowExpiration: ({ key }, { all }) => [emit(`${key} ${[...all.read].sort().join()}`)],
    }),
    PAssert.that(containsInAnyOrder(['a 1,2', 'a 16'])),
    PCollection.ignore,
  ),
)

export const eventTimers = Pipeline.define(import.meta, 'eventTimers', () =>
  pipe(
    stream(
      elements(['a', 1], ['b', 2]),
      TestStream.advanceWatermarkTo(9),
      elements(['a', 9]),
      TestStream.advanceWatermarkTo(12),
      elements(['b', 20]),
    ),
    ParDo.stateful({
      state: { n: State.value(Coder.varint, 0) },
      timers: { idle: Timer.eventTime },
      process: ({ timestamp }, { n, idle }) => [n.write(n.read + 1), idle.set(pipe(timestamp, Instant.plus(millis(9))))],
      onTimer: { idle: ({ key }, { n }) => [emit(`${key} ${n.read}`), n.clear] },
    }),
    placed,
    PAssert.that(containsInAnyOrder(['b 1 at 11', 'a 2 at 18', 'b 1 at 29'])),
    PCollection.ignore,
  ),
)

export const cascade = Pipeline.define(import.meta, 'cascade', () =>
  pipe(
    stream(elements(['a', 1], ['b', 2])),
    ParDo.stateful({
      state: { fired: State.bag(Coder.varint) },
      timers: { tick: Timer.eventTime, end: Timer.eventTime },
      process: ({ timestamp }, { tick, end }) => [tick.set(pipe(timestamp, Instant.plus(millis(10)))), end.set(at(35))],
      onTimer: {
        tick: ({ timestamp }, { fired, tick }) => [
          fired.add(timestamp),
          tick.set(pipe(timestamp, Instant.plus(millis(10)))),
          timestamp > 40 && tick.clear,
        ],
        end: ({ key }, { fired }) => [emit(`${key} ${fired.read.join()}`)],
      },
    }),
    placed,
    PAssert.that(containsInAnyOrder(['a 11,21,31 at 35', 'b 12,22,32 at 35'])),
    PCollection.ignore,
  ),
)

export const families = Pipeline.define(import.meta, 'families', () =>
  pipe(
    stream(elements(['a', 1], ['a', 2], ['b', 1], ['a', 3])),
    ParDo.stateful({
      state: {},
      timers: { each: Timer.eventTimeFamily },
      process: ({ value, timestamp }, { each }) => [
        each.set(`n${value}`, pipe(timestamp, Instant.plus(millis(5)))),
        value === 1 ? each.set('first', at(100)) : each.clear(`n${value - 1}`),
      ],
      onTimer: { each: ({ key, tag }) => [emit(`${key} ${tag}`)] },
    }),
    // An element before another may clear its timer, or come behind it: the last one's and the first one's are there in any order.
    PCollection.filter(text => ['a n3', 'b n1'].includes(text) || text.endsWith('first')),
    placed,
    PAssert.that(containsInAnyOrder(['a n3 at 8', 'b n1 at 6', 'a first at 100', 'b first at 100'])),
    PCollection.ignore,
  ),
)

export const outputTimestamps = Pipeline.define(import.meta, 'outputTimestamps', () =>
  pipe(
    stream(elements(['a', 1], ['b', 3]), TestStream.advanceWatermarkTo(30), elements(['c', 31]), TestStream.advanceWatermarkTo(60)),
    ParDo.stateful({
      state: { n: State.value(Coder.varint, 0) },
      timers: { later: Timer.eventTime },
      process: ({ value, timestamp }, { n, later }) => [
        n.write(value),
        later.set(pipe(timestamp, Instant.plus(millis(40))), { outputTimestamp: timestamp }),
      ],
      onTimer: {
        later: ({ key, timestamp }, { n }) => [emit(`${key} ${n.read}`), emitAt(pipe(timestamp, Instant.plus(millis(1))))(`${key} next`)],
      },
    }),
    placed,
    PAssert.that(containsInAnyOrder(['a 1 at 1', 'a next at 2', 'b 3 at 3', 'b next at 4', 'c 31 at 31', 'c next at 32'])),
    // None of it is late for the windows behind, since what a timer may still give holds the watermark.
    Window.into(FixedWindows.of(millis(10))),
    PCollection.keyBy((): string => 'all'),
    Count.perKey,
    placed,
    PAssert.that(containsInAnyOrder(['["all",4] at 9', '["all",2] at 39'])),
    PCollection.ignore,
  ),
)

export const clocks = Pipeline.define(import.meta, 'clocks', () =>
  pipe(
    stream(
      elements(['a', 1], ['b', 2]),
      TestStream.advanceProcessingTime(seconds(3)),
      elements(['a', 3]),
      TestStream.advanceProcessingTime(seconds(2)),
      elements(['a', 4]),
    ),
    ParDo.stateful({
      state: { n: State.combining(Coder.double, N.MonoidSum) },
      timers: { flush: Timer.processingTime },
      process: ({ value }, { n, flush }) => [n.add(value), n.read === 0 && flush.after(seconds(5))],
      onTimer: { flush: ({ key }, { n }) => [emit(`${key} ${n.read}`), n.clear] },
      onWindowExpiration: ({ key }, { n }) => [emit(`${key} left ${n.read}`)],
    }),
    PAssert.that(containsInAnyOrder(['a 4', 'b 2', 'a left 4'])),
    PCollection.ignore,
  ),
)

/** Each tag has a clock of its own; the DoFn stands apart from its ParDo. */
export const tagged = Pipeline.define(import.meta, 'tagged', () => {
  const fn = DoFn.stateful({
    state: {},
    timers: { each: Timer.processingTimeFamily },
    process: ({ value }: KeyedElement<string, number>, { each }) => [each.after(`n${value}`, seconds(value))],
    onTimer: { each: ({ key, tag }) => [emit(`${key} ${tag}`)] },
  })
  return pipe(
    stream(
      elements(['a', 1], ['a', 5], ['b', 5]),
      TestStream.advanceProcessingTime(seconds(2)),
      elements(['a', 5]),
      TestStream.advanceProcessingTime(seconds(6)),
    ),
    ParDo.of(fn),
    // Set again, a timer goes off once.
    PAssert.that(containsInAnyOrder(['a n1', 'a n5', 'b n5'])),
    PCollection.ignore,
  )
})

export const batches = Pipeline.define(import.meta, 'batches', () =>
  pipe(
    Create.of(Array.from({ length: 11 }, (_, i) => [i % 4 === 0 ? 'a' : 'b', i] as const)),
    GroupIntoBatches.ofSize(3),
    PAssert.satisfies(all => {
      const sizes = all.map(([key, values]) => `${key} ${values.length}`).sort()
      if (sizes.join() !== 'a 3,b 2,b 3,b 3') throw new Error(`the batches have other sizes: ${sizes.join()}`)
    }),
    PCollection.flatMap(([, values]) => values),
    PAssert.that(containsInAnyOrder([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])),
    PCollection.ignore,
  ),
)

export const waiting = Pipeline.define(import.meta, 'waiting', () =>
  pipe(
    stream(elements(['a', 1], ['a', 2]), TestStream.advanceProcessingTime(seconds(5)), elements(['a', 3])),
    GroupIntoBatches.ofSize(3, { maxBufferingDuration: seconds(5) }),
    PCollection.map(([key, values]) => `${key} ${[...values].sort().join()}`),
    PAssert.that(containsInAnyOrder(['a 1,2', 'a 3'])),
    PCollection.ignore,
  ),
)

export const first = Pipeline.define(import.meta, 'first', () =>
  pipe(
    stream(
      elements(['a', 1], ['b', 1], ['a', 1]),
      TestStream.advanceProcessingTime(seconds(5)),
      elements(['a', 2]),
      TestStream.advanceProcessingTime(seconds(5)),
      elements(['a', 3]),
    ),
    Deduplicate.by(([id]) => id, { within: seconds(10) }),
    PAssert.that(containsInAnyOrder([['a', 1] as const, ['b', 1] as const, ['a', 3] as const])),
    PCollection.ignore,
  ),
)

export const firstMessages = Pipeline.define(import.meta, 'first-messages', () =>
  pipe(
    stream(elements(['a', 1], ['', 2], ['a', 3], ['', 4]), TestStream.advanceProcessingTime(seconds(10)), elements(['a', 5], ['b', 6])),
    PCollection.map(([id, n]) => ({ id: id === '' ? O.none : O.some(id), n })),
    Deduplicate.byMessageId({ within: seconds(10) }),
    PCollection.map(({ n }) => n),
    PAssert.that(containsInAnyOrder([1, 2, 4, 5, 6])),
    PCollection.ignore,
  ),
)

export const near = Pipeline.define(import.meta, 'near', () => {
  const all = stream(
    elements(['a', 1], ['a', 11], ['a', 12], ['b', 5], ['c', 8]),
    TestStream.advanceWatermarkTo(13),
    elements(['b', 15], ['a', 41]),
  )
  const left = pipe(
    all,
    PCollection.filter(([, n]) => n <= 10),
  )
  const right = pipe(
    all,
    PCollection.filter(([, n]) => n > 10),
  )
  const { pairs, leftAlone, rightAlone } = pipe(left, Join.within(right, millis(10)))
  return [
    pipe(pairs, placed, PAssert.that(containsInAnyOrder(['["a",[1,11]] at 11', '["b",[5,15]] at 15'])), PCollection.ignore),
    pipe(leftAlone, placed, PAssert.that(containsInAnyOrder(['["c",8] at 8'])), PCollection.ignore),
    pipe(rightAlone, placed, PAssert.that(containsInAnyOrder(['["a",12] at 12', '["a",41] at 41'])), PCollection.ignore),
  ]
})

export const statefulCases: ReadonlyArray<Case> = [
  { says: 'values, accumulators, bags, maps, sets and lists hold what effects made of them', pipeline: everyKind },
  { says: 'functions and timers emit to outputs of their own, told apart by what they emit', pipeline: twoOutputs },
  { says: 'state is kept by key and window, and said once when its window expires', pipeline: isolated },
  { says: 'elements are taken until the allowed lateness is over, then dropped', pipeline: late },
  { says: 'an event-time timer fires at the time that was set last, behind the watermark', pipeline: eventTimers },
  { says: 'timers that set timers fire in order of time', pipeline: cascade },
  { says: "a family's timers are told apart by their tags", pipeline: families },
  { says: "a timer's outputs carry its output timestamp, and hold the watermark", pipeline: outputTimestamps },
  { says: 'a processing-time timer fires by the clock, and what is left comes out when the window expires', pipeline: clocks },
  { says: "a family's timers in processing time have a clock for each tag", pipeline: tagged },
  { says: 'GroupIntoBatches gives full batches and the rest', pipeline: batches },
  { says: 'GroupIntoBatches lets no batch wait for too long', pipeline: waiting },
  { says: 'Deduplicate gives the first of each id within a time', pipeline: first },
  { says: 'Deduplicate knows messages by their ids, and keeps all that have none', pipeline: firstMessages },
  { says: 'Join.within pairs what lies near, and tells what stayed alone', pipeline: near },
]
