// A count of one's own by key, in state, over integers in memory: what a stateful DoFn costs an element.
import { Coder, Create, ParDo, PCollection, Pipeline, State, emit, orThrow, pipe } from 'jetbeam'
import { DirectRunner } from 'jetbeam/runners/direct'
import type { BenchOptions } from './bench-options.ts'
import { measure, type Row, timed, within } from './measure.ts'

const keys = 1_000

const byHand = (data: ReadonlyArray<number>): ReadonlyMap<number, number> => {
  const counts = new Map<number, number>()
  for (const n of data) {
    const key = n % keys
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

const byPipeline = async (data: ReadonlyArray<number>): Promise<ReadonlyMap<number, number>> => {
  const counts = new Map<number, number>()
  const pipeline = Pipeline.of(
    pipe(
      Create.of(data),
      PCollection.keyBy(n => n % keys),
      ParDo.stateful({
        state: { count: State.value(Coder.varint, 0) },
        process: (_, { count }) => [count.write(count.read + 1)],
        onWindowExpiration: ({ key }, { count }) => [emit([key, count.read])],
      }),
      PCollection.map(([key, count]) => counts.set(key, count).size),
      PCollection.ignore,
    ),
  )
  await orThrow(pipe(pipeline, DirectRunner.run()))
  return counts
}

export const stateful = async ({ quick }: BenchOptions): Promise<Row> => {
  const elements = quick ? 500_000 : 2_000_000
  const data = Array.from({ length: elements }, (_, i) => i)
  const check = (counts: ReadonlyMap<number, number>): void => {
    const total = [...counts.values()].reduce((a, b) => a + b, 0)
    if (total !== elements || counts.size !== keys) throw new Error(`the counts are wrong: ${total} in ${counts.size} keys`)
  }
  const measured = await measure(
    [
      { name: 'hand-written map', elements, run: () => timed(() => check(byHand(data))) },
      { name: 'jetbeam', elements, run: () => timed(async () => check(await byPipeline(data))) },
    ],
    quick ? 3 : 9,
  )
  return { name: 'stateful', measured, targets: [within(measured, 'jetbeam', 10, 'hand-written map')] }
}
