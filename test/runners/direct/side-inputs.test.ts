// Side inputs on the direct runner: which window an element sees, what it waits for, and what it is told where nothing is there.
import { assert } from 'chai'
import * as O from 'fp-ts/lib/Option.js'
import { PAssert, TestPipeline, TestStream, type TestEvent, containsInAnyOrder } from '../../../runners/direct/testing.ts'
import type { PCollection as Collection } from '../../../sdk/graph/pcollection.ts'
import {
  AfterCount,
  AfterWatermark,
  Coder,
  Create,
  FixedWindows,
  Instant,
  KV,
  PCollection,
  Reify,
  SlidingWindows,
  View,
  Window,
  millis,
  pipe,
} from '../../../sdk/index.ts'

const { elements, advanceWatermarkTo, advanceProcessingTime, advanceWatermarkToInfinity } = TestStream
const at = Instant.ofMillis
type Event = TestEvent<string>
const texts = (...events: ReadonlyArray<Event>): Collection<string> => TestStream.of(Coder.string, ...events)
/** Nothing happens: two streams play in turn, an event each. */
const pass: Event = advanceProcessingTime(millis(1))
const everyTen = Window.into(FixedWindows.of(millis(10)))

/** Each element of `main` with the sorted elements of the side's window: 'a: x y'. */
const beside =
  (side: Collection<string>) =>
  (main: Collection<string>): Collection<string> =>
    pipe(
      main,
      PCollection.mapWith({ side: View.asList(side) }, (a, { side }) => [`${a}:`, ...[...side].sort()].join(' ')),
    )

describe('a side input', () => {
  it('is seen by every element: one value, or another where there is none', () => {
    const numbers = Create.of([1, 2, 3])
    const side = pipe(Create.of([10]), View.asSingleton)
    const none = pipe(Create.of<number>([]), View.asSingletonOr(5))
    return pipe(
      numbers,
      PCollection.mapWith({ side, none }, (n, { side, none }) => n * side + none),
      PAssert.that(containsInAnyOrder([15, 25, 35])),
      TestPipeline.run(),
    )
  })

  it('is a list, an iterable, a map, a multimap', () => {
    const words = Create.of(['a', 'b'])
    const pairs = Create.of([KV.of('a', 1), KV.of('c', 3)])
    const many = Create.of([KV.of('a', 1), KV.of('a', 2)])
    return pipe(
      words,
      PCollection.flatMapWith(
        { list: View.asList(pairs), all: View.asIterable(pairs), map: View.asMap(pairs), multi: View.asMultimap(many) },
        (w, { list, all, map, multi }): ReadonlyArray<ReadonlyArray<unknown>> => [
          [w, list.length, [...all].length, O.toNullable(map.get(w)), map.has('c'), [...multi.get(w)].sort(), multi.has(w)],
        ],
      ),
      PAssert.that(
        containsInAnyOrder([
          ['a', 2, 2, 1, true, [1, 2], true],
          ['b', 2, 2, null, true, [], false],
        ]),
      ),
      TestPipeline.run(),
    )
  })

  it('finds keys by their encoding, with the key coder of the collection', () => {
    const points = pipe(
      Create.of([{ x: 1, y: 2 }]),
      PCollection.keyBy(p => p),
    )
    const folded = pipe(
      Create.of(['A']),
      PCollection.keyBy(w => w, {
        coder: Coder.imap<string, string>(
          s => ({ _tag: 'Right', right: s }),
          s => s.toLowerCase(),
        )(Coder.string),
      }),
      View.asMap,
    )
    return pipe(
      Create.of([1]),
      PCollection.mapWith({ points: View.asMap(points), folded }, (_, { points, folded }) => [
        points.has({ y: 2, x: 1 }),
        folded.has('a'),
        folded.has('b'),
      ]),
      PAssert.that(containsInAnyOrder([[true, true, false]])),
      TestPipeline.run(),
    )
  })

  it('of a coarser window is seen by all finer ones inside it, and they wait until it has fired', () => {
    // Main and side play in turn, an event each; the side's hour ends last.
    const main = pipe(texts(elements([at(1), 'a'], [at(12), 'b']), elements([at(21), 'c']), advanceWatermarkToInfinity), everyTen)
    const side = pipe(
      texts(elements([at(3), 'x'], [at(25), 'z']), elements([at(15), 'y']), advanceWatermarkToInfinity),
      Window.into(FixedWindows.of(millis(20))),
    )
    return pipe(main, beside(side), PAssert.that(containsInAnyOrder(['a: x y', 'b: x y', 'c: z'])), TestPipeline.run())
  })

  it('of finer windows is looked up by the end of the coarser one', () => {
    const main = pipe(texts(elements([at(1), 'a'], [at(25), 'b'])), Window.into(FixedWindows.of(millis(20))))
    const side = pipe(texts(elements([at(3), 'x'], [at(15), 'y'], [at(25), 'z'])), everyTen)
    return pipe(main, beside(side), PAssert.that(containsInAnyOrder(['a: y', 'b:'])), TestPipeline.run())
  })

  it("of sliding windows is the earliest that holds the end of the element's own", () => {
    const main = pipe(texts(elements([at(1), 'a'])), everyTen)
    const side = pipe(
      texts(elements([at(-8), 'v'], [at(-3), 'w'], [at(3), 'x'], [at(13), 'y'])),
      Window.into(SlidingWindows.of(millis(15), { every: millis(5) })),
    )
    // 9 lies in [-5, 10), [0, 15) and [5, 20).
    return pipe(main, beside(side), PAssert.that(containsInAnyOrder(['a: w x'])), TestPipeline.run())
  })

  it('is looked up once for each window of an element', () => {
    const main = pipe(texts(elements([at(6), 'a'])), Window.into(SlidingWindows.of(millis(10), { every: millis(5) })))
    const side = pipe(texts(elements([at(2), 'x'], [at(12), 'y'])), everyTen)
    return pipe(
      main,
      beside(side),
      Reify.windowed,
      PCollection.map(({ value, window }): string => `${value} @${window.start}`),
      PAssert.that(containsInAnyOrder(['a: x @0', 'a: y @5'])),
      TestPipeline.run(),
    )
  })

  it('that is global is seen from every window', () => {
    const main = pipe(texts(elements([at(1), 'a'], [at(12), 'b'])), everyTen)
    return pipe(main, beside(Create.of(['x'])), PAssert.that(containsInAnyOrder(['a: x', 'b: x'])), TestPipeline.run())
  })

  it('is what its newest pane says: all so far where panes accumulate, the last part where they do not', async () => {
    const seen = (accumulation: 'accumulating' | 'discarding'): Promise<unknown> => {
      const main = pipe(
        texts(elements([at(1), 'a']), pass, elements([at(2), 'b']), pass, elements([at(3), 'c']), advanceWatermarkToInfinity),
        everyTen,
      )
      const side = pipe(
        texts(elements([at(1), 'x']), elements([at(2), 'y']), pass, advanceWatermarkTo(at(10)), elements([at(3), 'z'])),
        Window.into(FixedWindows.of(millis(10)), {
          trigger: AfterWatermark.pastEndOfWindow({ early: AfterCount.of(1), late: AfterCount.of(1) }),
          allowedLateness: millis(5),
          accumulation,
        }),
      )
      const expected = accumulation === 'accumulating' ? ['a: x', 'b: x y', 'c: x y'] : ['a: x', 'b: y', 'c:']
      return pipe(main, beside(side), PAssert.that(containsInAnyOrder(expected)), TestPipeline.run())
    }
    await seen('accumulating')
    await seen('discarding')
  })

  it('is empty once its window can no longer fire, allowed lateness included', () => {
    const order: string[] = []
    const main = pipe(
      texts(elements([at(1), 'a'])),
      everyTen,
      beside(
        pipe(
          texts(
            pass,
            advanceWatermarkTo(at(10)),
            advanceWatermarkTo(at(14)),
            elements([at(20), 'x']),
            advanceWatermarkTo(at(15)),
            elements([at(21), 'y']),
          ),
          PCollection.map(x => (order.push(x), x)),
          Window.into(FixedWindows.of(millis(10)), { allowedLateness: millis(5), accumulation: 'discarding' }),
        ),
      ),
      PCollection.map(x => (order.push(x), x)),
    )
    return pipe(main, PAssert.that(containsInAnyOrder(['a:'])), TestPipeline.run()).then(() => assert.deepEqual(order, ['x', 'a:', 'y']))
  })
})
