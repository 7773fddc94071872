// Keys of the global window that have fired all their elements and only owe the empty pane at its end: Beam's ReduceFnRunner sets a timer
// for each key's end of window, and `needToEmit` lets it fire an empty pane under `fireAlways`. Such a key needs no cell.
import type { GroupingKey } from '../../sdk/coders/index.ts'
import { GlobalWindow } from '../../sdk/model/window.ts'
import { type Cell, newCell } from './cell.ts'
import type { Changing } from './changes.ts'

export interface OwedPane extends Changing {
  readonly key: unknown
  /** How many panes have fired. */
  readonly owedAfter: number
}

/** By grouping key. */
export type OwedPanes = Map<GroupingKey, OwedPane>

export const owedPane = (key: unknown, owedAfter: number): OwedPane => ({
  key,
  owedAfter,
  changedIn: 0,
  writtenIn: 0,
  persisted: false,
  gone: false,
})

export const isOwedPane = (entry: Changing): entry is OwedPane => 'owedAfter' in entry

/** The cell of a key that owed the pane. */
export const cellOf = ({ key, owedAfter, persisted }: OwedPane, groupKey: GroupingKey): Cell => {
  const cell = newCell(key, groupKey, GlobalWindow)
  cell.panes = owedAfter
  cell.persisted = persisted
  return cell
}
