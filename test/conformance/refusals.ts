// What is refused: a feature that a runner lacks, by its name, before anything runs; and what no runner may be asked for.
import {
  Combine,
  CombineFn,
  Create,
  OffsetRange,
  ParDo,
  PCollection,
  pipe,
  Pipeline,
  resumeAfter,
  seconds,
  Splittable,
  State,
  Coder,
  WatermarkEstimator,
  emit,
  type KV,
} from '../../sdk/index.ts'
import { PAssert, singleton } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'

/** Of no module: a runner that must build it again elsewhere refuses it by the feature's name, and the others run it. */
const withoutDefinition = (): Pipeline =>
  Pipeline.of(pipe(Create.of([1, 2, 3]), Combine.globally(CombineFn.count), PAssert.that(singleton(3)), PCollection.ignore))

const endless = () =>
  Splittable.read({
    restriction: OffsetRange,
    watermark: WatermarkEstimator.monotonic,
    isBounded: false,
    initial: (n: number) => OffsetRange.of(0, n),
    async *process() {
      await Promise.resolve()
      yield [] as const
      return resumeAfter(seconds(60))
    },
  })

/** It would fire at the end of time. */
export const ungroupable = Pipeline.define(import.meta, 'ungroupable', () =>
  pipe(
    Create.of([1]),
    endless(),
    PCollection.keyBy(() => 'all'),
    Combine.perKey(CombineFn.count),
    PCollection.ignore,
  ),
)

export const unkeyed = Pipeline.define(import.meta, 'unkeyed', () =>
  pipe(
    // As a program without types might do: no pair is a pair.
    Create.of([1, 2]) as unknown as PCollection<KV<string, number>>,
    ParDo.stateful({ state: { n: State.value(Coder.varint, 0) }, process: ({ value }, { n }) => [n.write(value), emit(value)] }),
    PCollection.ignore,
  ),
)

export const refusalCases: ReadonlyArray<Case> = [
  { says: 'a pipeline that a runner cannot build again is refused by the name of what it lacks', pipeline: withoutDefinition },
  {
    says: 'a grouping of what has no end needs a window or a trigger',
    pipeline: ungroupable,
    fails: { with: 'InvalidPipeline', saying: /Combine\.perKey#1.*groups an unbounded collection in the global window/ },
  },
  {
    // Which element comes first is up to the tasks.
    says: 'state needs keys',
    pipeline: unkeyed,
    fails: { with: 'UserCodeFailed', saying: /ParDo#1: the transform takes pairs of key and value, and got [12]/ },
  },
]
