// Twenty microseconds of computing an element: what a second thread is worth, beside what it is worth to two plain threads here and now.
import { Worker } from 'node:worker_threads'
import * as N from 'fp-ts/lib/number.js'
import { Combine, Create, PCollection, Pipeline, pipe } from 'jetbeam'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { containsInAnyOrder, PAssert } from 'jetbeam/testing'
import { z } from 'zod'
import type { BenchOptions } from './bench-options.ts'
import { atLeast, measure, type Row, timed } from './measure.ts'
import { ran } from './on-runner.ts'

const elementMicros = 20

/** So many rounds of arithmetic that nobody can leave out. */
const work = (seed: number, rounds: number): number => {
  let n = seed
  for (let i = 0; i < rounds; i++) n = (Math.imul(n, 1_664_525) + 1_013_904_223) | 0
  return n & 0xff
}

const inTurn = (from: number, to: number, rounds: number): number => {
  let sum = 0
  for (let n = from; n < to; n++) sum += work(n, rounds)
  return sum
}

const options = z.object({ elements: z.number(), rounds: z.number(), expected: z.number() })

export const cpuBoundSum = Pipeline.define(import.meta, 'cpu-bound', options, ({ elements, rounds, expected }) =>
  pipe(
    Create.of(Array.from({ length: elements }, (_, n) => n)),
    PCollection.map(n => work(n, rounds)),
    Combine.globally(N.MonoidSum),
    PAssert.that(containsInAnyOrder([expected])),
    PCollection.ignore,
  ),
)

/** The same on two threads that know nothing of pipelines: more than the machine has to give, nobody gets. */
const onPlainThreads = async (elements: number, rounds: number, expected: number): Promise<void> => {
  const half = elements / 2
  const program = `
    const work = ${work.toString()}
    const inTurn = ${inTurn.toString()}
    const { parentPort, workerData } = require('node:worker_threads')
    parentPort.postMessage(inTurn(...workerData))`
  const sums = await Promise.all(
    [0, half].map(
      from =>
        new Promise<number>((resolve, reject) => {
          const thread = new Worker(program, { eval: true, execArgv: [], workerData: [from, from + half, rounds] })
          thread.on('message', resolve).on('error', reject)
        }),
    ),
  )
  const sum = sums.reduce((a, b) => a + b)
  if (sum !== expected) throw new Error(`the plain threads gave ${sum} instead of ${expected}`)
}

/** How many rounds take 20 microseconds here: the fastest of some tries, for others slow the rest down. */
const roundsHere = async (): Promise<number> => {
  const [tries, rounds] = [50, 10_000]
  let fastestMs = Infinity
  for (let i = 0; i < 20; i++) fastestMs = Math.min(fastestMs, (await timed(() => void inTurn(0, tries, rounds))).ms)
  return Math.round((rounds * tries * elementMicros) / (fastestMs * 1_000))
}

export const cpuBound = async ({ quick }: BenchOptions): Promise<Row> => {
  const elements = quick ? 50_000 : 200_000
  const rounds = await roundsHere()
  const expected = inTurn(0, elements, rounds)
  const run = { elements, rounds, expected }
  const loop = (): void => {
    if (inTurn(0, elements, rounds) !== expected) throw new Error('the loop gave two sums')
  }
  const measured = await measure(
    [
      { name: 'hand-written loop', elements, run: () => timed(loop) },
      { name: 'two plain threads', elements, run: () => timed(() => onPlainThreads(elements, rounds, expected)) },
      { name: 'direct runner', elements, run: () => ran(pipe(cpuBoundSum(run), DirectRunner.start())) },
      { name: '2 worker threads', elements, run: () => ran(pipe(cpuBoundSum(run), WorkerThreadsRunner.start({ workers: 2 }))) },
    ],
    quick ? 3 : 7,
  )
  return { name: 'cpu-bound', measured, targets: [atLeast(measured, '2 worker threads', 1.8, 'direct runner')] }
}
