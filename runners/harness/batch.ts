// Batches: what crosses every boundary inside a runner. Values, timestamps and windows lie side by side; a windowed value is built
// only where a DoFn asks for one.
import type { PaneInfo } from '../../sdk/model/pane.ts'
import type { BoundedWindow } from '../../sdk/model/window.ts'

export type Windows = ReadonlyArray<BoundedWindow>

/** Columns of equal length. Whoever receives a batch owns it. */
export interface Batch {
  /** Behind a shuffle's exit: the key of each value. */
  readonly keys: ReadonlyArray<unknown> | null
  readonly values: ReadonlyArray<unknown>
  /** Milliseconds. Empty straight from a source, whose stage finds them. */
  readonly timestamps: ReadonlyArray<number>
  /** null: all in the global window. */
  readonly windows: ReadonlyArray<Windows> | null
  /** null: no trigger fired them. */
  readonly panes: ReadonlyArray<PaneInfo> | null
  /** Straight from a source: where each element lies in it. */
  readonly positions: ReadonlyArray<number> | null
  /** The values are accumulators of a lifted combine. */
  readonly lifted: boolean
}

/** A batch that is being filled. */
export interface FillingBatch extends Batch {
  readonly keys: unknown[] | null
  readonly values: unknown[]
  readonly timestamps: number[]
  readonly windows: Windows[] | null
  readonly panes: PaneInfo[] | null
}

export const emptyBatch = (o: { readonly keyed: boolean; readonly windowed: boolean; readonly panes: boolean }): FillingBatch => ({
  keys: o.keyed ? [] : null,
  values: [],
  timestamps: [],
  windows: o.windowed ? [] : null,
  panes: o.panes ? [] : null,
  positions: null,
  lifted: false,
})
