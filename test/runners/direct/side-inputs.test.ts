// Side inputs on the direct runner: which window an element sees, what it waits for, and what it is told where nothing is there.
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { DirectRunner } from '../../../runners/direct/index.ts'
import { PAssert, TestPipeline, TestStream, type TestEvent, containsInAnyOrder } from '../../../runners/direct/testing.ts'
import type { PCollection as Collection } from '../../../sdk/graph/pcollection.ts'
import {
  AfterCount,
  AfterWatermark,
  Coder,
  Count,
  Create,
  DoFn,
  FixedWindows,
  Instant,
  KV,
  ParDo,
  PCollection,
  Pipeline,
  type PipelineError,
  Reify,
  Repeatedly,
  Reshuffle,
  SideInputError,
  SlidingWindows,
  View,
  Wait,
  Window,
  type Windowed,
  emit,
  millis,
  named,
  pipe,
} from '../../../sdk/index.ts'

const { elements, advanceWatermarkTo, advanceProcessingTime, advanceWatermarkToInfinity } = TestStream
const at = Instant.ofMillis
type Event = TestEvent<string>
const texts = (...events: ReadonlyArray<Event>): Collection<string> => TestStream.of(Coder.string, ...events)
/** Nothing happens: two streams play in turn, an event each. */
const pass: Event = advanceProcessingTime(millis(1))
const everyTen = Window.into(FixedWindows.of(millis(10)))

const failureOf = async (pc: Collection<unknown>): Promise<PipelineError> => {
  const result = await DirectRunner.run({ strict: true })(Pipeline.of(pipe(pc, PCollection.ignore)))()
  return E.isLeft(result) ? result.left : assert.fail('it ran to its end')
}
const sideErrorIn = (error: PipelineError): object => {
  assert.strictEqual(error._tag, 'UserCodeFailed')
  const cause: unknown = 'cause' in error ? error.cause : null
  assert.instanceOf(cause, SideInputError)
  return cause
}

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

  it('is what its newest pane with elements says: all so far where panes accumulate, the last part where they do not', async () => {
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
      const expected = accumulation === 'accumulating' ? ['a: x', 'b: x y', 'c: x y'] : ['a: x', 'b: y', 'c: y']
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

  it('that is a changelog is one table for all windows, there once its source has nothing pending', () => {
    const main = pipe(texts(elements([at(1), 'a']), pass, elements([at(12), 'a'], [at(13), 'b'])), everyTen)
    const changes = pipe(
      TestStream.of(
        Coder.structural<KV<string, O.Option<number>>>(),
        elements([at(5), KV.of('a', O.some(1))], [at(4), KV.of('b', O.some(2))]),
        elements([at(6), KV.of('b', O.none)]),
      ),
      everyTen,
    )
    return pipe(
      main,
      PCollection.mapWith(
        {
          table: View.asTable(changes),
          index: pipe(
            changes,
            View.asIndex((n, key) => `${key}${n}`),
          ),
        },
        (key, { table, index }): string => `${key} ${O.toNullable(table.get(key))} ${index.get('a1').join()}`,
      ),
      PAssert.that(containsInAnyOrder(['a 1 1', 'a 1 1', 'b null 1'])),
      TestPipeline.run(),
    )
  })
})

describe('a DoFn with side inputs', () => {
  it("reads them in its context, those of its element's window", () => {
    const side = pipe(texts(elements([at(3), 'x'], [at(15), 'y'])), everyTen, View.asSingleton)
    const withSides = DoFn.bundled({
      sides: { side },
      setup: () => '!',
      startBundle: mark => ({ mark }),
      process: ({ value, window }: Windowed<string>, { setup, bundle, sides }) => [
        emit<string>(`${value} ${sides.side} ${window.start}${setup}${bundle.mark}`),
      ],
    })
    return pipe(
      texts(elements([at(1), 'a'], [at(12), 'b'], [at(2), 'c'])),
      everyTen,
      ParDo.of(withSides),
      PAssert.that(containsInAnyOrder(['a x 0!!', 'b y 10!!', 'c x 0!!'])),
      TestPipeline.run(),
    )
  })

  it('cannot read them where there is no element', async () => {
    const spec = {
      sides: { side: View.asList(Create.of([1])) },
      process: () => [],
      // What its type hides is there at run time for whoever has no types.
      finishBundle: (context: object) => [emit((context as { readonly sides: unknown }).sides)],
    }
    const error = await failureOf(pipe(Create.of([1]), ParDo.bundled(spec)))
    assert.match(error.message, /^ParDo#1: side inputs are read in `process` alone/)
    assert.deepInclude(sideErrorIn(error), { kind: 'notReady' })
  })
})

describe('reading a side input that has no value', () => {
  const one = Create.of([1])
  it('names the side, the window and the way out: an empty singleton', async () => {
    const main = pipe(texts(elements([at(1), 'a'])), everyTen)
    const none = pipe(texts(advanceWatermarkToInfinity), everyTen, View.asSingleton)
    const error = await failureOf(
      pipe(
        main,
        named(
          'Enrich',
          PCollection.mapWith({ none }, (a, { none }) => a + none),
        ),
      ),
    )
    assert.match(
      error.message,
      /^Enrich\/mapWith#1: the side input "none" has no element in \[1970-01-01T00:00:00\.000Z, 1970-01-01T00:00:00\.010Z\)\. View\.asSingletonOr/,
    )
    assert.deepInclude(sideErrorIn(error), { kind: 'empty', side: 'none' })
  })

  it('a singleton of several', async () => {
    const error = await failureOf(
      pipe(
        one,
        PCollection.mapWith({ two: View.asSingleton(Create.of([1, 2])) }, (n, { two }) => n + two),
      ),
    )
    assert.match(error.message, /^mapWith#1: the side input "two" has 2 elements in the global window\. Combine/)
    assert.deepInclude(sideErrorIn(error), { kind: 'several' })
  })

  it('a map with one key twice', async () => {
    const twice = View.asMap(Create.of([KV.of({ id: 7 }, 1), KV.of({ id: 7 }, 2)]))
    const error = await failureOf(
      pipe(
        one,
        PCollection.flatMapWith({ twice }, (_, { twice }) => [twice.has({ id: 7 })]),
      ),
    )
    assert.match(
      error.message,
      /^flatMapWith#1: the side input "twice" has the key \{ id: 7 \} twice in the global window\. Use View\.asMultimap/,
    )
    assert.deepInclude(sideErrorIn(error), { kind: 'duplicateKey' })
  })

  it('is no error where nobody reads it', () =>
    pipe(
      one,
      PCollection.mapWith({ none: View.asSingleton(Create.of<number>([])) }, n => n),
      PAssert.that(containsInAnyOrder([1])),
      TestPipeline.run(),
    ))

  it('an index whose own function throws: with the change that it was given', async () => {
    const changes = Create.of([KV.of('k', O.some(1))])
    const index = pipe(
      changes,
      View.asIndex((): string => {
        throw new Error('no index')
      }),
    )
    const error = await failureOf(
      pipe(
        one,
        PCollection.mapWith({ index }, (_, { index }) => index.has('x')),
      ),
    )
    assert.match(error.message, /^mapWith\.sides#1: no index\n.*"k"/)
  })
})

describe('Wait.on', () => {
  it('holds elements back until the other collection is done with their window', async () => {
    const order: string[] = []
    const noted = PCollection.map((x: string) => (order.push(x), x))
    const main = pipe(texts(elements([at(1), 'a'], [at(12), 'b']), advanceWatermarkToInfinity), everyTen)
    const signal = pipe(
      texts(
        elements([at(3), 'x']),
        pass,
        advanceWatermarkTo(at(10)),
        elements([at(11), 'y']),
        advanceWatermarkTo(at(20)),
        elements([at(21), 'z']),
      ),
      noted,
      Window.into(FixedWindows.of(millis(10)), { trigger: Repeatedly.forever(AfterCount.of(1)), accumulation: 'discarding' }),
    )
    await pipe(main, Wait.on(signal), noted, PAssert.that(containsInAnyOrder(['a', 'b'])), TestPipeline.run())
    assert.deepEqual(order, ['x', 'a', 'y', 'b', 'z'])
  })

  it('waits for all of several, and keeps the key coder', async () => {
    const coder = Coder.imap<string, string>(
      s => ({ _tag: 'Right', right: s }),
      s => s.toLowerCase(),
    )(Coder.string)
    await pipe(
      Create.of(['A', 'a']),
      PCollection.keyBy(w => w, { coder }),
      Wait.on(Create.of([1]), Create.of([2])),
      Count.perKey,
      PCollection.values,
      PAssert.that(containsInAnyOrder([2])),
      TestPipeline.run(),
    )
  })
})

describe('Reshuffle', () => {
  it('keeps elements, windows and panes, and spreads them over tasks', () =>
    pipe(
      texts(elements([at(1), 'a'], [at(12), 'b'], [at(13), 'b'])),
      everyTen,
      Count.perElement,
      Reshuffle.of,
      Reify.windowed,
      PCollection.map(({ value: [key, n], window, timestamp, pane }): string => `${key}${n} ${window.start} ${timestamp} ${pane.timing}`),
      PAssert.that(containsInAnyOrder(['a1 0 9 onTime', 'b2 10 19 onTime'])),
      TestPipeline.run({ runner: DirectRunner.run({ tasks: 3, strict: true }) }),
    ))
})
