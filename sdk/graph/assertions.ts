// Assertions by what they are about, so that a pipeline can tell which of them were made and then dropped: those would never be checked.
import type { Graph } from './graph-node.ts'
import type { Node } from './node.ts'

const about = new WeakMap<Node, Node[]>()
/** Those that a pipeline has contained: who takes a collection into a second one need not repeat what was asserted of it. */
const kept = new WeakSet<Node>()

/** Called for each assertion that is made. */
export const recordAssertion = (assertion: Node): void => {
  for (const { node } of assertion.inputs) {
    const known = about.get(node)
    if (known === undefined) about.set(node, [assertion])
    else known.push(assertion)
  }
}

/** Those about a collection of `graph` that neither it nor an earlier pipeline contains. */
export const droppedAssertions = ({ nodes }: Graph): ReadonlyArray<Node> => {
  const own = new Set<Node>(nodes.valueSeq().map(({ node }) => node))
  const made = [...own].flatMap(node => about.get(node) ?? [])
  for (const assertion of made) if (own.has(assertion)) kept.add(assertion)
  return made.filter(assertion => !kept.has(assertion))
}
