// A pipeline's only stage, compiled and run over batches by hand: what goes in are values and timestamps, what comes out is gathered.
import { StageInstance } from '../../../runners/harness/stage-instance.ts'
import { strictness } from '../../../runners/harness/strictness.ts'
import { planOf } from '../../../runners/plan/plan.ts'
import type { Stage } from '../../../runners/plan/stage.ts'
import { apply, leaf, type PCollection, type PDone } from '../../../sdk/graph/pcollection.ts'
import type { AssertedElement } from '../../../sdk/graph/node.ts'
import { Pipeline } from '../../../sdk/index.ts'
import type { Source } from '../../../sdk/splittable/source.ts'

/** Reads numbers; each lies at its own value in event time. */
export const numbers = (): PCollection<number> => {
  const source: Source = {
    urn: 'test',
    label: 'numbers',
    isBounded: true,
    identity: {},
    replayable: true,
    connect: () => Promise.reject(new Error('never connected')),
  }
  const watermark = { _tag: 'WatermarkPolicy', outOfOrdernessMs: 0, idleAfterMs: null } as const
  return apply<number>(
    { _tag: 'Read', source, decode: (n: number) => n, timestamp: (n: number) => n, movesWatermark: null, watermark },
    [],
    { kind: 'numbers', name: 'numbers' },
  )
}

/** Keeps what arrives, for the test to look at. */
export const gather = (pc: PCollection<unknown>): PDone => leaf({ _tag: 'Assert', check: () => undefined }, pc, { kind: 'gather' })

export const stageOf = (...ends: ReadonlyArray<PDone>): Stage => {
  const [stage] = planOf(Pipeline.of(...ends).graph).stages
  if (stage === undefined) throw new Error('the plan has no stage')
  return stage
}

export class DrivenStage {
  readonly instance: StageInstance

  constructor(ends: ReadonlyArray<PDone>, o: { readonly strict?: boolean } = {}) {
    this.instance = new StageInstance(stageOf(...ends), o.strict === true ? strictness : null)
  }

  /** One bundle. */
  run(values: ReadonlyArray<unknown>): this {
    this.instance.run({ keys: null, values, timestamps: [], windows: null, panes: null, positions: values.map((_, i) => i), lifted: false })
    return this
  }

  elements(): ReadonlyArray<AssertedElement> {
    return this.instance.exits.flatMap(exit => exit.gathered)
  }

  values(): ReadonlyArray<unknown> {
    return this.elements().map(({ value }) => value)
  }
}
