// Splittable DoFns on the direct runner: what is read, when, and what a later start goes on from.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import * as O from 'fp-ts/lib/Option.js'
import { type DirectOptions, DirectRunner } from '../../../runners/direct/index.ts'
import {
  Checkpoints,
  Combine,
  type Continuation,
  Create,
  FixedWindows,
  Instant,
  type Job,
  millis,
  named,
  OffsetRange,
  orThrow,
  PCollection,
  type PipelineError,
  pipe,
  Pipeline,
  Reify,
  resumeAfter,
  Splittable,
  type SplittableDoFn,
  stop,
  Timestamped,
  WatermarkEstimator,
  Window,
} from '../../../sdk/index.ts'
import { Journal, until } from './feed.ts'
import { leftOf } from '../../support/left-of.ts'

const at = (t: number): Instant => Instant.ofMillis(t)
const pause = (ms = 0): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
const numbersTo = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)

type Counting = SplittableDoFn<number, OffsetRange, number, { readonly current: Instant }, number>

/** Counts to its element, `size` a batch, and may be interrupted at any moment. */
const counting = (o: { readonly size?: number } & Partial<Counting> = {}): Counting => ({
  restriction: OffsetRange,
  watermark: WatermarkEstimator.monotonic,
  isBounded: true,
  initial: n => OffsetRange.of(0, n),
  async *process(_, tracker) {
    for (let from = tracker.restriction.from; ;) {
      await pause()
      const { to } = tracker.restriction
      const positions = numbersTo(Math.max(0, Math.min(o.size ?? 3, to - from))).map(i => from + i)
      const mine = positions.slice(0, tracker.tryClaimAll(positions))
      await pause()
      yield mine.map(n => pipe(n, Timestamped.at(at(n))))
      from += mine.length
      if (mine.length < positions.length || mine.length === 0) return stop
    }
  },
  ...o,
})

describe('a splittable DoFn on the direct runner', () => {
  let folder = ''
  const kept = (o: DirectOptions = {}): DirectOptions => ({
    checkpoints: Checkpoints.directory(folder, { every: millis(5) }),
    job: 'job',
    log: () => undefined,
    ...o,
  })
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jetbeam-splittable-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const reading = (fn: Counting, elements: ReadonlyArray<number>, journal: Journal): Pipeline =>
    Pipeline.of(pipe(Create.of([...elements]), named('Count', Splittable.read(fn)), journal.write()))
  const started = (pipeline: Pipeline, o: DirectOptions): Promise<Job> => orThrow(DirectRunner.start(o)(pipeline))

  it('hands on each position of each restriction once', async () => {
    const journal = new Journal()
    const { state, metrics } = await orThrow(DirectRunner.run()(reading(counting(), [7, 0, 20], journal)))
    assert.strictEqual(state, 'done')
    assert.sameMembers([...journal.values()], [...numbersTo(7), ...numbersTo(20)])
    assert.strictEqual(metrics.elementsRead, 3 + 27)
  })

  for (let seed = 1; seed <= 12; seed++)
    it(`hands on each position once while restrictions are split at random (seed ${seed})`, async () => {
      const journal = new Journal()
      await orThrow(DirectRunner.run({ strict: true, seed })(reading(counting(), [40, 1, 25], journal)))
      assert.sameMembers([...journal.values()], [...numbersTo(40), 0, ...numbersTo(25)])
    })

  it('reads hundreds of elements, a few of them at a time', async () => {
    let [now, most] = [0, 0]
    const fn = counting({
      async *process(_, tracker): AsyncGenerator<ReadonlyArray<Timestamped<number>>, Continuation, void> {
        most = Math.max(most, ++now)
        await pause()
        if (tracker.tryClaim(0)) yield [pipe(0, Timestamped.at(at(0)))]
        now--
        return stop
      },
    })
    const journal = new Journal()
    await orThrow(DirectRunner.run()(reading(fn, new Array<number>(300).fill(1), journal)))
    assert.strictEqual(journal.values().length, 300)
    assert.isAtMost(most, 16)
    assert.isAbove(most, 1)
  })

  it('splits an initial restriction into the parts that it is given', async () => {
    const parts: OffsetRange[] = []
    const fn = counting({ initialSplit: (_, { from, to }) => [OffsetRange.of(from, 5), OffsetRange.of(5, 6), OffsetRange.of(6, to)] })
    const noting = counting({
      ...fn,
      process: (n, tracker, context) => {
        parts.push(tracker.restriction)
        return fn.process(n, tracker, context)
      },
    })
    const journal = new Journal()
    await orThrow(DirectRunner.run()(reading(noting, [20], journal)))
    assert.sameMembers([...journal.values()], [...numbersTo(20)])
    assert.deepEqual(parts, [
      { from: 0, to: 5 },
      { from: 5, to: 6 },
      { from: 6, to: 20 },
    ])
  })

  it('goes on after each crash from what its newest checkpoint says, without saying anything twice', async () => {
    const journal = new Journal()
    const pipeline = reading(counting({ size: 1 }), [120, 60], journal)
    let [runs, state] = [0, 'cancelled']
    for (; state !== 'done'; runs++) {
      const job = await started(pipeline, kept({ strict: runs % 2 === 0, seed: runs }))
      const before = journal.values().length
      const ended = orThrow(job.done)
      // Cancelled with nothing but its checkpoints left behind, whenever some more has become durable: a dozen times at the most.
      let over = false
      const noted = ended.finally(() => (over = true))
      // Whoever looks for more must stop looking when the run is over, or the process would never end.
      await Promise.race([noted, until(() => over || journal.values().length >= before + 15)])
      state = (await orThrow(job.cancel)).state
    }
    assert.sameMembers([...journal.values()], [...numbersTo(120), ...numbersTo(60)])
    assert.isAbove(runs, 1)
  })

  for (const [what, process] of [
    [
      'comes back at once',
      async function* (): AsyncGenerator<ReadonlyArray<Timestamped<number>>, Continuation, void> {
        yield []
        return resumeAfter(millis(0))
      },
    ],
    [
      'yields nothing for ever',
      async function* (): AsyncGenerator<ReadonlyArray<Timestamped<number>>, Continuation, void> {
        for (;;) yield []
      },
    ],
  ] as const) {
    it(`can be suspended where a generator that never waits ${what}`, async () => {
      const suspended = new AbortController()
      setTimeout(() => suspended.abort(), 100)
      const pipeline = reading(counting({ process }), [4], new Journal())
      const { state } = await orThrow(DirectRunner.run(kept({ signal: suspended.signal }))(pipeline))
      assert.strictEqual(state, 'suspended')
    })
  }

  it('is suspended while a generator waits for ever, and goes on from its last yield', async () => {
    const journal = new Journal()
    let [aborted, closed] = [0, 0]
    const waitsForEver = counting({
      async *process(_, tracker, { signal }): AsyncGenerator<ReadonlyArray<Timestamped<number>>, Continuation, void> {
        signal.addEventListener('abort', () => aborted++)
        try {
          tracker.tryClaim(0)
          yield [pipe(0, Timestamped.at(at(0)))]
          tracker.tryClaim(1)
          await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
          return stop
        } finally {
          closed++
        }
      },
    })
    const job = await started(reading(waitsForEver, [4], journal), kept())
    await until(() => job.metrics().elementsRead === 2)
    assert.strictEqual((await orThrow(job.suspend)).state, 'suspended')
    assert.deepEqual([aborted, closed], [1, 1])
    assert.deepEqual(journal.values(), [0])
    await orThrow(DirectRunner.run(kept())(reading(counting(), [4], journal)))
    assert.sameMembers([...journal.values()], [0, 1, 2, 3])
  })

  describe('that is put aside', () => {
    const polling = (feed: ReadonlyArray<number>, delayMs: number): Counting =>
      counting({
        isBounded: false,
        initial: () => OffsetRange.of(0, 1_000),
        async *process(_, tracker): AsyncGenerator<ReadonlyArray<Timestamped<number>>, Continuation, void> {
          await pause()
          const positions = feed.map((_item, i) => i).slice(tracker.restriction.from, tracker.restriction.from + 2)
          const mine = positions.slice(0, tracker.tryClaimAll(positions))
          yield mine.map(i => pipe(feed[i] ?? 0, Timestamped.at(at(feed[i] ?? 0))))
          return mine.length < positions.length ? stop : resumeAfter(millis(delayMs))
        },
      })
    const totals = (fn: Counting, journal: Journal): Pipeline =>
      Pipeline.of(
        pipe(
          Create.of([0]),
          Splittable.read(fn),
          Window.into(FixedWindows.of(millis(10))),
          PCollection.keyBy(() => 'all'),
          Combine.perKey({ concat: (a: number, b: number) => a + b, empty: 0 }),
          Reify.windowed,
          PCollection.map(({ value: [, n], window }) => [window.start, n]),
          journal.write(),
        ),
      )

    it('comes back after its delay, and holds the watermark until then', async () => {
      const [feed, journal] = [[1, 2, 12], new Journal()]
      const job = await started(totals(polling(feed, 20), journal), kept())
      await until(() => journal.values().length === 1)
      assert.deepEqual(journal.values(), [[0, 3]])
      // The watermark is at 12: this is on time, however long it took.
      await pause(60)
      feed.push(15, 31)
      await until(() => journal.values().length === 2)
      assert.deepEqual(journal.values()[1], [10, 27])
      assert.strictEqual(job.metrics().droppedLate, 0)
      await orThrow(job.cancel)
    })

    it('is taken up by a later start', async () => {
      const [feed, journal] = [[1, 2, 12], new Journal()]
      const first = await started(totals(polling(feed, 10), journal), kept())
      await until(() => journal.values().length === 1)
      await orThrow(first.suspend)
      feed.push(15, 31)
      const second = await started(totals(polling(feed, 10), journal), kept())
      await until(() => journal.values().length === 2)
      await orThrow(second.suspend)
      assert.deepEqual(journal.values(), [
        [0, 3],
        [10, 27],
      ])
    })

    it('says where it is in the metrics', async () => {
      const job = await started(totals(polling([1, 2, 12], 60_000), new Journal()), {})
      await until(() => job.metrics().splits.some(({ status }) => status === 'delayed'))
      const { splits } = job.metrics()
      assert.include(
        splits.map(({ id, status, lag, watermark }) => `${id} ${status} ${lag} ${watermark}`),
        'Splittable.read#1/0 delayed 998 2',
      )
      await orThrow(job.cancel)
    })
  })

  describe('that is drained', () => {
    it('leaves what has no end, and finishes what it has claimed', async () => {
      const journal = new Journal()
      const endless = counting({ isBounded: false, initial: () => OffsetRange.of(0, 1_000_000) })
      const job = await started(reading(endless, [0], journal), {})
      await until(() => job.metrics().elementsRead > 10)
      assert.strictEqual((await orThrow(job.drain)).state, 'drained')
      assert.sameOrderedMembers([...journal.values()], [...numbersTo(journal.values().length)])
    })

    it('does all that is left of what has one, delayed or not', async () => {
      const journal = new Journal()
      let delayed = false
      const fn = counting()
      const delaying = counting({
        async *process(n, tracker, context): AsyncGenerator<ReadonlyArray<Timestamped<number>>, Continuation, void> {
          if (tracker.restriction.from > 0 || tracker.restriction.to === 3) return yield* fn.process(n, tracker, context)
          tracker.tryClaim(0)
          yield [pipe(0, Timestamped.at(at(0)))]
          delayed = true
          return resumeAfter(millis(60_000))
        },
      })
      const job = await started(reading(delaying, [10, 3], journal), {})
      await until(() => delayed)
      assert.strictEqual((await orThrow(job.drain)).state, 'drained')
      assert.sameMembers([...journal.values()], [...numbersTo(10), ...numbersTo(3)])
    })

    it('does what truncate leaves', async () => {
      const journal = new Journal()
      const fn = counting({
        isBounded: false,
        initial: () => OffsetRange.of(0, 1_000_000),
        truncate: (_, { from }) => O.some(OffsetRange.of(from, Math.max(from, 100))),
      })
      const job = await started(reading(fn, [0], journal), {})
      await until(() => job.metrics().elementsRead > 10)
      await orThrow(job.drain)
      assert.isAtLeast(journal.values().length, 100)
      assert.sameMembers([...journal.values()], [...numbersTo(journal.values().length)])
    })
  })

  describe('afterCommit', () => {
    it('calls what it is given once the outputs are published, with a store and without', async () => {
      for (const o of [{}, kept()]) {
        const [journal, seen] = [new Journal(), [] as string[]]
        const fn = counting({
          async *process(n, tracker, { afterCommit }): AsyncGenerator<ReadonlyArray<Timestamped<number>>, Continuation, void> {
            for (let i = tracker.restriction.from; tracker.tryClaim(i); i++) {
              await pause(4)
              afterCommit(async () => void seen.push(`${i}: ${String(journal.values().includes(i))}`))
              yield [pipe(i, Timestamped.at(at(i)))]
            }
            afterCommit(async () => void seen.push(`end of ${n}`))
            return stop
          },
        })
        await orThrow(DirectRunner.run(o)(reading(fn, [4], journal)))
        assert.deepEqual(seen, ['0: true', '1: true', '2: true', '3: true', 'end of 4'])
      }
    })

    it('is logged where it fails, and forgotten with a run that was cancelled', async () => {
      const [journal, logged] = [new Journal(), [] as string[]]
      const fn = counting({
        async *process(_, tracker, { afterCommit }): AsyncGenerator<ReadonlyArray<Timestamped<number>>, Continuation, void> {
          tracker.tryClaim(0)
          afterCommit(() => Promise.reject(new Error('nobody takes the acknowledgement')))
          yield [pipe(0, Timestamped.at(at(0)))]
          return stop
        },
      })
      await orThrow(DirectRunner.run({ log: (_, message) => logged.push(message) })(reading(fn, [1], journal)))
      assert.deepEqual(logged, ['Count/Splittable.read#1: a function given to afterCommit failed: nobody takes the acknowledgement'])
      let called = 0
      journal.onCommit = () => Promise.reject(new Error('the destination is away'))
      const other = counting({
        process: (n, tracker, context) => {
          context.afterCommit(async () => {
            called++
          })
          return counting().process(n, tracker, context)
        },
      })
      await leftOf(DirectRunner.run()(reading(other, [3], journal)))
      assert.strictEqual(called, 0)
    })
  })

  it('is refused in a run until the end where it has none', async () => {
    const error = await leftOf(DirectRunner.run({ until: 'end' })(reading(counting({ isBounded: false }), [5], new Journal())))
    assert.strictEqual(error._tag, 'InvalidPipeline')
    assert.match(error.message, /Count\/Splittable\.read#1 is unbounded, and nobody knows where it ends now/)
  })

  it('makes its collection unbounded where it is: a grouping behind it must fire before the end', () => {
    const grouped = (isBounded: boolean) => () =>
      Pipeline.of(
        pipe(
          Create.of([5]),
          Splittable.read(counting({ isBounded })),
          PCollection.keyBy(n => n),
          Combine.perKey({ concat: (a: number, b: number) => a + b, empty: 0 }),
          PCollection.ignore,
        ),
      )
    assert.throws(grouped(false), /groups an unbounded collection in the global window/)
    assert.doesNotThrow(grouped(true))
  })

  it('does not ask generators for more while a sink cannot keep up', async () => {
    const journal = new Journal()
    let [yielded, release] = [0, (): void => undefined]
    journal.onCommit = () => new Promise(resolve => (release = resolve))
    const fn = counting({
      async *process(n, tracker): AsyncGenerator<ReadonlyArray<Timestamped<number>>, Continuation, void> {
        for (let from = 0; from < n; from += 1_000) {
          const positions = numbersTo(1_000).map(i => from + i)
          tracker.tryClaimAll(positions)
          yielded++
          yield positions.map(i => pipe(i, Timestamped.at(at(i))))
        }
        return stop
      },
    })
    const job = await started(reading(fn, [60_000], journal), kept())
    // Until it has stopped: it would go on to 60.
    for (let before = -1; yielded === 0 || yielded !== before; await pause(300)) before = yielded
    assert.isBelow(yielded, 40)
    journal.onCommit = null
    release()
    assert.strictEqual((await orThrow(job.done)).state, 'done')
    assert.strictEqual(journal.values().length, 60_000)
  })

  describe('that is wrong', () => {
    type Process = Counting['process']
    const failing = async (
      o: Partial<Counting>,
      options: DirectOptions = {},
    ): Promise<Extract<PipelineError, { _tag: 'UserCodeFailed' }>> => {
      const error = await leftOf(DirectRunner.run(options)(reading(counting(o), [5], new Journal())))
      if (error._tag !== 'UserCodeFailed') throw new Error(`it ended with ${error._tag}: ${error.message}`)
      assert.deepInclude(error, { transform: 'Count/Splittable.read#1', element: '5' })
      return error
    }
    const cases: ReadonlyArray<readonly [string, Partial<Counting>, RegExp]> = [
      [
        'stops with work left',
        {
          async *process(_, tracker) {
            tracker.tryClaim(0)
            yield []
            return stop
          },
        },
        /stopped with \{ from: 1, to: 5 \} unclaimed and no claim that failed/,
      ],
      [
        'claims backwards',
        {
          async *process(_, tracker) {
            tracker.tryClaim(2)
            tracker.tryClaim(1)
            yield []
            return stop
          },
        },
        /the position 1 was claimed after 2/,
      ],
      [
        'throws',
        {
          async *process(_, tracker) {
            if (tracker.tryClaim(0)) throw new Error('the server is away')
            yield []
            return stop
          },
        },
        /the server is away/,
      ],
      [
        'yields what is no array',
        {
          process: async function* () {
            yield 7
            return stop
          } as unknown as Process,
        },
        /yielded 7: yield an array of Timestamped\.at/,
      ],
      [
        'yields bare values',
        {
          process: async function* () {
            yield [7]
            return stop
          } as unknown as Process,
        },
        /an array that holds 7: wrap it, Timestamped\.at/,
      ],
      [
        'yields no instant',
        {
          async *process() {
            yield [pipe(1, Timestamped.at(Number.NaN as Instant))]
            return stop
          },
        },
        /timestamp of the generator's output is NaN, which is no instant/,
      ],
      [
        'ends with nothing',
        {
          process: async function* () {
            yield []
          } as unknown as Process,
        },
        /ended with undefined: return stop, or resumeAfter/,
      ],
      ['is no generator', { process: (() => 7) as unknown as Process }, /process must be an async generator, and gave 7/],
      ['has no restriction', { initial: () => Promise.reject(new Error('no such table')) }, /no such table/],
      ['splits into nothing', { initialSplit: () => [] }, /initialSplit gave \[\]/],
      [
        'splits into parts that overlap',
        { initialSplit: (_, { from, to }) => [OffsetRange.of(from, 2), OffsetRange.of(1, to)] },
        /^Count\/Splittable\.read#1: initialSplit gave .* and the parts hold \[1, 2\) twice\. Give parts that together hold each position once/,
      ],
      [
        'splits into parts that leave out positions',
        { initialSplit: (_, { from, to }) => [OffsetRange.of(2, to), OffsetRange.of(from, 1)] },
        /and the parts leave out \[1, 2\)\./,
      ],
    ]
    for (const [what, fn, message] of cases)
      it(`ends the run with its path and element where it ${what}`, async () => {
        assert.match((await failing(fn)).message, message)
      })

    it('is refused in strict mode where a restriction does not survive its coder', async () => {
      const error = await failing({ initial: () => ({ from: 0, to: 1.5 }) }, { strict: true })
      assert.match(error.message, /1\.5/)
    })
  })
})
