// Map, filter and a sum per key over integers in memory: what the engine itself costs an element.
import * as N from 'fp-ts/lib/number.js'
import { Combine, Create, orThrow, PCollection, Pipeline, pipe } from 'jetbeam'
import { DirectRunner } from 'jetbeam/runners/direct'
import type { BenchOptions } from './bench-options.ts'
import { apacheBeam } from './apache-beam.ts'
import { atLeast, measure, type Row, timed, within } from './measure.ts'

const keys = 1_000

const byHand = (data: ReadonlyArray<number>): ReadonlyMap<number, number> => {
  const sums = new Map<number, number>()
  for (const n of data) {
    const doubled = n * 2
    if (doubled % 3 === 0) continue
    const key = doubled % keys
    sums.set(key, (sums.get(key) ?? 0) + doubled)
  }
  return sums
}

const byPipeline = async (data: ReadonlyArray<number>): Promise<ReadonlyMap<number, number>> => {
  const sums = new Map<number, number>()
  const pipeline = Pipeline.of(
    pipe(
      Create.of(data),
      PCollection.map(n => n * 2),
      PCollection.filter(n => n % 3 !== 0),
      PCollection.keyBy(n => n % keys),
      Combine.perKey(N.MonoidSum),
      PCollection.map(([key, sum]) => sums.set(key, sum).size),
      PCollection.ignore,
    ),
  )
  await orThrow(pipe(pipeline, DirectRunner.run()))
  return sums
}

const total = (sums: ReadonlyMap<number, number>): number => [...sums.values()].reduce((a, b) => a + b, 0)

export const inMemory = async ({ quick }: BenchOptions): Promise<Row> => {
  const elements = quick ? 500_000 : 2_000_000
  const data = Array.from({ length: elements }, (_, i) => i)
  const expected = total(byHand(data))
  const check = (sums: ReadonlyMap<number, number>): void => {
    if (total(sums) !== expected || sums.size === 0) throw new Error(`the sums are wrong: ${total(sums)} instead of ${expected}`)
  }
  const measured = await measure(
    [
      { name: 'hand-written loop', elements, run: () => timed(() => check(byHand(data))) },
      { name: 'jetbeam', elements, run: () => timed(async () => check(await byPipeline(data))) },
      { name: 'apache-beam', elements: elements / 10, run: await apacheBeam(elements / 10) },
    ],
    quick ? 3 : 9,
  )
  return {
    name: 'in-memory',
    measured,
    targets: [within(measured, 'jetbeam', 2, 'hand-written loop'), atLeast(measured, 'jetbeam', 30, 'apache-beam')],
  }
}
