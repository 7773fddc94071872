// Metrics of a pipeline's own functions: what each transform counted, over all threads, at the end and while it runs.
import { assert } from 'chai'
import {
  Coder,
  Combine,
  CombineFn,
  Create,
  emit,
  type Job,
  type JobMetrics,
  Metrics,
  millis,
  named,
  OffsetRange,
  ParDo,
  PCollection,
  pipe,
  Pipeline,
  resumeAfter,
  seconds,
  Splittable,
  State,
  stop,
  Timestamped,
  Instant,
  WatermarkEstimator,
} from '../../sdk/index.ts'
import { TestStream } from '../../sdk/testing/index.ts'
import { type Case, until } from './frame.ts'

const seen = Metrics.counter('seen')
const sizes = Metrics.distribution('sizes')
const newest = Metrics.gauge('newest')
const names = Metrics.stringSet('names')

/** Everything there is to count about a number. */
const measured = (n: number): number => {
  seen.inc()
  sizes.update(n)
  names.add(n % 2 === 0 ? 'even' : 'odd')
  return n
}

/** One transform after another, and one inside a composite: each has figures of its own. */
export const byTransform = Pipeline.define(import.meta, 'byTransform', () =>
  pipe(
    Create.of([1, 2, 3, 4]),
    named('First', PCollection.map(measured)),
    named(
      'Outer',
      named(
        'Inner',
        PCollection.filter(n => {
          measured(n * 10)
          return n > 2
        }),
      ),
    ),
    named(
      'Asynchronous',
      PCollection.mapAsync(async n => {
        await Promise.resolve()
        seen.inc(100)
        return n
      }),
    ),
    PCollection.keyBy(n => n % 2),
    named(
      'Stateful',
      ParDo.stateful({
        state: { n: State.value(Coder.varint, 0) },
        process: ({ value }, { n }) => {
          seen.dec(2)
          return [n.write(value), emit(value)]
        },
      }),
    ),
    PCollection.keyBy(() => 'all'),
    named(
      'Sum',
      Combine.perKey(
        CombineFn.of<number, number, number>({
          create: () => 0,
          add: (sum, n) => sum + measured(n),
          merge: (a, b) => a + b,
          extract: sum => sum,
        }),
      ),
    ),
    PCollection.ignore,
  ),
)

const both = <A>(value: A) => ({ attempted: value, committed: value })

const checkByTransform = (metrics: JobMetrics): void => {
  const counted = (transform: string) => seen.of(metrics, { transform })
  assert.deepEqual(counted('First'), both(4))
  assert.deepEqual(counted('Outer/Inner'), both(4))
  assert.deepEqual(counted('Outer'), both(4))
  assert.deepEqual(counted('Asynchronous'), both(200))
  assert.deepEqual(counted('Stateful'), both(-4))
  assert.deepEqual(counted('Sum'), both(2))
  assert.deepEqual(counted('Nowhere'), both(0))
  assert.deepEqual(seen.of(metrics), both(4 + 4 + 200 - 4 + 2))
  assert.deepEqual(sizes.of(metrics, { transform: 'First' }), both({ count: 4, sum: 10, min: 1, max: 4 }))
  assert.deepEqual(sizes.of(metrics, { transform: 'Outer' }), both({ count: 4, sum: 100, min: 10, max: 40 }))
  assert.deepEqual(names.of(metrics, { transform: 'First' }), both({ strings: ['even', 'odd'], isCut: false }))
  assert.deepEqual(names.of(metrics, { transform: 'Outer' }), both({ strings: ['even'], isCut: false }))
  assert.deepEqual(
    Metrics.query(metrics, { transform: 'First' })
      .map(({ kind, name }) => `${kind} ${name}`)
      .sort(),
    ['counter seen', 'distribution sizes', 'stringSet names'],
  )
}

/** The newest by the run's own clock, whichever thread set it. */
export const gauged = Pipeline.define(import.meta, 'gauged', () =>
  pipe(
    TestStream.of(Coder.varint, TestStream.elements([1, 5]), TestStream.advanceProcessingTime(seconds(1)), TestStream.elements([2, 3])),
    PCollection.keyBy(n => n),
    // Behind a shuffle: the two keys may be in two threads.
    named(
      'Gauged',
      ParDo.stateful({
        state: { n: State.value(Coder.varint, 0) },
        process: ({ value }, { n }) => {
          newest.set(value)
          return [n.write(value)]
        },
      }),
    ),
    PCollection.ignore,
  ),
)

const checkGauged = (metrics: JobMetrics): void =>
  assert.deepEqual(newest.of(metrics, { transform: 'Gauged' }), both({ value: 3, at: Instant.ofMillis(TestStream.startsAt + 1_000) }))

/** It has no end: three positions, and then it waits for somebody to drain it. */
export const running = Pipeline.define(import.meta, 'running', () =>
  pipe(
    Create.of(['a']),
    Splittable.read({
      restriction: OffsetRange,
      watermark: WatermarkEstimator.manual,
      isBounded: false,
      initial: () => OffsetRange.of(0, 1_000),
      async *process(_, tracker) {
        const at = tracker.restriction.from
        if (at >= 3) {
          yield []
          return resumeAfter(seconds(60))
        }
        if (!tracker.tryClaim(at)) return stop
        yield [pipe(at, Timestamped.at(Instant.ofMillis(at)))]
        return resumeAfter(millis(1))
      },
    }),
    PCollection.filter(n => n < 3),
    named(
      'Counted',
      PCollection.map(n => {
        newest.set(n)
        return measured(n)
      }),
    ),
    PCollection.ignore,
  ),
)

const whileRunning = async (job: Job): Promise<void> => {
  const counted = { transform: 'Counted' }
  await until(() => (sizes.of(job.metrics(), counted).attempted?.max ?? 0) === 2)
  const metrics = job.metrics()
  assert.deepEqual(seen.of(metrics, counted), { attempted: 3, committed: 0 })
  assert.deepEqual(sizes.of(metrics, counted), { attempted: { count: 3, sum: 3, min: 0, max: 2 }, committed: null })
  assert.deepEqual(names.of(metrics, counted), { attempted: { strings: ['even', 'odd'], isCut: false }, committed: null })
  assert.include([0, 1, 2], newest.of(metrics, counted).attempted?.value)
  assert.isNull(newest.of(metrics, counted).committed)
  await job.drain()
}

const checkDrained = (metrics: JobMetrics): void => {
  assert.deepEqual(seen.of(metrics), both(3))
  assert.deepEqual(sizes.of(metrics), both({ count: 3, sum: 3, min: 0, max: 2 }))
}

export const userMetricsCases: ReadonlyArray<Case> = [
  { says: 'each transform has figures of its own, attempted and committed', pipeline: byTransform, metrics: checkByTransform },
  { says: 'a gauge has what was set last', pipeline: gauged, metrics: checkGauged },
  {
    says: 'a job tells them while it runs: attempted at once, committed with the checkpoint that has them',
    pipeline: running,
    durable: true,
    meanwhile: whileRunning,
    ends: 'drained',
    metrics: checkDrained,
  },
]
