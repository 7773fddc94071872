// Side inputs: each view, windows of unlike sizes, waiting, and collections that are only waited for. What an element sees must not
// depend on the bundling, so sides fire once here, or are done before the first element comes.
import { assert } from 'chai'
import * as O from 'fp-ts/lib/Option.js'
import {
  AfterCount,
  Coder,
  Count,
  Create,
  DoFn,
  FixedWindows,
  GlobalWindows,
  Instant,
  KV,
  Latest,
  millis,
  ParDo,
  PCollection,
  Repeatedly,
  pipe,
  Pipeline,
  Reify,
  Reshuffle,
  SlidingWindows,
  Sum,
  View,
  Wait,
  Window,
  type Windowed,
  emit,
} from '../../sdk/index.ts'
import type { PCollection as Collection } from '../../sdk/graph/pcollection.ts'
import { PAssert, TestStream, containsInAnyOrder } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'

const { elements, advanceWatermarkTo, advanceWatermarkToInfinity } = TestStream
const at = Instant.ofMillis
const every = (size: number) => Window.into(FixedWindows.of(millis(size)))
/** Each text at the time that it ends in: 'a@12'. */
const texts = (...all: ReadonlyArray<string>): Collection<string> =>
  pipe(
    Create.of(all),
    PCollection.withTimestamps(text => at(Number(text.split('@')[1]))),
  )
const beside = (side: Collection<string>) => (main: Collection<string>) =>
  pipe(
    main,
    PCollection.mapWith({ side: View.asList(side) }, (text, { side }) => [text, ...[...side].sort()].join(' ')),
  )
const gives = (expected: ReadonlyArray<string>) => (pc: Collection<string>) =>
  pipe(pc, PAssert.that(containsInAnyOrder(expected)), PCollection.ignore)

export const views = Pipeline.define(import.meta, 'views', () => {
  const numbers = Create.of([1, 2, 3])
  const squares = pipe(
    numbers,
    PCollection.map(n => KV.of({ n }, n * n)),
  )
  const sides = {
    one: View.asSingleton(Count.globally(numbers)),
    none: pipe(Create.of<number>([]), View.asSingletonOr(7)),
    list: View.asList(numbers),
    all: View.asIterable(numbers),
    map: View.asMap(squares),
    multi: pipe(
      numbers,
      PCollection.keyBy(n => n % 2),
      View.asMultimap,
    ),
  }
  return pipe(
    numbers,
    PCollection.mapWith(sides, (n, { one, none, list, all, map, multi }): string =>
      [one, none, list.length, [...all].length, O.toNullable(map.get({ n })), [...multi.get(n % 2)].sort().join('+')].join(),
    ),
    gives(['3,7,3,3,1,1+3', '3,7,3,3,4,2', '3,7,3,3,9,1+3']),
  )
})

export const coarser = Pipeline.define(import.meta, 'coarser', () =>
  pipe(
    texts('a@1', 'b@12', 'c@21'),
    every(10),
    beside(pipe(texts('x@3', 'y@15', 'z@25'), every(20))),
    gives(['a@1 x@3 y@15', 'b@12 x@3 y@15', 'c@21 z@25']),
  ),
)

export const finer = Pipeline.define(import.meta, 'finer', () =>
  pipe(
    texts('a@1', 'b@25'),
    every(20),
    beside(pipe(texts('x@3', 'y@15', 'z@25'), every(10))),
    // The end of a's window lies in y's, the end of b's in one of which nothing came.
    gives(['a@1 y@15', 'b@25']),
  ),
)

export const sliding = Pipeline.define(import.meta, 'sliding', () => [
  pipe(
    texts('a@6'),
    Window.into(SlidingWindows.of(millis(10), { every: millis(5) })),
    beside(pipe(texts('x@2', 'y@12'), every(10))),
    Reify.windowed,
    PCollection.map(({ value, window }): string => `${value} in ${window.start}`),
    gives(['a@6 x@2 in 0', 'a@6 y@12 in 5']),
  ),
  pipe(
    texts('a@1'),
    every(10),
    beside(pipe(texts('v@-8', 'w@-3', 'x@3', 'y@13'), Window.into(SlidingWindows.of(millis(15), { every: millis(5) })))),
    gives(['a@1 w@-3 x@3']),
  ),
])

export const global = Pipeline.define(import.meta, 'global', () =>
  pipe(
    texts('a@1', 'b@12'),
    every(10),
    beside(pipe(texts('x@1', 'y@2'), Window.into(GlobalWindows))),
    gives(['a@1 x@1 y@2', 'b@12 x@1 y@2']),
  ),
)

export const waiting = Pipeline.define(import.meta, 'waiting', () => {
  const side = TestStream.of(
    Coder.string,
    advanceWatermarkTo(at(5)),
    elements([at(6), 'x']),
    advanceWatermarkTo(at(15)),
    elements([at(16), 'y']),
    advanceWatermarkToInfinity,
  )
  return pipe(texts('a@1', 'b@12', 'c@2'), every(10), beside(pipe(side, every(10))), gives(['a@1 x', 'b@12 y', 'c@2 x']))
})

export const tables = Pipeline.define(import.meta, 'tables', () => {
  // Not in their order: what counts is when they were made.
  const changes = pipe(
    Create.of<readonly [number, string, number | null]>([
      [3, 'a', 30],
      [1, 'a', 10],
      [1, 'b', 1],
      [2, 'b', null],
      [5, 'c', 30],
    ]),
    PCollection.withTimestamps(([time]) => at(time)),
    PCollection.map(([, key, n]) => KV.of(key, O.fromNullable(n))),
  )
  const sides = {
    table: View.asTable(changes),
    index: pipe(
      changes,
      View.asIndex(n => n),
    ),
  }
  return pipe(
    Create.of(['a', 'b', 'c']),
    PCollection.mapWith(
      sides,
      (key, { table, index }): string => `${key} ${O.toNullable(table.get(key))} ${index.get(30).length} ${index.has(10)}`,
    ),
    gives(['a 30 2 false', 'b null 2 false', 'c 30 2 false']),
  )
})

export const olderValues = Pipeline.define(import.meta, 'olderValues', () => {
  const flags = pipe(
    Create.of(['dark off', 'beta on', 'dark on']),
    PCollection.keyBy(flag => flag.split(' ')[0] ?? ''),
    Window.into(GlobalWindows, { trigger: Repeatedly.forever(AfterCount.of(1)), accumulation: 'accumulating' }),
    View.asMultimap,
  )
  return pipe(
    TestStream.of(Coder.string, elements([at(1), 'dark'], [at(1), 'beta']), advanceWatermarkToInfinity),
    PCollection.mapWith({ flags }, (name, { flags }): string => [...flags.get(name)].sort().join()),
    gives(['dark off,dark on', 'beta on']),
  )
})

export const inDoFns = Pipeline.define(import.meta, 'inDoFns', () => {
  const withSide = DoFn.bundled({
    sides: { side: pipe(texts('x@3', 'y@15'), every(10), View.asSingleton) },
    startBundle: () => ({ seen: 0 }),
    process: ({ value }: Windowed<string>, { bundle, sides }) => [emit<string>(`${value} ${sides.side} ${(bundle.seen = 1)}`)],
  })
  return pipe(texts('a@1', 'b@12'), every(10), ParDo.of(withSide), gives(['a@1 x@3 1', 'b@12 y@15 1']))
})

export const chained = Pipeline.define(import.meta, 'chained', () => {
  const sizes = pipe(
    texts('x@3', 'y@4', 'z@15'),
    every(10),
    PCollection.mapWith({ all: pipe(texts('u@5', 'v@16', 'w@17'), every(10), View.asList) }, (text, { all }) => `${text}*${all.length}`),
  )
  return pipe(texts('a@1', 'b@12'), every(10), beside(sizes), gives(['a@1 x@3*1 y@4*1', 'b@12 z@15*2']))
})

export const waitOn = Pipeline.define(import.meta, 'waitOn', () => {
  // The signal's own elements show that a window is done: they are counted before the main ones may go on.
  const signal = TestStream.of(Coder.string, elements([at(1), 'x'], [at(2), 'y']), advanceWatermarkTo(at(10)), advanceWatermarkToInfinity)
  return pipe(
    texts('a@1', 'b@12', 'c@3'),
    every(10),
    Wait.on(pipe(signal, every(10)), pipe(texts('z@4'), every(20))),
    Reify.windowed,
    PCollection.map(({ value, timestamp, window }): string => `${value} ${timestamp} ${window.start}`),
    gives(['a@1 1 0', 'b@12 12 10', 'c@3 3 0']),
  )
})

export const reshuffled = Pipeline.define(import.meta, 'reshuffled', () =>
  pipe(
    texts('a@1', 'b@12', 'b@13'),
    every(10),
    PCollection.map(text => text.slice(0, 1)),
    Count.perElement,
    Reshuffle.of,
    Reify.windowed,
    PCollection.map(({ value: [key, n], window, timestamp, pane }): string => `${key}${n} ${window.start} ${timestamp} ${pane.timing}`),
    gives(['a1 0 9 onTime', 'b2 10 19 onTime']),
  ),
)

/** Its side fires now and then, and has long ended when the last elements come: what it said last holds. */
export const lastValue = Pipeline.define(import.meta, 'lastValue', () => {
  const many = Create.of(Array.from({ length: 600 }, (_, i) => i))
  const slowly = Window.into(GlobalWindows, { trigger: Repeatedly.forever(AfterCount.of(1)), accumulation: 'discarding' })
  const switched = pipe(Create.of(['on']), slowly)
  const pairs = pipe(
    switched,
    PCollection.map(text => KV.of('switch', text)),
  )
  const sides = {
    orElse: View.asSingletonOr('nothing')(switched),
    latest: pipe(switched, Latest.globally, View.asSingleton),
    list: View.asList(switched),
    map: View.asMap(pairs),
    multimap: View.asMultimap(pairs),
  }
  return pipe(
    many,
    PCollection.mapWith(sides, (_, { orElse, latest, list, map, multimap }): string =>
      [orElse, latest, list.join(), O.toNullable(map.get('switch')), multimap.get('switch').join()].join(' '),
    ),
    PAssert.satisfies(all => assert.deepEqual([...new Set(all)], ['on on on on on'])),
    PCollection.ignore,
  )
})

/** Each firing of a global combine replaces the one before as the one element, whatever it repeats. */
export const replaced = Pipeline.define(import.meta, 'replaced', () => {
  const accumulating = Window.into(GlobalWindows, { trigger: Repeatedly.forever(AfterCount.of(1)), accumulation: 'accumulating' })
  const { advanceProcessingTime } = TestStream
  const pass = advanceProcessingTime(millis(1))
  const numbers = TestStream.of(Coder.varint, elements([at(0), 1]), elements([at(0), 2]), elements([at(0), 4]))
  const total = pipe(numbers, accumulating, Sum.globally)
  const sides = {
    total: View.asSingleton(total),
    text: pipe(
      total,
      PCollection.map(n => `${n}!`),
      PCollection.filter(text => text !== '1!'),
      View.asSingletonOr('none'),
    ),
  }
  return pipe(
    TestStream.of(Coder.string, pass, pass, pass, pass, pass, pass, advanceWatermarkTo(5), elements([at(9), 'last'])),
    PCollection.mapWith(sides, (text, { total, text: shown }) => [text, total, shown].join(' ')),
    PAssert.satisfies(([seen]) => assert.match(seen ?? '', /^last (1 none|1 3!|3 3!|7 7!|3 none|7 none|7 3!)$/)),
    PCollection.ignore,
  )
})

export const sideInputCases: ReadonlyArray<Case> = [
  { says: 'a side keeps its last value when its source has ended and its last pane is empty', pipeline: lastValue, slow: true },
  { says: 'firings of an accumulating global combine replace one another as one value', pipeline: replaced },
  { says: 'a side input is one value, a list, an iterable, a map or a multimap', pipeline: views },
  { says: 'the window of a coarser side is that which holds the end of the element’s', pipeline: coarser },
  { says: 'so is that of a finer side, empty or not', pipeline: finer },
  { says: 'an element of several windows is looked up in each; of sliding sides the earliest counts', pipeline: sliding },
  { says: 'a global side is seen from every window', pipeline: global },
  { says: 'elements wait until their window of the side is there', pipeline: waiting },
  { says: 'a table has the latest value of each key, and no deleted one', pipeline: tables },
  { says: 'a multimap keeps every older value of a key, though its side fires for each', pipeline: olderValues },
  { says: 'a DoFn with a bundle’s life cycle reads sides', pipeline: inDoFns },
  { says: 'a side may itself have sides', pipeline: chained },
  { says: 'Wait.on keeps elements, times and windows, and goes on when all signals are done', pipeline: waitOn },
  { says: 'Reshuffle keeps elements, times, windows and panes', pipeline: reshuffled },
]
