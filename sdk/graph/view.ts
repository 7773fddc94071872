// How a side input is made of what its collection holds: as data, for the node that reads it.
import type { UserFunction } from './node.ts'

/**
 * All but `table` and `index` are made of whole panes: their collection was grouped under one key, and a later pane of a window replaces
 * the earlier one. A table is made of the changes of a changelog, one by one, and knows no windows.
 */
export type ViewSpec =
  /** `orElse`: null where an empty window is an error. */
  | { readonly _tag: 'Singleton'; readonly orElse: { readonly value: unknown } | null }
  | { readonly _tag: 'List' }
  | { readonly _tag: 'Iterable' }
  | { readonly _tag: 'Map' }
  | { readonly _tag: 'Multimap' }
  | { readonly _tag: 'Table' }
  | { readonly _tag: 'Index'; readonly by: UserFunction }

/** Whether it is made of a changelog. */
export const isChangelog = (view: ViewSpec): boolean => view._tag === 'Table' || view._tag === 'Index'

export interface NamedView {
  readonly name: string
  readonly view: ViewSpec
}
