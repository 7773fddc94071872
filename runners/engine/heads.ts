// Which head a stage's task has.
import { isMerging } from '../../sdk/model/windowing-strategy.ts'
import type { Batch } from '../harness/batch.ts'
import type { Stage } from '../plan/stage.ts'
import { accumulatingOf } from './cell.ts'
import type { Watermarks } from './firing.ts'
import { WindowGrouping } from './grouping.ts'
import type { TaskHead } from './head.ts'
import { MergingGrouping } from './merging-grouping.ts'
import { SidedElements } from './sided/sided-elements.ts'
import type { SideProgress } from './sided/side-store.ts'

/** What a head is given of its task. */
export interface HeadPlace {
  readonly watermarks: Watermarks
  /** Of each side input. */
  readonly sides: ReadonlyArray<SideProgress>
  /** Runs the stage over what the head hands on. */
  readonly emit: (batch: Batch) => void
}

/** null where elements go straight on. */
export const headOf = ({ id, head }: Stage, { watermarks, sides, emit }: HeadPlace): TaskHead | null => {
  switch (head._tag) {
    case 'Group': {
      const { fn, strategy, keyCoder } = head
      const spec = { path: id, accumulating: accumulatingOf(fn, id), strategy, keyCoder, watermarks, emit }
      return isMerging(strategy) ? new MergingGrouping(spec) : new WindowGrouping(spec)
    }
    case 'Sided':
      return new SidedElements({ stage: id, sides: head.sides, strategy: head.strategy, watermarks, progress: sides, emit })
    case 'Stateful':
    case 'Splittable':
      throw new Error(`${id}: there is no head for ${head._tag}`)
    case 'Source':
    case 'Async':
    case 'Reshuffle':
      return null
  }
}
