// Pipelines whose elements wait for side inputs that another worker's source feeds.
import {
  Coder,
  Count,
  emit,
  Instant,
  KV,
  ParDo,
  PCollection,
  Pipeline,
  pipe,
  type Source,
  Splittable,
  State,
  View,
} from '../../../sdk/index.ts'
import { containsInAnyOrder, PAssert } from '../../../sdk/testing/index.ts'
import { z } from 'zod'
import { exchange } from '../../../runners/engine/exchange.ts'
import { type NumberRange, numberSource } from '../../support/number-source.ts'

const read = (source: Source<number>) => Splittable.source({ source, decode: n => n, timestamp: () => Instant.min })
// The splits of a second source are dealt out from the second worker on.
const first = (workers: number, to: number): ReadonlyArray<NumberRange> =>
  Array.from({ length: workers }, (_, i) => ({ from: 0, to: i === 0 ? to : 0 }))
const last = (workers: number, to: number): ReadonlyArray<NumberRange> => first(workers, to).toReversed()

/** A key of the last of two workers. */
const away = Array.from({ length: 100 }, (_, key) => key).find(key => {
  const batch = { keys: [key], values: [0], timestamps: [0], windows: null, panes: null, positions: null, lifted: false }
  return exchange(batch, null, 2)[1] !== null
})

const many = 250_000
const few = 100_000

/** All in one thread: how many elements were read, and since when no more. */
let [came, sinceMs] = [0, 0]
const isStill = (): boolean => came > 0 && (came === many || performance.now() - sinceMs > 700)

/** The first worker reads elements that all wait at the second, for a side that comes once no more of them are read. */
export const waitElsewhere = Pipeline.define(import.meta, 'wait-elsewhere', () => {
  const counting = (count: number): void => void ([came, sinceMs] = [came + count, performance.now()])
  came = 0
  const side = pipe(
    read(numberSource({ label: 'side', rangesOf: workers => first(workers, 1), gate: isStill })),
    PCollection.map(() => came),
    View.asSingleton,
  )
  return pipe(
    read(numberSource({ label: 'main', rangesOf: workers => last(workers, many), handed: counting })),
    PCollection.keyBy(() => away),
    PCollection.mapValues(n => String(n).padStart(200, '.')),
    ParDo.stateful({
      state: { seen: State.value(Coder.varint, 0) },
      process: ({ value }, { seen }) => [seen.write(seen.read + 1), emit(value)],
    }),
    PCollection.mapWith({ side }, (_, { side: read }) => (read < few ? 'few were read meanwhile' : `${read} were read meanwhile`)),
    Count.perElement,
    PAssert.that(containsInAnyOrder([KV.of('few were read meanwhile', many)])),
    PCollection.ignore,
  )
})

const each = 30_000

/** The elements of either worker wait for a side that the other one reads. */
export const waitForEachOther = Pipeline.define(import.meta, 'wait-for-each-other', () => {
  const left = read(numberSource({ label: 'left', rangesOf: workers => first(workers, each) }))
  const right = read(numberSource({ label: 'right', rangesOf: workers => first(workers, each) }))
  const beside = (main: typeof left, other: typeof left) =>
    pipe(
      main,
      PCollection.mapWith({ count: pipe(other, Count.globally, View.asSingleton) }, (_, { count }) => count),
      Count.perElement,
      PAssert.that(containsInAnyOrder([KV.of(each, each)])),
      PCollection.ignore,
    )
  return [beside(left, right), beside(right, left)]
})

export const manyLong = 30_000
const longChars = 1_000

/** Of `memory`: how many elements the first worker has handed on, how many of them the second has taken in, and the most there were between. */
export const onTheWay = (memory: SharedArrayBuffer) => {
  const [handed, taken, most] = [0, 1, 2]
  const counts = new Int32Array(memory)
  return {
    hand: (count: number): void => void Atomics.add(counts, handed, count),
    take: (): void => {
      const waiting = Atomics.load(counts, handed) - Atomics.add(counts, taken, 1)
      if (waiting > Atomics.load(counts, most)) Atomics.store(counts, most, waiting)
    },
    taken: (): number => Atomics.load(counts, taken),
    most: (): number => Atomics.load(counts, most),
  }
}
export const onTheWayBytes = 12

/** The first worker reads long elements, and the second is slow to take them in. */
export const takenSlowly = Pipeline.define(
  import.meta,
  'taken-slowly',
  z.object({ memory: z.instanceof(SharedArrayBuffer) }),
  ({ memory }) => {
    const { hand, take } = onTheWay(memory)
    return pipe(
      read(numberSource({ label: 'long', rangesOf: workers => first(workers, manyLong), handed: hand })),
      PCollection.keyBy(() => away),
      PCollection.mapValues(n => String(n).padStart(longChars, '.')),
      ParDo.stateful({
        state: { seen: State.value(Coder.varint, 0) },
        process: (_, { seen }) => {
          take()
          for (const until = performance.now() + 0.03; performance.now() < until;);
          return [seen.write(seen.read + 1)]
        },
      }),
      PCollection.ignore,
    )
  },
)

/** The second worker's split has no end, and nothing to give. */
export const oneIsIdle = Pipeline.define(import.meta, 'one-is-idle', () => {
  const rangesOf = (): ReadonlyArray<NumberRange> => [
    { from: 0, to: 10 },
    { from: 0, to: null },
  ]
  return PCollection.ignore(read(numberSource({ label: 'quiet', rangesOf, isBounded: false })))
})
