// What a task is made with.
import type { Split } from '../../sdk/splittable/source.ts'
import type { StageInstance } from '../harness/stage-instance.ts'
import type { Stage } from '../plan/stage.ts'
import type { Cut } from './cut.ts'
import type { CallOutcome, TaskRecord } from './messages.ts'

export interface TaskPlace {
  readonly instance: StageInstance
  readonly shard: number
  /** How many tasks each stage has. */
  readonly shards: number
  /** The stages that this one leads to, by id. */
  readonly downstream: ReadonlyMap<string, Stage>
}

export interface TaskSpec extends TaskPlace {
  /** Only of a source's task: what it reads. */
  readonly splits: ReadonlyArray<Split>
  /** Only of a source's task: splits may appear while it is read. */
  readonly discovering?: boolean | undefined
  readonly restored: { readonly record: TaskRecord; readonly keyed: ReadonlyArray<Uint8Array> } | null
  /** Gives what an asynchronous call's outcome means for the element; throws what ends the run. */
  readonly outcomeOf: (element: unknown, outcome: CallOutcome) => unknown
  /** Bundles of another size than they come in. */
  readonly cut?: Cut | null | undefined
  /** Its stage's work may move between tasks: event time goes no further than all of them together say. */
  readonly shared?: boolean | undefined
}
