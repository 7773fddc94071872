// How a side input is made of what its collection holds: as data, for the node that reads it.
import type { SideInput, Sides } from '../model/side-input.ts'
import type { Node, UserFunction } from './node.ts'
import type { PCollection } from './pcollection.ts'

/**
 * All but `table`, `index` and `signal` are made of whole panes: their collection was grouped under one key, and a later pane of a window
 * replaces the earlier one. A table is made of the changes of a changelog, one by one, and knows no windows. A signal has no value: its
 * window is there once nothing more can come for it.
 */
export type ViewSpec =
  /**
   * `orElse`: null where an empty window is an error. `of`: its collection's panes, grouped, or the elements of a global combine, each of
   * which is a whole pane.
   */
  | { readonly _tag: 'Singleton'; readonly orElse: { readonly value: unknown } | null; readonly of: 'panes' | 'combined' }
  | { readonly _tag: 'List' }
  | { readonly _tag: 'Iterable' }
  | { readonly _tag: 'Map' }
  | { readonly _tag: 'Multimap' }
  | { readonly _tag: 'Table' }
  | { readonly _tag: 'Index'; readonly by: UserFunction }
  | { readonly _tag: 'Signal' }

/** Whether it is made of a changelog. */
export const isChangelog = (view: ViewSpec): boolean => view._tag === 'Table' || view._tag === 'Index'

export interface NamedView {
  readonly name: string
  readonly view: ViewSpec
  /** Of the collection that the user gave: its keys' coder is that of the lookups. */
  readonly of: Node
}

const madeOf = Symbol('made of')

interface MadeOf {
  readonly view: ViewSpec
  readonly of: Node
  /** What the reading node gets as its input. */
  readonly input: PCollection<unknown>
}

/** The only place where a side input's type is believed: `A` is what the engine makes of `view`. */
export const sideInputOf = <A>(view: ViewSpec, of: Node, input: PCollection<unknown>): SideInput<A> => {
  const made: MadeOf = Object.freeze({ view: Object.freeze(view), of, input })
  return Object.freeze({ _tag: 'SideInput', [madeOf]: made }) as unknown as SideInput<A>
}

const isMade = (side: object): side is { readonly [madeOf]: MadeOf } => madeOf in side

/** Sides as a node carries them, and the collections that they read, in the same order. Throws a TypeError for what is no side input. */
export const sidesIn = (
  verb: string,
  sides: Sides,
): { readonly views: ReadonlyArray<NamedView>; readonly inputs: ReadonlyArray<PCollection<unknown>> } => {
  const made = Object.entries(sides).map(([name, side]) => {
    if (typeof side !== 'object' || !isMade(side))
      throw new TypeError(`${verb}: ${name} is no side input. Make one of its collection, with View.asMap or another of its kind`)
    return { name, ...side[madeOf] }
  })
  return { views: made.map(({ name, view, of }) => ({ name, view, of })), inputs: made.map(({ input }) => input) }
}
