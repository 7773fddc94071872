// Window functions of the calendar and of the user's own, through a whole pipeline.
import { assert } from 'chai'
import * as N from 'fp-ts/lib/number.js'
import {
  CalendarWindows,
  Combine,
  Count,
  Create,
  Instant,
  IntervalWindow,
  Metrics,
  PCollection,
  Pipeline,
  Reify,
  Sessions,
  SlidingWindows,
  Window,
  WindowFn,
  emit,
  emitAt,
  mergeOverlapping,
  millis,
  named,
  orThrow,
  pipe,
  ParDo,
} from '../../../sdk/index.ts'
import { DirectRunner } from '../../../runners/direct/index.ts'
import { containsInAnyOrder, PAssert, TestPipeline } from '../../../runners/direct/testing.ts'

const stamped = (...ats: ReadonlyArray<number>): PCollection<number> =>
  pipe(
    Create.of(ats),
    PCollection.withTimestamps(n => Instant.ofMillis(n)),
  )
/** Each value with its window's bounds. */
const spans = <A>(pc: PCollection<A>): PCollection<readonly [A, number, number]> =>
  pipe(
    pc,
    Reify.windowed,
    PCollection.map(({ value, window }) => [value, window.start, window.end]),
  )

describe('CalendarWindows in a pipeline', () => {
  it('count by the day of a place', () =>
    pipe(
      stamped(Date.UTC(2026, 2, 28, 22, 59), Date.UTC(2026, 2, 28, 23), Date.UTC(2026, 2, 29, 21, 59)),
      Window.into(CalendarWindows.days(1, { timeZone: 'Europe/Berlin' })),
      PCollection.keyBy(() => 'all'),
      Count.perKey,
      PCollection.values,
      spans,
      PAssert.that(
        containsInAnyOrder([
          [1, Date.UTC(2026, 2, 27, 23), Date.UTC(2026, 2, 28, 23)],
          [2, Date.UTC(2026, 2, 28, 23), Date.UTC(2026, 2, 29, 22)],
        ]),
      ),
      TestPipeline.run(),
    ))
})

describe('WindowFn.of', () => {
  const upTo = WindowFn.of({ name: 'value', assign: (n: number, at) => (n < 0 ? [] : [IntervalWindow.of(at, at + 10 * (n + 1))]) })

  it('sees the element, and one that it gives no window is dropped', () =>
    pipe(
      Create.of([0, 1, -1, 1]),
      PCollection.withTimestamps(() => Instant.ofMillis(0)),
      Window.into(upTo),
      PCollection.keyBy(() => 'all'),
      Combine.perKey(N.MonoidSum),
      PCollection.values,
      spans,
      PAssert.that(
        containsInAnyOrder([
          [0, 0, 10],
          [2, 0, 20],
        ]),
      ),
      TestPipeline.run(),
    ))

  it('drops what is in no window at once, and counts it with the path of the Window.into', async () => {
    const sparse = SlidingWindows.of(millis(1), { every: millis(10) })
    const early = ParDo.bundled({ process: ({ value }) => [emit(value)], finishBundle: () => [emitAt(Instant.ofMillis(15))(-2)] })
    const branch = (name: string, fn: WindowFn<number>, ...kept: ReadonlyArray<number>) =>
      pipe(stamped(0, 3, 4), named(name, Window.into(fn)), PAssert.that(containsInAnyOrder(kept)))
    const { metrics } = await orThrow(
      DirectRunner.run({ bundling: 'all' })(
        Pipeline.of(
          pipe(
            branch('Odd', WindowFn.of({ name: 'odd', assign: (n, at) => (n % 2 === 0 ? [] : [IntervalWindow.of(at, at + 1)]) }), 3),
            PCollection.ignore,
          ),
          pipe(branch('Sparse', sparse, 0), named('Late', early), PAssert.that(containsInAnyOrder([0])), PCollection.ignore),
        ),
      ),
    )
    const dropped = Metrics.query(metrics, { name: 'droppedWithoutWindow' }).map(({ transform, attempted }) => [transform, attempted])
    assert.sameDeepMembers(dropped, [
      ['Odd/Window.into#1', 2],
      ['Sparse/Window.into#1', 2],
      ['Late/ParDo#1', 1],
    ])
  })

  it('is asked for what a bundle emits at its end as well', () =>
    pipe(
      stamped(0),
      Window.into(WindowFn.of({ name: 'ten', assign: (_, at) => [IntervalWindow.of(at, at + 10)] })),
      ParDo.bundled({ process: () => [], finishBundle: () => [emitAt(Instant.ofMillis(5))('end')] }),
      spans,
      PAssert.that(containsInAnyOrder([['end', 5, 15]])),
      TestPipeline.run(),
    ))

  const failure = async (assign: (n: number, at: Instant) => unknown): Promise<string> => {
    // What a JavaScript caller may give.
    const fn = WindowFn.of({ name: 'odd', assign: assign as (n: number, at: Instant) => [] })
    try {
      await pipe(stamped(5), Window.into(fn), TestPipeline.run())
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
    return 'it ran'
  }
  it('ends the run with its name and path where it gives what are no windows', async () => {
    assert.match(await failure(() => null), /Window\.into#1: the window function odd gives an array of windows, and gave null/)
    assert.match(await failure(() => [{ start: 1, end: 1 }]), /gave { start: 1, end: 1 }, which is no window/)
    assert.match(await failure(() => [{ start: 0, end: 1.5 }]), /which is no window/)
    assert.match(await failure(() => [IntervalWindow.of(0, 5)]), /a window ends after its elements/)
    assert.match(
      await failure(() => [{ start: 0, end: 10, id: 'a' }]),
      /the window function odd gave a window with id, and a window is its start and end alone\. Put id into the key or the value/,
    )
  })
  it('needs a name', () => assert.throws(() => WindowFn.of({ name: ' ', assign: () => [] }), RangeError, /needs a name/))
})

describe('WindowFn.merging', () => {
  it('gives sessions whose gap is each element’s own', () =>
    pipe(
      Create.of([
        { at: 0, gap: 10 },
        { at: 5, gap: 100 },
        { at: 90, gap: 1 },
        { at: 200, gap: 1 },
      ]),
      PCollection.withTimestamps(({ at }) => Instant.ofMillis(at)),
      Window.into(
        WindowFn.merging({
          name: 'gaps',
          assign: ({ gap }: { readonly gap: number }, at) => [IntervalWindow.of(at, at + gap)],
          merge: mergeOverlapping,
        }),
      ),
      PCollection.keyBy(() => 'all'),
      Count.perKey,
      PCollection.values,
      spans,
      PAssert.that(
        containsInAnyOrder([
          [3, 0, 105],
          [1, 200, 201],
        ]),
      ),
      TestPipeline.run(),
    ))
})

describe('a second grouping behind sessions', () => {
  it('takes them as the first one made them, and merges them only where Window.into asks again', async () => {
    // Sessions of two users, which overlap.
    const perUser = pipe(
      Create.of([
        ['ann', 0],
        ['bob', 5],
      ] as const),
      PCollection.withTimestamps(([, at]) => Instant.ofMillis(at)),
      Window.into(Sessions.withGap(millis(10)), { timestampCombiner: 'earliest' }),
      Count.perKey,
      PCollection.map(([, n]) => ['all', n]),
    )
    await pipe(
      perUser,
      Combine.perKey(N.MonoidSum),
      PCollection.values,
      spans,
      PAssert.that(
        containsInAnyOrder([
          [1, 0, 10],
          [1, 5, 15],
        ]),
      ),
      TestPipeline.run(),
    )
    await pipe(
      perUser,
      Window.into(Sessions.withGap(millis(10))),
      Combine.perKey(N.MonoidSum),
      PCollection.values,
      spans,
      PAssert.that(containsInAnyOrder([[2, 0, 15]])),
      TestPipeline.run(),
    )
  })
})

describe('what a CombineFn throws', () => {
  it('ends the run with the grouping’s path, wherever it is called', async () => {
    const throwing = (which: 'add' | 'extract') => ({
      create: () => 0,
      add: (n: number, of: number) => (which === 'add' ? fail() : n + of),
      merge: (a: number, b: number) => a + b,
      extract: (n: number) => (which === 'extract' ? fail() : n),
    })
    const fail = (): never => {
      throw new Error('no such sum')
    }
    for (const which of ['add', 'extract'] as const) {
      const run = pipe(
        stamped(1, 2),
        Window.into(Sessions.withGap(millis(10))),
        PCollection.keyBy(() => 'all'),
        Combine.perKey(throwing(which)),
        TestPipeline.run(),
      )
      const message = await run.then(
        () => 'it ran',
        (error: unknown) => String(error),
      )
      assert.match(message, /Combine\.perKey#1: no such sum/)
    }
  })
})
