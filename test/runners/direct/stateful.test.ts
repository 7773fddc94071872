// Stateful DoFns and what is built on them, run by the direct runner at its strictest.
import { assert } from 'chai'
import {
  Coder,
  Count,
  Create,
  Deduplicate,
  FixedWindows,
  GroupIntoBatches,
  Instant,
  IntervalWindow,
  Join,
  ParDo,
  PCollection,
  Pipeline,
  Reify,
  Sessions,
  State,
  Timer,
  Window,
  emit,
  hours,
  millis,
  minutes,
  pipe,
  seconds,
} from '../../../sdk/index.ts'
import { viewCoder } from '../../../examples/model.ts'
import { userStats } from '../../../examples/sessions.ts'
import { PAssert, TestPipeline, TestStream, containsInAnyOrder } from '../../../runners/direct/testing.ts'

const at = Instant.ofMillis
const view = (user: string, page: string, ms: number) => ({ user, page, at: at(ms), millis: 5 })
const pair = Coder.structural<readonly [string, number]>()

describe('user statistics', () => {
  it('gives a final session after 30 idle minutes', () =>
    pipe(
      TestStream.of(
        viewCoder,
        TestStream.elements([1_000, view('u1', '/a', 1_000)], [2_000, view('u1', '/b', 2_000)]),
        TestStream.advanceProcessingTime(seconds(10)),
        TestStream.advanceWatermarkTo(2_000 + minutes(30)),
        TestStream.advanceWatermarkToInfinity,
      ),
      PCollection.keyBy(v => v.user),
      ParDo.of(userStats),
      PAssert.that(
        containsInAnyOrder([
          { kind: 'partial', user: 'u1', views: 2, recent: [view('u1', '/a', 1_000), view('u1', '/b', 2_000)] },
          {
            kind: 'final',
            user: 'u1',
            views: 2,
            millis: 10,
            pages: [
              ['/a', 1],
              ['/b', 1],
            ],
          },
        ]),
      ),
      TestPipeline.run({ seed: 42 }),
    ))
})

describe('GroupIntoBatches', () => {
  it('gives full batches as they fill, and the rest at the end of its window', () =>
    pipe(
      TestStream.of(
        pair,
        TestStream.elements([1, ['a', 1]], [2, ['a', 2]], [3, ['b', 3]], [4, ['a', 4]], [11, ['a', 5]]),
        TestStream.advanceWatermarkToInfinity,
      ),
      Window.into(FixedWindows.of(millis(10))),
      GroupIntoBatches.ofSize(2),
      Reify.windowed,
      PCollection.map(({ value, timestamp, window }) => ({ value, timestamp, window })),
      PAssert.that(
        containsInAnyOrder([
          { value: ['a', [1, 2]], timestamp: at(2), window: IntervalWindow.of(0, 10) },
          { value: ['a', [4]], timestamp: at(9), window: IntervalWindow.of(0, 10) },
          { value: ['b', [3]], timestamp: at(9), window: IntervalWindow.of(0, 10) },
          { value: ['a', [5]], timestamp: at(19), window: IntervalWindow.of(10, 20) },
        ]),
      ),
      TestPipeline.run(),
    ))

  it('lets no batch wait for longer than it may, counted from its first value', () =>
    pipe(
      TestStream.of(
        pair,
        TestStream.elements([1, ['a', 1]]),
        TestStream.advanceProcessingTime(seconds(3)),
        TestStream.elements([2, ['a', 2]]),
        TestStream.advanceProcessingTime(seconds(3)),
        TestStream.elements([3, ['a', 3]]),
        TestStream.advanceWatermarkToInfinity,
      ),
      GroupIntoBatches.ofSize(10, { maxBufferingDuration: seconds(5) }),
      Reify.windowed,
      PCollection.map(({ value: [, values], timestamp }) => ({ values, timestamp })),
      PAssert.that(
        containsInAnyOrder([
          { values: [1, 2], timestamp: at(1) },
          { values: [3], timestamp: at(Instant.max - 2) },
        ]),
      ),
      TestPipeline.run(),
    ))

  it('refuses sizes and durations that are none', () => {
    assert.throws(() => GroupIntoBatches.ofSize(0), /a size is a whole number from 1/)
    assert.throws(() => GroupIntoBatches.ofSize(1, { maxBufferingDuration: seconds(-1) }), /above 0/)
  })
})

describe('Deduplicate', () => {
  it('drops what comes again within a time of the clock, and takes it behind that', () =>
    pipe(
      TestStream.of(
        pair,
        TestStream.elements([1, ['a', 1]], [2, ['b', 2]], [3, ['a', 3]]),
        TestStream.advanceProcessingTime(seconds(5)),
        TestStream.elements([4, ['a', 4]]),
        TestStream.advanceProcessingTime(seconds(5)),
        TestStream.elements([5, ['a', 5]], [6, ['a', 6]]),
        TestStream.advanceWatermarkToInfinity,
      ),
      Deduplicate.by(([id]) => id, { within: seconds(10) }),
      PAssert.that(
        containsInAnyOrder([
          ['a', 1],
          ['b', 2],
          ['a', 5],
        ]),
      ),
      TestPipeline.run(),
    ))

  it('does so by event time where that is asked for', () =>
    pipe(
      TestStream.of(
        pair,
        TestStream.elements([1, ['a', 1]], [9, ['a', 9]]),
        TestStream.advanceWatermarkTo(11),
        TestStream.elements([11, ['a', 11]]),
        TestStream.advanceWatermarkTo(12),
        TestStream.elements([12, ['a', 12]]),
        TestStream.advanceWatermarkToInfinity,
      ),
      Deduplicate.by(([id]) => id, { within: millis(10), domain: 'eventTime' }),
      PAssert.that(
        containsInAnyOrder([
          ['a', 1],
          ['a', 12],
        ]),
      ),
      TestPipeline.run(),
    ))

  it('does not hold up the windows behind it: what is late for them is dropped', () =>
    pipe(
      TestStream.of(
        pair,
        TestStream.elements([1, ['a', 1]], [2, ['a', 2]]),
        TestStream.advanceWatermarkTo(10),
        TestStream.elements([3, ['late', 3]], [12, ['b', 4]]),
        TestStream.advanceWatermarkToInfinity,
      ),
      Deduplicate.by(([id]) => id, { within: hours(1) }),
      Window.into(FixedWindows.of(millis(10))),
      Count.perKey,
      PAssert.that(
        containsInAnyOrder([
          ['a', 1],
          ['b', 1],
        ]),
      ),
      TestPipeline.run(),
    ))
})

describe('Join.within', () => {
  const joined = (elements: ReadonlyArray<readonly [atMillis: number, a: readonly [string, number]]>, distance = 10) => {
    const events = TestStream.of(pair, TestStream.elements(...elements), TestStream.advanceWatermarkToInfinity)
    const side = (positive: boolean) =>
      pipe(
        events,
        PCollection.filter(([, n]) => n > 0 === positive),
      )
    return pipe(side(true), Join.within(side(false), millis(distance)))
  }

  it('gives each pair that lies near enough with the later timestamp, and what met nobody with its own', async () => {
    const { pairs, leftAlone, rightAlone } = joined([
      [1, ['a', 1]],
      [11, ['a', -11]],
      [12, ['a', -12]],
      [5, ['a', 5]],
      [40, ['a', 40]],
      [60, ['a', -60]],
      [5, ['b', 5]],
    ])
    const placed = <A>(pc: PCollection<A>) =>
      pipe(
        pc,
        Reify.windowed,
        PCollection.map(({ value, timestamp }) => ({ value, at: timestamp })),
      )
    await TestPipeline.run()(
      pipe(
        placed(pairs),
        PAssert.that(
          containsInAnyOrder([
            { value: ['a', [1, -11]], at: at(11) },
            { value: ['a', [5, -11]], at: at(11) },
            { value: ['a', [5, -12]], at: at(12) },
          ]),
        ),
      ),
      pipe(
        placed(leftAlone),
        PAssert.that(
          containsInAnyOrder([
            { value: ['a', 40], at: at(40) },
            { value: ['b', 5], at: at(5) },
          ]),
        ),
      ),
      pipe(placed(rightAlone), PAssert.that(containsInAnyOrder([{ value: ['a', -60], at: at(60) }]))),
    )
  })

  it('agrees with comparing all with all, whatever the order', async () => {
    let random = 7
    const next = (below: number): number => (random = (random * 48_271) % 2_147_483_647) % below
    const all = Array.from({ length: 60 }, (_, i): readonly [number, readonly [string, number]] => {
      const time = next(200)
      return [time, [next(2) === 0 ? 'a' : 'b', next(2) === 0 ? i + 1 : -(i + 1)]]
    })
    const { pairs, leftAlone, rightAlone } = joined([...all], 7)
    const wanted = all.flatMap(([t, [key, a]]) =>
      all.filter(([u, [other, b]]) => a > 0 && b < 0 && key === other && Math.abs(t - u) <= 7).map(([, [, b]]) => [key, [a, b]] as const),
    )
    const met = new Set(wanted.flatMap(([, ns]) => ns))
    const alone = (positive: boolean) => all.map(([, kv]) => kv).filter(([, n]) => n > 0 === positive && !met.has(n))
    await TestPipeline.run({ seed: 3 })(
      pipe(pairs, PAssert.that(containsInAnyOrder(wanted))),
      pipe(leftAlone, PAssert.that(containsInAnyOrder(alone(true)))),
      pipe(rightAlone, PAssert.that(containsInAnyOrder(alone(false)))),
    )
  })

  it('refuses a distance that is none', () => {
    const none = pipe(
      Create.of([['a', 1]] as const),
      PCollection.map(([k, n]) => [k, n]),
    )
    assert.throws(() => pipe(none, Join.within(none, millis(-1))), /Join.within: how far apart is a length of time/)
  })
})

describe('a stateful DoFn', () => {
  it('under windows that merge is refused, with what to do', () => {
    const ends = pipe(
      Create.of(['a']),
      PCollection.keyBy(a => a),
      Window.into(Sessions.withGap(minutes(1))),
      ParDo.stateful({ state: { n: State.value(Coder.varint, 0) }, process: ({ value }) => [emit(value)] }),
      PCollection.ignore,
    )
    assert.throws(() => Pipeline.of(ends), /ParDo#1 \(made at .*stateful\.test\.ts.*\) keeps state for each window, and its windows merge/)
  })

  it('by keys whose coder is not deterministic is refused', () => {
    const ends = pipe(
      Create.of(['a']),
      PCollection.keyBy(a => a, { coder: Coder.json((a): a is string => typeof a === 'string') }),
      ParDo.stateful({ state: {}, process: ({ value }) => [emit(value)] }),
      PCollection.ignore,
    )
    assert.throws(() => Pipeline.of(ends), /groups by keys of the coder .*, which is not deterministic/)
  })

  it('that changes its input is found out', async () => {
    const run = pipe(
      Create.of([{ id: 'a', n: 1 }]),
      PCollection.keyBy(a => a.id),
      ParDo.stateful({
        state: {},
        process: ({ value }) => {
          ;(value as { n: number }).n++
          return [emit(value)]
        },
      }),
      TestPipeline.run(),
    )
    const error: unknown = await run.catch((e: unknown) => e)
    assert.match(String(error), /ParDo#1 changed its input/)
  })

  it('ends a bounded run at once, whatever timers of the clock are pending', () =>
    pipe(
      Create.of(['a']),
      PCollection.keyBy(a => a),
      ParDo.stateful({
        state: { n: State.value(Coder.varint, 0) },
        timers: { later: Timer.processingTime },
        process: (_, { n, later }) => [n.write(1), later.after(hours(1))],
        onTimer: { later: () => [emit('later')] },
        onWindowExpiration: ({ key }) => [emit(`${key} is over`)],
      }),
      PAssert.that(containsInAnyOrder(['a is over'])),
      TestPipeline.run(),
    ))
})
