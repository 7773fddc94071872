// Counts the words of a file into a file: a read in ranges, a shuffle, one result.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Count, Instant, PCollection, Pipeline, pipe } from 'jetbeam'
import { TextIO } from 'jetbeam/io/text'
import { DirectRunner } from 'jetbeam/runners/direct'
import { WorkerThreadsRunner } from 'jetbeam/runners/worker-threads'
import { z } from 'zod'
import type { Batch } from '../../runners/harness/batch.ts'
import { planOf } from '../../runners/plan/plan.ts'
import type { BenchOptions } from './bench-options.ts'
import { exchanged } from './exchange.ts'
import { atLeast, measure, type Row, timed, type Timing } from './measure.ts'
import { ran } from './on-runner.ts'
import { writeZipfText } from './zipf-text.ts'

export const zipfWordCount = Pipeline.define(
  import.meta,
  'zipf-word-count',
  z.object({ from: z.string(), to: z.string() }),
  ({ from, to }) =>
    pipe(
      TextIO.read(from),
      PCollection.flatMap(line => line.split(' ')),
      Count.perElement,
      PCollection.map(([word, n]) => `${word} ${n}`),
      TextIO.write(to),
    ),
)

export const wordCount = async ({ quick }: BenchOptions): Promise<Row> => {
  const folder = await mkdtemp(join(tmpdir(), 'jetbeam-bench-'))
  try {
    const [from, to] = [join(folder, 'in.txt'), join(folder, 'out.txt')]
    const counts = await writeZipfText(from, (quick ? 10 : 100) * 1_024 * 1_024)
    const elements = [...counts.values()].reduce((a, b) => a + b, 0)
    const files = { from, to }
    const shuffle = planOf(zipfWordCount(files).graph).stages.find(({ head }) => head._tag === 'Group')
    if (shuffle === undefined) throw new Error('words are counted without a shuffle')
    const partial = partialCounts([...counts.keys()], quick ? 5 : 50)
    const checked = async (timing: Promise<Timing>): Promise<Timing> => {
      await timing
      checkCounts(await readFile(to, 'utf8'), counts)
      await rm(to)
      return timing
    }
    const measured = await measure(
      [
        { name: 'direct runner', elements, run: () => checked(ran(pipe(zipfWordCount(files), DirectRunner.start()))) },
        {
          name: '2 worker threads',
          elements,
          run: () => checked(ran(pipe(zipfWordCount(files), WorkerThreadsRunner.start({ workers: 2 })))),
        },
        { name: 'the exchange alone, a partial count', elements: sizeOf(partial), run: () => timed(() => exchanged(shuffle, partial)) },
      ],
      quick ? 3 : 7,
    )
    return { name: 'word-count', measured, targets: [atLeast(measured, '2 worker threads', 1.5, 'direct runner')] }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const batchSize = 4_096

/** As they leave a worker that has counted what it read, so many times over. */
const partialCounts = (words: ReadonlyArray<string>, times: number): ReadonlyArray<Batch> =>
  Array.from({ length: times }, () => words)
    .flatMap(all => Array.from({ length: Math.ceil(all.length / batchSize) }, (_, i) => all.slice(i * batchSize, (i + 1) * batchSize)))
    .map(keys => ({
      keys,
      values: keys.map(({ length }) => length),
      timestamps: keys.map(() => Instant.max),
      windows: null,
      panes: null,
      positions: null,
      lifted: true,
    }))

const sizeOf = (batches: ReadonlyArray<Batch>): number => batches.reduce((sum, { values }) => sum + values.length, 0)

const checkCounts = (lines: string, expected: ReadonlyMap<string, number>): void => {
  const found = lines.trimEnd().split('\n')
  for (const line of found) {
    const [word = '', n] = line.split(' ')
    if (Number(n) !== expected.get(word)) throw new Error(`${word} is there ${String(expected.get(word))} times, and was counted as ${n}`)
  }
  if (found.length !== expected.size) throw new Error(`${found.length} words were counted of ${expected.size}`)
}
