// A pipeline as a value: its nodes by id, in an order in which each comes after what it reads.
import type { List, OrderedMap } from 'immutable'
import type { Coder } from '../coders/index.ts'
import type { WindowingStrategy } from '../model/windowing-strategy.ts'
import type { Node } from './node.ts'

export interface GraphNode {
  /** The path that errors, `explain` and checkpoints know it by: scopes, then a name or `kind#n`. */
  readonly id: string
  readonly node: Node
  readonly inputs: ReadonlyArray<{ readonly id: string; readonly tag: string }>
  /** How its outputs are windowed. */
  readonly strategy: WindowingStrategy
  /** The coder of its outputs' keys; null: the default one, or not known to be keyed. */
  readonly keyCoder: Coder<unknown> | null
  /** Whether a checkpoint holds something of it: a source, a sink, a grouping, a combine. */
  readonly stateful: boolean
}

/** Unnamed stateful nodes that got one id: which is which follows from their order alone, so a changed pipeline could swap their states. */
export interface AmbiguousNodes {
  readonly id: string
  /** Where each was made. */
  readonly places: ReadonlyArray<string>
}

export interface Graph {
  /** Topological. */
  readonly nodes: OrderedMap<string, GraphNode>
  /** The ends of its branches: writes, assertions, ignored outputs. Topological. */
  readonly leaves: List<string>
  /** Refused by whoever keeps checkpoints: see {@link AmbiguousNodes}. */
  readonly ambiguous: ReadonlyArray<AmbiguousNodes>
}
