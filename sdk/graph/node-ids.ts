// Ids that survive a change elsewhere: an unnamed node is counted along its own inputs, never over the whole pipeline, and a
// function's name, which minifiers change, is no part of it.
import { Map as PersistentMap } from 'immutable'
import type { AmbiguousNodes } from './graph-node.ts'
import type { Node } from './node.ts'

/** How many unnamed nodes of each scope and kind lie above a node, on the path that has most. */
type Counts = PersistentMap<string, number>

export interface NodeIds {
  readonly ids: ReadonlyMap<Node, string>
  readonly ambiguous: ReadonlyArray<AmbiguousNodes>
}

/** Whether a checkpoint holds something of it. */
export const isStateful = (node: Node): boolean => {
  switch (node.transform._tag) {
    case 'Create':
    case 'Read':
    case 'Write':
    case 'GroupByKey':
    case 'CombinePerKey':
    case 'Stateful':
    case 'Sided':
    case 'Splittable':
      return true
    default:
      return false
  }
}

/** `nodes`: topological. */
export const nodeIds = (nodes: ReadonlyArray<Node>): NodeIds => {
  const counts = new Map<Node, Counts>()
  const ids = new Map<Node, string>()
  const taken = new Map<string, number>()
  const statefulBy = new Map<string, Node[]>()
  for (const node of nodes) {
    const above = node.inputs.map(input => counts.get(input.node) ?? noCounts).reduce(maximum, noCounts)
    const path = [...node.scope, node.name ?? node.kind].join('/')
    const n = (above.get(path) ?? 0) + 1
    counts.set(node, node.name === null ? above.set(path, n) : above)
    const wanted = node.name === null ? `${path}#${n}` : path
    ids.set(node, free(taken, wanted))
    if (node.name === null && isStateful(node)) statefulBy.set(wanted, [...(statefulBy.get(wanted) ?? []), node])
  }
  const ambiguous = [...statefulBy]
    .filter(([, group]) => group.length > 1)
    .map(([id, group]) => ({ id, places: group.map(node => node.createdAt) }))
  return { ids, ambiguous }
}

const noCounts: Counts = PersistentMap<string, number>()

/** Branches of one origin share most of their counts: often the very same map. */
const maximum = (a: Counts, b: Counts): Counts => {
  if (a === b || b.size === 0) return a
  const [large, small] = a.size < b.size ? [b, a] : [a, b]
  return large.withMutations(counts => {
    small.forEach((n, path) => {
      if (n > (counts.get(path) ?? 0)) counts.set(path, n)
    })
  })
}

/** The id itself or, where another node has it, the id with a number: `map#1`, `map#1.2`, … in topological order. */
const free = (taken: Map<string, number>, wanted: string): string => {
  let n = taken.get(wanted) ?? 0
  let id: string
  do {
    n++
    id = n === 1 ? wanted : `${wanted}.${n}`
  } while (n > 1 && taken.has(id))
  taken.set(wanted, n)
  if (n > 1) taken.set(id, 1)
  return id
}
