// Stages: what the plan makes of a graph. A stage is fused element-wise work between two places where elements must stop:
// a source, a grouping by key, an asynchronous call.
import type { AnyCombineFn } from '../../sdk/graph/combine-fn.ts'
import type { Transform } from '../../sdk/graph/node.ts'
import type { PublishMode, Sink } from '../../sdk/graph/sink.ts'
import type { NamedView } from '../../sdk/graph/view.ts'
import type { Coder } from '../../sdk/coders/index.ts'
import type { WindowingStrategy } from '../../sdk/model/windowing-strategy.ts'
import type { ErasedSplittable } from '../../sdk/splittable/erased.ts'
import type { Source } from '../../sdk/splittable/source.ts'
import type { WatermarkPolicy } from '../../sdk/splittable/watermark-policy.ts'
import type { ErasedStateful } from '../../sdk/stateful/erased.ts'

type Of<Tag extends Transform['_tag']> = Extract<Transform, { readonly _tag: Tag }>

/** What runs inside a stage, one element at a time. */
export type ElementWise = Exclude<
  Transform,
  Of<
    | 'Create'
    | 'Read'
    | 'MapAsync'
    | 'GroupByKey'
    | 'CombinePerKey'
    | 'Stateful'
    | 'Sided'
    | 'Splittable'
    | 'Reshuffle'
    | 'Write'
    | 'Ignore'
    | 'Assert'
  >
>

/** Where a stage's elements come from. */
export type Head =
  | { readonly _tag: 'Source'; readonly source: Source; readonly read: Of<'Read'> | null; readonly watermark: WatermarkPolicy }
  | {
      readonly _tag: 'Group'
      readonly fn: AnyCombineFn | null
      readonly withDefault: boolean
      readonly strategy: WindowingStrategy
      readonly keyCoder: Coder<unknown> | null
    }
  | { readonly _tag: 'Async'; readonly call: Of<'MapAsync'> }
  | {
      readonly _tag: 'Stateful'
      readonly spec: ErasedStateful
      /** How its input is windowed. */
      readonly strategy: WindowingStrategy
      readonly keyCoder: Coder<unknown> | null
    }
  | { readonly _tag: 'Sided'; readonly sides: ReadonlyArray<SideSpec>; readonly strategy: WindowingStrategy }
  | { readonly _tag: 'Splittable'; readonly fn: ErasedSplittable; readonly strategy: WindowingStrategy }
  | { readonly _tag: 'Reshuffle' }

/** One side input of a stage: what it is made of, and how its collection is windowed. */
export interface SideSpec extends NamedView {
  readonly strategy: WindowingStrategy
  /** Of a collection of pairs. */
  readonly keyCoder: Coder<unknown> | null
}

/** Where elements leave a stage. */
export type Exit =
  /** `panes`: whoever is there looks at them. */
  | { readonly _tag: 'Shuffle'; readonly to: string; readonly lift: Lift | null; readonly panes: boolean }
  /** `spread`: over all tasks in turn, instead of to the one of the same number. */
  | { readonly _tag: 'Forward'; readonly to: string; readonly spread: boolean }
  /** To every task of a stage, as its side input of that number. */
  | { readonly _tag: 'Side'; readonly to: string; readonly side: number }
  | { readonly _tag: 'Sink'; readonly sinkId: string; readonly sink: Sink; readonly mode: PublishMode }
  | { readonly _tag: 'Assert'; readonly assertId: string; readonly check: Of<'Assert'>['check'] }

/** A combine done in part before its shuffle: one accumulator a key and window until the table is flushed. */
export interface Lift {
  /** A trigger counts: what a bundle brings goes on when the bundle ends, instead of at the next watermark. */
  readonly eachBundle: boolean
  readonly fn: AnyCombineFn
  readonly strategy: WindowingStrategy
  readonly keyCoder: Coder<unknown> | null
}

/** Where an output goes: on to a step of the same stage, or out of it. Both by index. */
export type Target = { readonly _tag: 'Step'; readonly step: number } | { readonly _tag: 'Exit'; readonly exit: number }

export interface Step {
  /** The node's path in the graph: what errors name. */
  readonly path: string
  readonly transform: ElementWise
  /** How its input is windowed. */
  readonly strategy: WindowingStrategy
  readonly targets: Readonly<Record<string, ReadonlyArray<Target>>>
  /** How many places in this stage lead here. */
  readonly entries: number
}

export interface Stage {
  /** The head's node: stable, so what is checkpointed under it finds its way back. */
  readonly id: string
  readonly head: Head
  /** How the head's output is windowed. */
  readonly strategy: WindowingStrategy
  readonly targets: ReadonlyArray<Target>
  /** In topological order. */
  readonly steps: ReadonlyArray<Step>
  readonly exits: ReadonlyArray<Exit>
  /** The stages that lead here, by any path. */
  readonly inputs: ReadonlyArray<string>
  /** Those whose elements are its own, which alone move its input watermark. */
  readonly mainInputs: ReadonlyArray<string>
  /** By side input: those that bring it. */
  readonly sideInputs: ReadonlyArray<ReadonlyArray<string>>
}

export interface PlannedSink {
  readonly id: string
  readonly sink: Sink
  readonly mode: PublishMode
  /** Why this mode, for `explain`. */
  readonly why: string
}

export interface Plan {
  /** In topological order. */
  readonly stages: ReadonlyArray<Stage>
  readonly sinks: ReadonlyArray<PlannedSink>
}
