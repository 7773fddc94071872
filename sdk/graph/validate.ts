// What is wrong with a pipeline before it runs: each problem says what, where it was made, and how to mend it.
import { losesData, type Trigger } from '../model/trigger.ts'
import { defaultStrategy, isMerging, type WindowingStrategy } from '../model/windowing-strategy.ts'
import { droppedAssertions } from './assertions.ts'
import { refusedName, type Scope, scopeUse } from './building.ts'
import type { Graph, GraphNode } from './graph-node.ts'
import type { Node } from './node.ts'
import { plainStrategy } from './plain-form.ts'
import { differingWindowing } from './windowing-text.ts'
import { isChangelog } from './view.ts'

/** What refuses it; none: it may run. `madeSinks`: all that were made while its definition was built, reached or not. */
export const problemsOf = (graph: Graph, madeSinks: ReadonlyArray<Node> = []): ReadonlyArray<string> => {
  const nodes = [...graph.nodes.values()]
  const unreached = unreachedLeaves(nodes, [...new Set([...madeSinks, ...droppedAssertions(graph)])])
  if (nodes.length === 0 && unreached.length === 0) {
    return ['there is nothing to run: a pipeline needs at least one finished branch, which a write gives, or PCollection.ignore']
  }
  const bounded = boundedness(nodes)
  return [
    ...badNames(nodes),
    ...repeatedNames(nodes),
    ...nodes.flatMap(node => neverFires(graph, bounded, node)),
    ...nodes.flatMap(node => unsafeTrigger(graph, node)),
    ...nodes.flatMap(node => refusedKeys(graph, node)),
    ...nodes.flatMap(node => mergedState(graph, node)),
    ...unreadOutputs(nodes),
    ...nodes.flatMap(node => unlikeWindowings(graph, node)),
    ...nodes.flatMap(node => sideProblems(graph, bounded, node)),
    ...unreached,
  ]
}

/** What is allowed, and seldom meant. */
export const warningsOf = (graph: Graph): ReadonlyArray<string> => {
  // The nearest grouping above each node that hands on the same elements more than once.
  const refining = new Map<string, string | null>()
  return [...graph.nodes.values()].flatMap(node => {
    const above =
      elementsOf(node)
        .map(({ id }) => refining.get(id) ?? null)
        .find(id => id !== null) ?? null
    if (!isGrouping(node)) {
      refining.set(node.id, above)
      return []
    }
    const strategy = inputStrategy(graph, node)
    refining.set(
      node.id,
      strategy.accumulation === 'accumulating' && firesAgain(strategy.trigger, strategy.allowedLateness) ? node.id : above,
    )
    return above === null
      ? []
      : [
          `${placed(node)} counts again what ${above} has handed on before: each accumulating pane repeats the ones before it. Use one combine that does both (CombineFn.groupBy), or accumulation: 'discarding'`,
        ]
  })
}

const placed = ({ id, node }: GraphNode): string => `${id} (made at ${node.createdAt})`
const isGrouping = ({ node }: GraphNode): boolean => node.transform._tag === 'GroupByKey' || node.transform._tag === 'CombinePerKey'
/** The inputs whose elements a node hands on: side inputs are only looked at. */
const elementsOf = ({ node, inputs }: GraphNode): GraphNode['inputs'] => (node.transform._tag === 'Sided' ? inputs.slice(0, 1) : inputs)
const inputStrategy = (graph: Graph, { inputs }: GraphNode): WindowingStrategy =>
  (inputs[0] === undefined ? undefined : graph.nodes.get(inputs[0].id)?.strategy) ?? defaultStrategy

// ---- names

const badNames = (nodes: ReadonlyArray<GraphNode>): ReadonlyArray<string> =>
  nodes.flatMap(({ node }) => {
    const refused = node.name === null ? null : refusedName(node.name)
    return refused === null
      ? []
      : [`${node.kind} (made at ${node.createdAt}) cannot have the name ${JSON.stringify(node.name)}, because ${refused}`]
  })

/** One name used twice inside one use of the scope around it; what lies inside the two is not said again. */
const repeatedNames = (nodes: ReadonlyArray<GraphNode>): ReadonlyArray<string> => {
  // By scope and name, who uses it: named nodes and inner scopes, with where they were made.
  const names = new Map<Scope, Map<string, Map<Scope | Node, () => string>>>()
  const use = (parent: Scope, name: string, by: Scope | Node, createdAt: () => string): void => {
    const inScope = names.get(parent) ?? new Map<string, Map<Scope | Node, () => string>>()
    names.set(parent, inScope)
    inScope.set(name, (inScope.get(name) ?? new Map<Scope | Node, () => string>()).set(by, createdAt))
  }
  const seen = new Set<Scope>()
  for (const { node } of nodes) {
    if (node.name !== null) use(node.scope, node.name, node, () => node.createdAt)
    for (let scope = node.scope; !seen.has(scope);) {
      seen.add(scope)
      const entered = scopeUse(scope)
      if (entered === undefined) break
      use(entered.parent, scope.at(-1) ?? '', scope, entered.createdAt)
      scope = entered.parent
    }
  }
  return [...names].flatMap(([parent, inScope]) =>
    [...inScope]
      .filter(([, users]) => users.size > 1)
      .map(([name, users]) => {
        const places = [...users.values()].map(createdAt => createdAt()).join(' and at ')
        return `the name ${[...parent, name].join('/')} is used ${users.size} times, at ${places}. A name is used once in its scope: give each use one of its own, named('…', …)`
      }),
  )
}

// ---- groupings that would wait for ever

const boundedness = (nodes: ReadonlyArray<GraphNode>): ReadonlyMap<string, boolean> => {
  const bounded = new Map<string, boolean>()
  for (const node of nodes) {
    bounded.set(node.id, endsByItself(node.node.transform) && elementsOf(node).every(input => bounded.get(input.id) ?? true))
  }
  return bounded
}

const endsByItself = (transform: Node['transform']): boolean => {
  switch (transform._tag) {
    case 'Read':
      return transform.source.isBounded
    case 'Splittable':
      return transform.fn.isBounded
    default:
      return true
  }
}

const neverFires = (graph: Graph, bounded: ReadonlyMap<string, boolean>, node: GraphNode): ReadonlyArray<string> => {
  if (!isGrouping(node) || bounded.get(node.id) === true) return []
  const { windowFn, trigger } = inputStrategy(graph, node)
  if (windowFn.kind._tag !== 'Global' || firesEarly(trigger)) return []
  return [
    `${placed(node)} groups an unbounded collection in the global window, and its trigger fires when that window ends: never. ` +
      'Put Window.into(FixedWindows.of(minutes(1))) before it, or give the global window a trigger that fires earlier, such as AfterWatermark.pastEndOfWindow({ early: AfterCount.of(100) })',
  ]
}

/** Beam refuses the same: what comes once the trigger has finished would be lost. */
const unsafeTrigger = (graph: Graph, node: GraphNode): ReadonlyArray<string> => {
  const { trigger, allowedLateness, allowUnsafeTrigger } = inputStrategy(graph, node)
  if (!isGrouping(node) || allowUnsafeTrigger || !losesData(trigger, allowedLateness)) return []
  const remedy =
    trigger._tag === 'AfterWatermark'
      ? 'Give it late firings, such as AfterWatermark.pastEndOfWindow({ late: AfterCount.of(1) }), or no allowed lateness'
      : 'Wrap it in Repeatedly.forever'
  return [
    `${placed(node)} has an unsafe trigger: ${trigger._tag} finishes, and elements that come for its window afterwards are lost. ${remedy}, or set allowUnsafeTrigger: true in Window.into`,
  ]
}

/** Whether it can fire before its window has ended. */
const firesEarly = (trigger: Trigger): boolean => {
  switch (trigger._tag) {
    case 'Default':
    case 'Never':
      return false
    case 'Always':
    case 'AfterCount':
    case 'AfterProcessingTime':
      return true
    case 'AfterWatermark':
      return trigger.early !== null && firesEarly(trigger.early)
    case 'Repeatedly':
      return firesEarly(trigger.repeated)
    case 'AfterEach':
      return trigger.triggers[0] !== undefined && firesEarly(trigger.triggers[0])
    case 'AfterAll':
      return trigger.triggers.every(firesEarly)
    case 'AfterAny':
      return trigger.triggers.some(firesEarly)
    case 'OrFinally':
      return firesEarly(trigger.main) || firesEarly(trigger.until)
  }
}

/** Whether one window can fire more than once. */
const firesAgain = (trigger: Trigger, allowedLateness: number): boolean => {
  switch (trigger._tag) {
    case 'Default':
      return allowedLateness > 0
    case 'Never':
    case 'AfterCount':
    case 'AfterProcessingTime':
      return false
    case 'AfterWatermark':
      return trigger.early !== null || (trigger.late !== null && allowedLateness > 0)
    case 'Always':
      return true
    case 'Repeatedly':
      return trigger.repeated._tag !== 'Never'
    case 'AfterEach':
      return trigger.triggers.length > 1
    case 'AfterAll':
    case 'AfterAny':
      return trigger.triggers.some(inner => firesAgain(inner, allowedLateness))
    case 'OrFinally':
      return true
  }
}

// ---- keys and state

const isKeyed = (node: GraphNode): boolean => isGrouping(node) || node.node.transform._tag === 'Stateful'

/** Equal keys with different bytes would be different keys. */
const refusedKeys = (graph: Graph, node: GraphNode): ReadonlyArray<string> => {
  const coder = isKeyed(node) ? (graph.nodes.get(node.inputs[0]?.id ?? '')?.keyCoder ?? null) : null
  return coder === null || coder.deterministic
    ? []
    : [
        `${placed(node)} groups by keys of the coder ${coder.urn}, which is not deterministic: equal keys may have different bytes. Give the keys a Coder.struct, or leave them the default coder`,
      ]
}

/** As in Beam: what would become of two windows' state when they grow together, only the function could say. */
const mergedState = (graph: Graph, node: GraphNode): ReadonlyArray<string> =>
  node.node.transform._tag === 'Stateful' && isMerging(inputStrategy(graph, node))
    ? [
        `${placed(node)} keeps state for each window, and its windows merge. Put Window.into(FixedWindows.of(minutes(1))) or Window.into(GlobalWindows) before it; sessions are then a matter of its own timers`,
      ]
    : []

// ---- what nobody reads

const unreadOutputs = (nodes: ReadonlyArray<GraphNode>): ReadonlyArray<string> => {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs.map(({ id, tag }) => JSON.stringify([id, tag]))))
  return nodes.flatMap(node =>
    tagsOf(node)
      .filter(tag => !read.has(JSON.stringify([node.id, tag])))
      .map(
        tag =>
          `nobody reads the output '${tag}' of ${placed(node)}: its elements would vanish. Use it, or end it with PCollection.ignore and give that to the pipeline as a leaf`,
      ),
  )
}

const tagsOf = ({ node: { transform } }: GraphNode): ReadonlyArray<string> =>
  transform._tag === 'Separate' ? ['left', 'right'] : transform._tag === 'Partition' ? transform.names : []

const unreachedLeaves = (nodes: ReadonlyArray<GraphNode>, made: ReadonlyArray<Node>): ReadonlyArray<string> => {
  const reached = new Set(nodes.map(({ node }) => node))
  return made
    .filter(node => !reached.has(node))
    .map(node => {
      const placed = `${[...node.scope, node.name ?? node.kind].join('/')} (made at ${node.createdAt})`
      return node.transform._tag === 'Assert'
        ? `${placed} would never be checked: no leaf reaches it. Go on with the collection that the assertion gives instead of the one it was given`
        : `${placed} would never run: no leaf reaches it. Return it from the definition beside the others, or hang it on the main path with PCollection.tee`
    })
}

// ---- Flatten

const unlikeWindowings = (graph: Graph, node: GraphNode): ReadonlyArray<string> => {
  if (node.node.transform._tag !== 'Flatten') return []
  const inputs = node.inputs.flatMap(({ id }) => graph.nodes.get(id) ?? [])
  const [first, ...others] = inputs
  if (first === undefined) return []
  if (node.node.transform.like === 'first')
    return isMerging(first.strategy)
      ? [
          `${placed(node)} brings together what a fanout has spread, and its windows merge: each part would merge its own windows, and fire before the others. Leave the fanout out, or use windows that do not merge`,
        ]
      : []
  const other = others.find(input => input.strategy !== first.strategy && windowing(input) !== windowing(first))
  if (other === undefined) return []
  const [ofFirst, ofOther] = differingWindowing(first.strategy, other.strategy)
  return [
    `${placed(node)} joins collections that are windowed differently: ${first.id} has ${ofFirst}; ${other.id} has ${ofOther}. Give both the same Window.into before they meet`,
  ]
}

// ---- side inputs

/** Beam refuses the same (WindowFn.getDefaultWindowMappingFn): which side window belongs to an element's must follow from the two functions. */
const sideProblems = (graph: Graph, bounded: ReadonlyMap<string, boolean>, node: GraphNode): ReadonlyArray<string> => {
  const { transform } = node.node
  if (transform._tag !== 'Sided') return []
  const main = inputStrategy(graph, node)
  return transform.sides.flatMap(({ name, view }, i) => {
    const side = graph.nodes.get(node.inputs[i + 1]?.id ?? '')
    if (side === undefined || isChangelog(view)) return []
    const isSignal = view._tag === 'Signal'
    const what = isSignal ? `waits for ${side.inputs[0]?.id ?? name}` : `reads the side input ${JSON.stringify(name)}`
    const { windowFn } = side.strategy
    if (windowFn.merge !== null)
      return [
        `${placed(node)} ${what}, whose windows merge (${windowFn.kind._tag}): none of them belongs to an element of another key. Give it other windows, such as FixedWindows, before it becomes a side input`,
      ]
    if (windowFn.kind._tag !== 'Global' && main.windowFn.kind._tag === 'Global')
      return [
        `${placed(node)} is in the global window and ${what}, which has windows: none of them belongs to an element of the global one. Put Window.into before it, or take the side into GlobalWindows`,
      ]
    if (isSignal && windowFn.kind._tag === 'Global' && bounded.get(side.id) !== true)
      return [
        `${placed(node)} ${what}, which is unbounded and in the global window, so it is never done. Put Window.into(FixedWindows.of(minutes(1))) before both`,
      ]
    return []
  })
}

const windowing = ({ strategy }: GraphNode): string => JSON.stringify(plainStrategy(strategy))
