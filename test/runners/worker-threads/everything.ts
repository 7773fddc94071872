// A pipeline that keeps something of every kind while it reads: it is stopped and goes on elsewhere, and its results come at its end. What
// has come to an assertion stays in its process, so the end waits until the test lets it come.
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import * as N from 'fp-ts/lib/number.js'
import { z } from 'zod'
import {
  Coder,
  Combine,
  Create,
  DoFn,
  FixedWindows,
  flow,
  GlobalWindows,
  Instant,
  type Job,
  type JobMetrics,
  type KeyedElement,
  Metrics,
  millis,
  OffsetRange,
  ParDo,
  named,
  PCollection,
  Pipeline,
  pipe,
  resumeAfter,
  seconds,
  Splittable,
  State,
  stop,
  Timer,
  Timestamped,
  View,
  WatermarkEstimator,
  Window,
  emit,
} from '../../../sdk/index.ts'
import type { PCollection as Collection } from '../../../sdk/graph/pcollection.ts'
import { PAssert, containsInAnyOrder } from '../../../sdk/testing/index.ts'

const perElement = 120
const elements = 4 * perElement
const seen = Metrics.counter('seen')

/** Counts to `to` from each element times a thousand, a few at a time, now and then putting the rest aside; the last once `mayEnd`. */
const counting = (to: number, mayEnd: () => boolean) =>
  Splittable.read({
    restriction: OffsetRange,
    watermark: WatermarkEstimator.monotonic,
    isBounded: true,
    initial: () => OffsetRange.of(0, to),
    async *process(n: number, tracker) {
      for (let from = tracker.restriction.from; ;) {
        const positions = [from, from + 1, from + 2].filter(at => at < tracker.restriction.to)
        if (positions.includes(to - 1) && !mayEnd()) return resumeAfter(millis(5))
        const mine = positions.slice(0, tracker.tryClaimAll(positions))
        await sleep(1)
        yield mine.map(at => pipe(n * 1_000 + at, Timestamped.at(Instant.ofMillis(at))))
        from += mine.length
        if (mine.length < 3) return stop
        if (from % 30 === 0) return resumeAfter(millis(2))
      }
    },
  })

const countEach = DoFn.stateful({
  state: { count: State.value(Coder.varint, 0) },
  timers: { end: Timer.eventTime },
  process: ({ timestamp }: KeyedElement<number, number>, { count, end }) => [
    count.write(count.read + 1),
    end.set(pipe(timestamp, Instant.plus(seconds(10)))),
  ],
  onTimer: { end: ({ key }, { count }) => [emit([key, count.read] as const)] },
})

const totalIs = (name: string, expected: number) =>
  flow(
    named(name, (numbers: Collection<number>) => pipe(numbers, Window.into(GlobalWindows), Combine.globally(N.MonoidSum))),
    PAssert.that(containsInAnyOrder([expected])),
    PCollection.ignore,
  )

/** Comes to its end once there is a file called `end`. */
export const everything = Pipeline.define(import.meta, 'everything', z.object({ end: z.string() }), ({ end }) => {
  const mayEnd = (): boolean => existsSync(end)
  const numbers = pipe(
    Create.of([0, 1, 2, 3]),
    counting(perElement, mayEnd),
    PCollection.map(n => {
      seen.inc()
      return n
    }),
  )
  const total = elements * 1_500 + 4 * ((perElement * (perElement - 1)) / 2)
  const side = pipe(
    named('Sides', () => Create.of([0, 0]))(),
    named(
      'Side',
      counting(60, () => true),
    ),
    View.asList,
  )
  return [
    pipe(
      numbers,
      Window.into(FixedWindows.of(millis(10))),
      PCollection.keyBy(n => n % 5),
      Combine.perKey(N.MonoidSum),
      PCollection.map(([, sum]) => sum),
      totalIs('Windowed', total),
    ),
    pipe(
      numbers,
      PCollection.keyBy(n => n % 6),
      ParDo.of(countEach),
      PAssert.that(containsInAnyOrder([0, 1, 2, 3, 4, 5].map(key => [key, elements / 6] as const))),
      PCollection.ignore,
    ),
    // All wait until the side has been read to its end.
    pipe(
      numbers,
      PCollection.mapWith({ side }, (n, { side }) => n * side.length),
      totalIs('Enriched', total * 120),
    ),
    pipe(
      numbers,
      PCollection.mapAsync(n => sleep(1, n), { concurrency: 2, timeout: seconds(20) }),
      totalIs('Called', total),
    ),
  ]
})

export const elementsSeen = elements

export const seenIn = ({ user }: JobMetrics): number => {
  const attempted = user.find(({ name }) => name === 'seen')?.attempted
  return typeof attempted === 'number' ? attempted : 0
}

/** Resolves once so many elements have been seen, in the runs that this one goes on from too. */
export const hasSeen = async (job: Job, elements: number): Promise<void> => {
  while (seenIn(job.metrics()) < elements && job.state() === 'running') await sleep(5)
}
