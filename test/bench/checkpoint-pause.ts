// A million keys of a hundred bytes in a checkpoint that holds them all, while elements go on coming: how late are they handed on?
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import {
  Checkpoints,
  Coder,
  emit,
  Instant,
  type Job,
  type JobMetrics,
  Metrics,
  orThrow,
  ParDo,
  PCollection,
  Pipeline,
  type PipelineError,
  pipe,
  seconds,
  Splittable,
  State,
} from 'jetbeam'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { z } from 'zod'
import type { BenchOptions } from './bench-options.ts'
import { median, type Row, type Target } from './measure.ts'
import { pacedSource } from './paced-source.ts'

const perSecond = 10_000
const stateBytes = 100
const mostMs = 100

/** How many elements were at most so late. */
const bounds = [5, 10, 20, 30, 40, 50, 75, 100, 125, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, Infinity]
const within = bounds.map(ms => Metrics.counter(`within ${ms} ms`))

const observe = (dueMs: number | null): void => {
  if (dueMs === null) return
  const lateMs = Date.now() - dueMs
  within[bounds.findIndex(ms => lateMs <= ms)]?.inc()
}

export const pausedState = Pipeline.define(import.meta, 'checkpoint-pause', z.object({ keys: z.number() }), ({ keys }) =>
  pipe(
    Splittable.source({ source: pacedSource({ keys, perSecond }), decode: it => it, timestamp: () => Instant.min }),
    PCollection.keyBy(({ key }) => key),
    PCollection.mapValues(({ dueMs }) => dueMs),
    ParDo.stateful({
      state: { text: State.value(Coder.string, '') },
      process: ({ value }, { text }) => [text.write(String(Number(text.read) + 1).padStart(stateBytes, '0')), emit(value)],
    }),
    PCollection.map(observe),
    PCollection.ignore,
  ),
)

const seen = (metrics: JobMetrics): ReadonlyArray<number> => within.map(counter => counter.of(metrics).attempted)

/** In milliseconds: an upper bound of what `share` of the elements between the two stay within. */
const quantile = (before: ReadonlyArray<number>, after: ReadonlyArray<number>, share: number): number => {
  const counts = after.map((n, i) => n - (before[i] ?? 0))
  const total = counts.reduce((a, b) => a + b, 0)
  if (total === 0) throw new Error('no element came')
  let below = 0
  return bounds[counts.findIndex(n => (below += n) >= total * share)] ?? Infinity
}

interface Pauses {
  readonly p99Ms: number
  readonly longestMs: number
}

const pausesOf = async (job: Job, work: () => Promise<unknown>): Promise<Pauses> => {
  const before = seen(job.metrics())
  await work()
  // What other threads tell of themselves is as old as this.
  await sleep(200)
  const after = seen(job.metrics())
  return { p99Ms: quantile(before, after, 0.99), longestMs: quantile(before, after, 1) }
}

const untilFilled = async (job: Job, keys: number): Promise<void> => {
  while (job.metrics().elementsRead < keys) await sleep(100)
  await sleep(3_000)
}

const list = (all: ReadonlyArray<number>): string => all.join(', ')

const measured = async (
  name: string,
  keys: number,
  rounds: number,
  start: (path: string) => TaskEither<PipelineError, Job>,
): Promise<{ readonly target: Target; readonly notes: ReadonlyArray<string> }> => {
  const folder = await mkdtemp(join(tmpdir(), 'jetbeam-bench-'))
  try {
    const job = await orThrow(start(folder))
    await untilFilled(job, keys)
    const still = await pausesOf(job, () => sleep(3_000))
    const during: Pauses[] = []
    const tookMs: number[] = []
    for (let i = 0; i < rounds; i++) {
      during.push(await pausesOf(job, () => orThrow(job.savepoint(`${i}`))))
      tookMs.push(job.metrics().checkpoints.lastDurationMs ?? Number.NaN)
      await sleep(500)
    }
    const { lastBytes } = job.metrics().checkpoints
    await orThrow(job.cancel)
    const p99Ms = median(during.map(it => it.p99Ms))
    return {
      target: { says: `${name}: p99 during checkpoints within ${mostMs} ms (${p99Ms} ms)`, ratio: p99Ms / mostMs, met: p99Ms <= mostMs },
      notes: [
        `${name}: without checkpoints p99 within ${still.p99Ms} ms, longest ${still.longestMs} ms; during them p99 ${list(during.map(it => it.p99Ms))}, longest ${list(during.map(it => it.longestMs))} ms`,
        `${name}: ${keys} keys, ${((lastBytes ?? 0) / 1_048_576).toFixed(0)} MiB, checkpoints took ${list(tookMs.map(Math.round))} ms`,
      ],
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export const checkpointPause = async ({ quick }: BenchOptions): Promise<Row> => {
  const keys = quick ? 200_000 : 1_000_000
  const rounds = quick ? 2 : 5
  const options = (path: string) => ({ checkpoints: Checkpoints.directory(path, { every: seconds(3_600) }), log: () => undefined })
  const direct = await measured('direct runner', keys, rounds, path => pipe(pausedState({ keys }), DirectRunner.start(options(path))))
  const threads = await measured('2 worker threads', keys, rounds, path =>
    pipe(pausedState({ keys }), WorkerThreadsRunner.start({ ...options(path), workers: 2 })),
  )
  return { name: 'checkpoint-pause', measured: [], targets: [direct.target, threads.target], notes: [...direct.notes, ...threads.notes] }
}
