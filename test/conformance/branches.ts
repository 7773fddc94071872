// Collections that part and meet.
import {
  Coder,
  CombineFn,
  Combine,
  Count,
  Create,
  FixedWindows,
  Flatten,
  flow,
  millis,
  named,
  Partition,
  PCollection,
  pipe,
  Pipeline,
  Reshuffle,
  Window,
} from '../../sdk/index.ts'
import type { PCollection as Collection } from '../../sdk/graph/pcollection.ts'
import { PAssert, TestStream, containsInAnyOrder, empty, singleton } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'
import { byWindow, underOne } from './grouped.ts'

const numbers = Create.of([1, 2, 3, 4, 5, 6])

export const flattened = Pipeline.define(import.meta, 'flattened', () => {
  const doubled = pipe(
    numbers,
    PCollection.map(n => n * 10),
  )
  return [
    pipe(Flatten.of(numbers, doubled), PAssert.that(containsInAnyOrder([1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60])), PCollection.ignore),
    // The same twice counts twice.
    pipe(Flatten.of(numbers, numbers), Count.globally, PAssert.that(singleton(12)), PCollection.ignore),
    pipe(Flatten.of(), PAssert.that(empty), PCollection.ignore),
  ]
})

export const partitioned = Pipeline.define(import.meta, 'partitioned', () => {
  const { small, large } = pipe(
    numbers,
    Partition.by(['small', 'large'], n => (n < 3 ? 'small' : 'large')),
  )
  const { even, odd } = pipe(
    large,
    PCollection.map(n => (n % 2 === 0 ? ({ kind: 'even', n } as const) : ({ kind: 'odd', half: n / 2 } as const))),
    Partition.on('kind', ['even', 'odd']),
  )
  return [
    pipe(small, PAssert.that(containsInAnyOrder([1, 2])), PCollection.ignore),
    pipe(
      even,
      PCollection.map(({ n }) => n),
      PAssert.that(containsInAnyOrder([4, 6])),
      PCollection.ignore,
    ),
    pipe(
      odd,
      PCollection.map(({ half }) => half),
      PAssert.that(containsInAnyOrder([1.5, 2.5])),
      PCollection.ignore,
    ),
  ]
})

export const teed = Pipeline.define(import.meta, 'teed', () =>
  pipe(
    numbers,
    PCollection.tee(flow(Count.globally, PAssert.that(singleton(6)), PCollection.ignore)),
    PCollection.filter(n => n > 4),
    PAssert.that(containsInAnyOrder([5, 6])),
    PCollection.ignore,
  ),
)

/** Two ways lead from one collection to another: each element comes by both. */
export const diamond = Pipeline.define(import.meta, 'diamond', () => {
  const step = (name: string, f: (n: number) => number): ((pc: Collection<number>) => Collection<number>) => named(name, PCollection.map(f))
  const deep = Array.from({ length: 4 }, (_, i) => i).reduce<Collection<number>>(
    (pc, i) =>
      Flatten.of(
        pipe(
          pc,
          step(`left${i}`, n => n + 1),
        ),
        pipe(
          pc,
          step(`right${i}`, n => n - 1),
        ),
      ),
    Create.of([0]),
  )
  return pipe(
    deep,
    Count.perElement,
    PAssert.that(containsInAnyOrder([[4, 1] as const, [2, 4] as const, [0, 6] as const, [-2, 4] as const, [-4, 1] as const])),
    PCollection.ignore,
  )
})

/** A window waits for the slower of the two. */
export const slower = Pipeline.define(import.meta, 'slower', () => {
  const { elements, advanceWatermarkTo } = TestStream
  const quick = TestStream.of(Coder.varint, elements([1, 1]), advanceWatermarkTo(50), elements([60, 60]), advanceWatermarkTo(70))
  const slow = TestStream.of(
    Coder.varint,
    elements([2, 2]),
    advanceWatermarkTo(5),
    elements([3, 3]),
    advanceWatermarkTo(9),
    elements([4, 4]),
  )
  return pipe(
    Flatten.of(quick, slow),
    Window.into(FixedWindows.of(millis(10))),
    underOne,
    byWindow,
    PAssert.that(containsInAnyOrder(['0-10: 1 2 3 4', '60-70: 60'])),
    PCollection.ignore,
  )
})

export const reshuffled = Pipeline.define(import.meta, 'reshuffled', () =>
  pipe(
    numbers,
    Reshuffle.of,
    PCollection.keyBy(n => n % 2),
    Combine.perKey(CombineFn.count),
    PAssert.that(containsInAnyOrder([[0, 3] as const, [1, 3] as const])),
    PCollection.ignore,
  ),
)

export const branchCases: ReadonlyArray<Case> = [
  { says: 'Flatten has all elements of all inputs', pipeline: flattened },
  { says: 'Partition has each element in one of its parts', pipeline: partitioned },
  { says: 'tee hands on what it was given', pipeline: teed },
  { says: 'an element that comes by several ways comes as often', pipeline: diamond },
  { says: 'a window waits for the slowest of its inputs', pipeline: slower },
  { says: 'Reshuffle loses nothing', pipeline: reshuffled },
]
