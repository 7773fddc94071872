// Numbers that lie in time at their own value, and what a grouping made of them, as text.
import type { KV } from '../../sdk/model/kv.ts'
import { Create, flow, GroupByKey, Instant, PCollection, pipe, Reify } from '../../sdk/index.ts'
import type { PCollection as Collection } from '../../sdk/graph/pcollection.ts'

/** Each number at that many milliseconds. */
export const timed = (...numbers: ReadonlyArray<number>): Collection<number> =>
  pipe(
    Create.of(numbers),
    PCollection.withTimestamps(n => Instant.ofMillis(n)),
  )

/** Under one key. */
export const underOne = (numbers: Collection<number>): Collection<KV<string, number>> =>
  pipe(
    numbers,
    PCollection.keyBy((): string => 'key'),
  )

/** 'start-end: values', in the order of the values. */
export const byWindow: (pairs: Collection<KV<string, number>>) => Collection<string> = flow(
  GroupByKey.of<string, number>,
  Reify.windowed,
  PCollection.map(({ value: [, numbers], window }) => `${window.start}-${window.end}: ${[...numbers].sort((a, b) => a - b).join(' ')}`),
)
