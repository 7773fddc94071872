// A connector of one's own: splits that are found once, whole batches, and a watermark that allows for disorder.
import {
  CombineFn,
  Combine,
  FixedWindows,
  Instant,
  type JobMetrics,
  millis,
  PCollection,
  pipe,
  Pipeline,
  type ReadBatch,
  type Source,
  type SplitReader,
  Splittable,
  Watermark,
  Window,
} from '../../sdk/index.ts'
import { PAssert, containsInAnyOrder } from '../../sdk/testing/index.ts'
import { assert } from 'chai'
import type { Case } from './frame.ts'

interface Row {
  readonly split: string
  readonly row: number
}

/** Two rows a batch. */
const readerOf = (split: string, from: number, to: number): SplitReader<Row> => {
  let [at, end] = [from, to]
  const poll = (most: number): ReadBatch<Row> | null => {
    const positions = Array.from({ length: Math.min(most, 2, Math.max(0, end - at)) }, (_, i) => at + i)
    if (positions.length === 0) return null
    at += positions.length
    return { values: positions.map(row => ({ split, row })), positions, bytes: 0, note: null }
  }
  return {
    poll,
    status: () => ({ _tag: at >= end ? 'done' : 'reading' }),
    lag: () => end - at,
    onChange: () => undefined,
    truncate: bound => {
      end = Math.min(end, bound)
    },
    close: () => Promise.resolve(),
  }
}

const rows: Source<Row> = {
  urn: 'test:rows',
  label: 'rows',
  isBounded: true,
  identity: { rows: 'all' },
  replayable: true,
  connect: () =>
    Promise.resolve({
      resolve: () =>
        Promise.resolve(
          ['a', 'b', 'c'].map((id, i) => ({ id, range: { from: 0, to: 5 * i }, count: null, detail: null })), // the first is empty
        ),
      open: ({ id, range }, { last }) => Promise.resolve(readerOf(id, last === null ? range.from : last + 1, range.to ?? 0)),
      guarantee: () => 'made up anew',
      close: () => Promise.resolve(),
    }),
}

/** Row 3 is as late as the watermark allows for. */
const timeOf = (row: number): Instant => Instant.ofMillis(row === 3 ? 0 : row)

export const ownSource = Pipeline.define(import.meta, 'ownSource', () =>
  pipe(
    Splittable.source({
      source: rows,
      decode: ({ split, row }) => [split, row] as const,
      timestamp: ([, row]) => timeOf(row),
      watermark: Watermark.boundedOutOfOrderness(millis(4)),
    }),
    Window.into(FixedWindows.of(millis(1))),
    PCollection.keyBy(([split, row]) => `${split} at ${timeOf(row)}`),
    Combine.perKey(CombineFn.count),
    PCollection.map(([key, n]): string => `${key}: ${n}`),
    PAssert.that(
      containsInAnyOrder([
        ...['b at 0: 2', 'b at 1: 1', 'b at 2: 1', 'b at 4: 1'],
        ...['c at 0: 2', ...[1, 2, 4, 5, 6, 7, 8, 9].map(row => `c at ${row}: 1`)],
      ]),
    ),
    PCollection.ignore,
  ),
)

/** Where elements are in order, nothing more need be said. */
export const inOrder = Pipeline.define(import.meta, 'inOrder', () =>
  pipe(
    Splittable.source({
      source: rows,
      decode: ({ row }) => row,
      timestamp: row => Instant.ofMillis(row),
      watermark: Watermark.monotonic,
    }),
    Window.into(FixedWindows.of(millis(5))),
    PCollection.keyBy(row => Math.floor(row / 5)),
    Combine.perKey(CombineFn.count),
    PAssert.that(containsInAnyOrder([[0, 10] as const, [1, 5] as const])),
    PCollection.ignore,
  ),
)

const allOfThem = (metrics: JobMetrics): void => {
  assert.strictEqual(metrics.elementsRead, 15)
  assert.strictEqual(metrics.droppedLate, 0)
}

export const sourceCases: ReadonlyArray<Case> = [
  {
    says: "a source of one's own is read, each split by one task, and disorder that was allowed for is not late",
    pipeline: ownSource,
    metrics: allOfThem,
  },
  { says: 'a source in order moves its watermark with what was read', pipeline: inOrder, metrics: allOfThem },
]
