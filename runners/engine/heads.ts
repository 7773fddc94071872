// Which head a stage's task has.
import { isMerging } from '../../sdk/model/windowing-strategy.ts'
import type { AfterCommit } from '../../sdk/stateful/effects.ts'
import type { ErasedStateful } from '../../sdk/stateful/erased.ts'
import type { Batch } from '../harness/batch.ts'
import type { StageInstance } from '../harness/stage-instance.ts'
import type { Stage } from '../plan/stage.ts'
import { accumulatingOf } from './cell.ts'
import type { Watermarks } from './firing.ts'
import { WindowGrouping } from './grouping.ts'
import type { TaskHead } from './head.ts'
import { MergingGrouping } from './merging-grouping.ts'
import { SidedElements } from './sided/sided-elements.ts'
import type { SideProgress } from './sided/side-store.ts'
import type { RestrictionCommand } from './splittable/messages.ts'
import { Restrictions } from './splittable/restrictions.ts'
import { StatefulHead } from './stateful/head.ts'

/** What a head is given of its task. */
export interface HeadPlace {
  readonly watermarks: Watermarks
  /** Of each side input. */
  readonly sides: ReadonlyArray<SideProgress>
  /** Runs the stage over what the head hands on. */
  readonly emit: (batch: Batch) => void
  /** What the host is to do for a splittable DoFn. */
  readonly command: (command: RestrictionCommand) => void
  /** What a stateful DoFn asks for once what it did is durable. */
  readonly afterCommit: (effect: AfterCommit) => void
  /** For the strict checks, if there are any. */
  readonly instance: Pick<StageInstance, 'guard' | 'strict'>
}

/** null where elements go straight on. */
export const headOf = (stage: Stage, { watermarks, sides, emit, command, afterCommit, instance }: HeadPlace): TaskHead | null => {
  const { id, head } = stage
  switch (head._tag) {
    case 'Group': {
      const { fn, strategy, keyCoder } = head
      const spec = { path: id, accumulating: accumulatingOf(fn, id), strategy, keyCoder, watermarks, emit, showsPanes: showsPanes(stage) }
      return isMerging(strategy) ? new MergingGrouping(spec) : new WindowGrouping(spec)
    }
    case 'Sided':
      return new SidedElements({ stage: id, sides: head.sides, strategy: head.strategy, watermarks, progress: sides, emit })
    case 'Stateful': {
      const { spec, strategy, keyCoder } = head
      const { strict } = instance
      const guard = (f: ErasedStateful['process']): unknown => instance.guard(f, id)
      return new StatefulHead({ path: id, fn: spec, strategy, keyCoder, watermarks, emit, afterCommit, guard, strict })
    }
    case 'Splittable':
      return new Restrictions({ path: id, fn: head.fn, emit, command })
    case 'Source':
    case 'Async':
    case 'Reshuffle':
      return null
  }
}

/** Whether anything behind the stage's head may look at the panes that it fires. */
const showsPanes = ({ steps, exits }: Stage): boolean =>
  steps.some(({ transform }) => transform._tag === 'ReifyWindowed' || transform._tag === 'Bundled') ||
  exits.some(exit => exit._tag === 'Forward' || exit._tag === 'Assert' || (exit._tag === 'Shuffle' && exit.panes))
