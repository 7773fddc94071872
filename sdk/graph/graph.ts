// From leaves to a graph: everything that they reach, once each. A branch that no leaf reaches does not exist.
import { List, OrderedMap } from 'immutable'
import type { Coder } from '../coders/index.ts'
import type { WindowingStrategy } from '../model/windowing-strategy.ts'
import type { Graph, GraphNode } from './graph-node.ts'
import type { Node } from './node.ts'
import { isStateful, nodeIds } from './node-ids.ts'
import { outputKeyCoder, outputStrategy } from './output-traits.ts'
import type { PDone } from './pcollection.ts'

export type { AmbiguousNodes, Graph, GraphNode } from './graph-node.ts'
export { descriptions, fingerprint } from './fingerprint.ts'
export { type StatefulNode, differences, statefulSummary } from './stateful-summary.ts'

/** The graph of what `leaves` reach. Never fails: what is wrong with it is said by `validate`. */
export const graphOf = (leaves: ReadonlyArray<PDone>): Graph => {
  const order = topological(leaves.map(leaf => leaf.node))
  const { ids, ambiguous } = nodeIds(order)
  const idOf = (node: Node): string => ids.get(node) ?? missing(node)
  const strategies = new Map<Node, WindowingStrategy>()
  const keyCoders = new Map<Node, Coder<unknown> | null>()
  const nodes = order.map((node): [string, GraphNode] => {
    const id = idOf(node)
    const strategy = outputStrategy(
      node.transform,
      node.inputs.map(input => strategies.get(input.node) ?? missing(input.node)),
    )
    const keyCoder = outputKeyCoder(
      node.transform,
      node.inputs.map(input => keyCoders.get(input.node) ?? null),
    )
    strategies.set(node, strategy)
    keyCoders.set(node, keyCoder)
    const inputs = node.inputs.map(input => ({ id: idOf(input.node), tag: input.tag }))
    return [id, { id, node, inputs, strategy, keyCoder, stateful: isStateful(node) }]
  })
  return {
    nodes: OrderedMap(nodes),
    leaves: List(order.filter(isEnd).map(idOf)),
    ambiguous,
  }
}

const isEnd = ({ transform }: Node): boolean => transform._tag === 'Write' || transform._tag === 'Ignore' || transform._tag === 'Assert'

/** Each node after what it reads; depth first from the leaves in their order, without recursion: a chain may be longer than the stack. */
const topological = (leaves: ReadonlyArray<Node>): ReadonlyArray<Node> => {
  const order: Node[] = []
  const seen = new Set<Node>()
  const stack: { readonly node: Node; readonly before: ReadonlyArray<Node>; next: number }[] = []
  const enter = (node: Node): void => {
    if (seen.has(node)) return
    seen.add(node)
    stack.push({ node, before: neededBy(node), next: 0 })
  }
  for (const leaf of leaves) {
    enter(leaf)
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const before = top.before[top.next++]
      if (before !== undefined) enter(before)
      else {
        order.push(top.node)
        stack.pop()
      }
    }
  }
  return order
}

/** What it reads, and the branches that it keeps alive. */
const neededBy = ({ inputs, transform }: Node): ReadonlyArray<Node> => {
  const read = inputs.map(input => input.node)
  return transform._tag === 'Along' ? [...read, ...transform.leaves] : read
}

const missing = (node: Node): never => {
  throw new Error(`graphOf: ${node.kind} was needed before it was reached; nodes are believed to have no cycles`)
}
