// Restrictions without end, put aside and drained; split while they are read; finalized; and how far event time has come in them.
import { assert } from 'chai'
import * as O from 'fp-ts/lib/Option.js'
import {
  AfterCount,
  AfterWatermark,
  Coder,
  Combine,
  CombineFn,
  Create,
  FixedWindows,
  Instant,
  IntervalWindow,
  type Job,
  type JobMetrics,
  Metrics,
  millis,
  named,
  OffsetRange,
  PCollection,
  pipe,
  Pipeline,
  type PipelineDefinition,
  Restriction,
  resumeAfter,
  Splittable,
  stop,
  Timestamped,
  WatermarkEstimator,
  Window,
} from '../../sdk/index.ts'
import type { PCollection as Collection, PDone } from '../../sdk/graph/pcollection.ts'
import { PAssert, containsInAnyOrder, satisfies, singleton } from '../../sdk/testing/index.ts'
import { type Case, until } from './frame.ts'
import { underOne } from './grouped.ts'
import { note, notesOf } from './notes.ts'

const at = (t: number): Instant => Instant.ofMillis(t)
const upTo = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)
const farAway = 1_000_000

/** Two positions a visit, and then it is put aside: whoever reads such a thing waits for more. */
const endless = (truncate?: (element: string, r: OffsetRange) => O.Option<OffsetRange>) =>
  Splittable.read({
    restriction: OffsetRange,
    watermark: WatermarkEstimator.monotonic,
    isBounded: false,
    initial: (_: string) => OffsetRange.of(0, farAway),
    truncate,
    async *process(_, tracker) {
      const from = tracker.restriction.from
      const claimed = tracker.tryClaimAll([from, from + 1])
      await Promise.resolve()
      yield [from, from + 1].slice(0, claimed).map(n => pipe(n, Timestamped.at(at(n))))
      return claimed < 2 ? stop : resumeAfter(millis(1))
    },
  })

const read = Metrics.counter('read')
const counted = PCollection.map((n: number) => {
  read.inc()
  return n
})

const eachOnce = (all: ReadonlyArray<number>): void => assert.strictEqual(new Set(all).size, all.length, `each once: ${all.join()}`)

/** A drain leaves what has no end, as it is by default. */
export const drained = Pipeline.define(import.meta, 'drained', () =>
  pipe(
    Create.of(['a']),
    endless(),
    counted,
    PAssert.that(
      satisfies((all: ReadonlyArray<number>) => {
        eachOnce(all)
        assert.isAtLeast(all.length, 10)
        assert.includeMembers([...all], [...upTo(4)])
      }),
    ),
    PCollection.ignore,
  ),
)

/** A drain reads on to the two hundredth position, of whichever part of the restriction it may be, and leaves the rest. */
export const truncated = Pipeline.define(import.meta, 'truncated', () =>
  pipe(
    Create.of(['a']),
    endless((_, { from, to }) => (from < 200 ? O.some(OffsetRange.of(from, Math.min(to, 200))) : O.none)),
    counted,
    PAssert.satisfies(all => {
      eachOnce(all)
      assert.includeMembers([...all], [...upTo(200)])
    }),
    PCollection.ignore,
  ),
)

const drainAfterTen = async (job: Job): Promise<void> => {
  await until(() => read.of(job.metrics()).attempted >= 10)
  await job.drain()
}

/** Parts as the function gives them, however many are desired. */
export const splitAtFirst = Pipeline.define(import.meta, 'splitAtFirst', () =>
  pipe(
    Create.of([20]),
    Splittable.read({
      restriction: OffsetRange,
      watermark: WatermarkEstimator.monotonic,
      isBounded: true,
      initial: (n: number) => OffsetRange.of(0, n),
      initialSplit: (_, { from, to }) => [OffsetRange.of(from, 5), OffsetRange.of(5, 6), OffsetRange.of(6, to)],
      async *process(_, tracker) {
        note('splitAtFirst', `from ${tracker.restriction.from}`)
        for (let i = tracker.restriction.from; tracker.tryClaim(i); i++) {
          await Promise.resolve()
          yield [pipe(i, Timestamped.at(at(i)))]
        }
        return stop
      },
    }),
    PAssert.that(containsInAnyOrder(upTo(20))),
    PCollection.ignore,
  ),
)

/** Its reader stands at the fifth position until somebody has taken what lies behind it. */
export const splitWhileRead = Pipeline.define(import.meta, 'splitWhileRead', () =>
  pipe(
    Create.of([40]),
    Splittable.read({
      restriction: OffsetRange,
      watermark: WatermarkEstimator.monotonic,
      isBounded: true,
      initial: (n: number) => OffsetRange.of(0, n),
      async *process(n, tracker) {
        for (let i = tracker.restriction.from; tracker.tryClaim(i); i++) {
          yield [pipe(i, Timestamped.at(at(i)))]
          while (i === 5 && tracker.restriction.to === n) {
            await new Promise(resolve => setImmediate(resolve))
            yield []
          }
        }
        note('splitWhileRead', `to ${tracker.restriction.to}`)
        return stop
      },
    }),
    PAssert.that(containsInAnyOrder(upTo(40))),
    PCollection.ignore,
  ),
)

const checkSplit = (notes: ReadonlyArray<string>): void => {
  assert.isAtLeast(notes.length, 2)
  assert.lengthOf(
    notes.filter(line => line === 'to 40'),
    1,
    notes.join(),
  )
}

interface Pages {
  readonly names: ReadonlyArray<string>
}

/** A restriction of one's own: names in order, of which a part is those that follow one another. */
const pages = Restriction.of({
  coder: Coder.struct({ names: Coder.iterable(Coder.string) }),
  contains: ({ names }: Pages, name: string) => names.includes(name),
  split: ({ names }, last, fraction) => {
    const next = O.isSome(last) ? names.indexOf(last.value) + 1 : 0
    const cut = next + Math.ceil((names.length - next) * fraction)
    return cut >= names.length ? O.none : O.some([{ names: names.slice(0, cut) }, { names: names.slice(cut) }])
  },
  progress: ({ names }, last) => {
    const done = O.isSome(last) ? names.indexOf(last.value) + 1 : 0
    return { done, remaining: names.length - done }
  },
  isDone: ({ names }, last) => names.length === 0 || (O.isSome(last) && last.value === names.at(-1)),
})

export const ownRestriction = Pipeline.define(import.meta, 'ownRestriction', () =>
  pipe(
    Create.of(['x', 'y']),
    Splittable.read({
      restriction: pages,
      watermark: WatermarkEstimator.monotonic,
      isBounded: true,
      initial: (book: string) => ({ names: ['a', 'b', 'c', 'd', 'e'].map(page => book + page) }),
      async *process(_, tracker) {
        for (const name of tracker.restriction.names) {
          if (!tracker.tryClaim(name)) return stop
          await Promise.resolve()
          yield [pipe(name, Timestamped.at(at(0)))]
        }
        return stop
      },
    }),
    PAssert.that(containsInAnyOrder(['xa', 'xb', 'xc', 'xd', 'xe', 'ya', 'yb', 'yc', 'yd', 'ye'])),
    PCollection.ignore,
  ),
)

/** Says which positions were finalized; behind it the element 3 fails, where it is told so. */
const finalizing = (name: string, fails: boolean): PDone =>
  pipe(
    Create.of([6]),
    Splittable.read({
      restriction: OffsetRange,
      watermark: WatermarkEstimator.monotonic,
      isBounded: true,
      initial: (n: number) => OffsetRange.of(0, n),
      async *process(_, tracker, { afterCommit }) {
        for (let i = tracker.restriction.from; tracker.tryClaim(i); i++) {
          await Promise.resolve()
          afterCommit(async () => {
            await Promise.resolve()
            note(name, `${i}`)
          })
          yield [pipe(i, Timestamped.at(at(i)))]
        }
        return stop
      },
    }),
    named(
      'Failing',
      PCollection.map(n => {
        if (fails && n === 3) throw new Error('three')
        return n
      }),
    ),
    PAssert.that(containsInAnyOrder(upTo(6))),
    PCollection.ignore,
  )

export const finalized = Pipeline.define(import.meta, 'finalized', () => finalizing('finalized', false))
export const neverFinalized = Pipeline.define(import.meta, 'neverFinalized', () => finalizing('neverFinalized', true))

const checkFinalized = (notes: ReadonlyArray<string>): void => assert.sameMembers([...notes], upTo(6).map(String))

const first = IntervalWindow.of(0, 10)

/**
 * Hands on what lies at 3 and 7, and then nothing until the window of these has fired: so its watermark must have passed the window's end
 * while it is still being read. Then comes what lies at 2, which is late.
 */
const waitingForFiring = <W>(name: string, watermark: WatermarkEstimator<W>, advance: (handle: W) => void): PipelineDefinition<void> =>
  Pipeline.define(import.meta, name, () =>
    pipe(
      Create.of(['a']),
      Splittable.read({
        restriction: OffsetRange,
        watermark,
        isBounded: true,
        initial: (_: string) => OffsetRange.of(0, 2),
        async *process(_, tracker, context) {
          if (tracker.restriction.from === 0) {
            if (!tracker.tryClaim(0)) return stop
            await Promise.resolve()
            yield [3, 7].map(t => pipe(t, Timestamped.at(at(t))))
          }
          advance(context.watermark)
          if (!notesOf(name).includes('fired')) return resumeAfter(millis(1))
          if (tracker.tryClaim(1)) yield [pipe(2, Timestamped.at(at(2)))]
          return stop
        },
      }),
      Window.into(FixedWindows.of(millis(10)), {
        trigger: AfterWatermark.pastEndOfWindow({ late: AfterCount.of(1) }),
        allowedLateness: millis(Number.MAX_SAFE_INTEGER),
        accumulation: 'discarding',
      }),
      underOne,
      Combine.perKey(
        CombineFn.of<number, number, number>({ create: () => 0, add: (a, b) => a + b, merge: (a, b) => a + b, extract: n => n }),
      ),
      PCollection.values,
      PCollection.map(sum => {
        note(name, 'fired')
        return sum
      }),
      PAssert.inOnTimePane(first, singleton(10)),
      PAssert.inLatePanes(first, singleton(2)),
      PCollection.ignore,
    ),
  )

export const manual = waitingForFiring('manual', WatermarkEstimator.manual, watermark => {
  watermark.advanceTo(at(10))
  // It only rises.
  watermark.advanceTo(at(5))
  assert.strictEqual(watermark.current, at(10))
})
export const wallTime = waitingForFiring('wallTime', WatermarkEstimator.wallTime, ({ current }) =>
  assert.isAtMost(Math.abs(current - Date.now()), 60_000),
)

/** Out of order by less than six, and never late. */
const sixBehind = WatermarkEstimator.of({
  coder: Coder.instant,
  initial: Instant.min,
  observe: (newest, t) => (t > newest ? t : newest),
  current: newest => pipe(newest, Instant.minus(millis(6))),
})
const disorder = [5, 3, 10, 7, 20, 16, 22, 40, 36, 35]

export const ownEstimator = Pipeline.define(import.meta, 'ownEstimator', () => {
  const inOrder = (numbers: Collection<number>): Collection<readonly [number, number]> =>
    pipe(
      numbers,
      Window.into(FixedWindows.of(millis(1))),
      PCollection.keyBy(n => n),
      Combine.perKey(CombineFn.count),
    )
  return pipe(
    Create.of(['a']),
    Splittable.read({
      restriction: OffsetRange,
      watermark: sixBehind,
      isBounded: true,
      initial: (_: string) => OffsetRange.of(0, disorder.length),
      async *process(_, tracker, { watermark }) {
        const i = tracker.restriction.from
        if (!tracker.tryClaim(i)) return stop
        await Promise.resolve()
        const t = disorder[i] ?? 0
        assert.isAtMost(watermark.current, t)
        yield [pipe(t, Timestamped.at(at(t)))]
        return i + 1 < tracker.restriction.to ? resumeAfter(millis(0)) : stop
      },
    }),
    inOrder,
    PAssert.that(containsInAnyOrder(disorder.map(n => [n, 1] as const))),
    PCollection.ignore,
  )
})

const nothingLate = (metrics: JobMetrics): void => assert.strictEqual(metrics.droppedLate, 0)

export const restrictionCases: ReadonlyArray<Case> = [
  {
    says: 'what has no end is put aside again and again, and left by a drain',
    pipeline: drained,
    meanwhile: drainAfterTen,
    ends: 'drained',
  },
  { says: 'a drain reads on as far as truncate says', pipeline: truncated, meanwhile: drainAfterTen, ends: 'drained' },
  {
    says: 'an initial split gives the parts that are read',
    pipeline: splitAtFirst,
    notes: { of: 'splitAtFirst', check: notes => assert.includeMembers([...notes], ['from 0', 'from 5', 'from 6']) },
  },
  {
    says: 'what lies behind a reader is given away while it reads',
    pipeline: splitWhileRead,
    only: 'random',
    notes: { of: 'splitWhileRead', check: checkSplit },
  },
  { says: "a restriction of one's own is split by its own algebra", pipeline: ownRestriction },
  {
    says: 'afterCommit is called for each position, once',
    pipeline: finalized,
    notes: { of: 'finalized', check: checkFinalized },
  },
  {
    says: 'afterCommit is not called for what failed',
    pipeline: neverFinalized,
    fails: { with: 'UserCodeFailed', saying: /^Failing\/map#1: three/ },
    notes: { of: 'neverFinalized', check: notes => assert.notInclude(notes, '3') },
  },
  {
    says: 'a watermark that is moved by hand fires windows while the restriction is read',
    pipeline: manual,
    slow: true,
    notes: { of: 'manual', check: notes => assert.isNotEmpty(notes) },
  },
  {
    says: 'so does one that goes by the clock',
    pipeline: wallTime,
    slow: true,
    notes: { of: 'wallTime', check: notes => assert.isNotEmpty(notes) },
  },
  {
    says: "an estimator of one's own keeps what it has seen, and nothing that it allows for is late",
    pipeline: ownEstimator,
    metrics: nothingLate,
  },
]
