// A window of a grouping whose windows do not merge, with its keys' state.
import type { GroupingKey } from '../../sdk/coders/index.ts'
import { Instant } from '../../sdk/model/time.ts'
import type { BoundedWindow } from '../../sdk/model/window.ts'
import type { WindowingStrategy } from '../../sdk/model/windowing-strategy.ts'
import type { Cell } from './cell.ts'
import type { HeapEntry } from './heap.ts'
import type { OwedPanes } from './owed-panes.ts'

export interface WindowState {
  readonly window: BoundedWindow
  readonly cells: Map<GroupingKey, Cell>
  /** Keys without a cell; see `owed-panes.ts`. */
  readonly owed: OwedPanes
  /** When its state is removed. */
  readonly expiry: number
  pastEnd: boolean
  /** A snapshot has something of it. */
  persisted: boolean
  /** When it ends or expires. */
  timer: HeapEntry<WindowState> | null
}

/** A window's state is kept until the watermark passes its end by the allowed lateness. */
export const expiryOf = (window: BoundedWindow, strategy: WindowingStrategy): number =>
  Math.min(window.end + strategy.allowedLateness, Instant.max)
