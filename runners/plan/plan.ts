// From a graph to stages: elements stop only where they must, everything between runs as one function.
import type { Graph, GraphNode } from '../../sdk/graph/graph.ts'
import type { PublishMode } from '../../sdk/graph/sink.ts'
import type { NamedView } from '../../sdk/graph/view.ts'
import { isMerging, type WindowingStrategy } from '../../sdk/model/windowing-strategy.ts'
import { type Trigger, triggersIn } from '../../sdk/model/trigger.ts'
import { createSource } from './create-source.ts'
import type { ElementWise, Exit, Head, Lift, Plan, PlannedSink, SideSpec, Stage, Step, Target } from './stage.ts'

/** Never fails: what cannot be planned was refused when the pipeline was built. */
export const planOf = (graph: Graph): Plan => {
  const consumers = consumersOf(graph)
  const heads = [...graph.nodes.values()].flatMap(node => {
    const head = headOf(graph, node)
    return head === null ? [] : [{ node, head }]
  })
  const drafts = heads.map(({ node, head }) => fuse(graph, consumers, node, head))
  const sinks = [...graph.nodes.values()].flatMap(node => plannedSink(node, drafts))
  const modes = new Map(sinks.map(sink => [sink.id, sink.mode]))
  const stages = drafts.map(draft => ({
    ...draft,
    exits: draft.exits.map(exit => (exit._tag === 'Sink' ? { ...exit, mode: modes.get(exit.sinkId) ?? exit.mode } : exit)),
    ...inputsOf(drafts, draft),
  }))
  return { stages, sinks }
}

type Draft = Omit<Stage, 'inputs' | 'mainInputs' | 'sideInputs'>
interface Edge {
  readonly to: GraphNode
  /** Which of its inputs this is. */
  readonly input: number
}
type Consumers = ReadonlyMap<string, ReadonlyMap<string, ReadonlyArray<Edge>>>

const consumersOf = (graph: Graph): Consumers => {
  const consumers = new Map<string, Map<string, Edge[]>>()
  for (const to of graph.nodes.values()) {
    for (const [input, { id, tag }] of to.inputs.entries()) {
      const byTag = consumers.get(id) ?? new Map<string, Edge[]>()
      consumers.set(id, byTag)
      byTag.set(tag, [...(byTag.get(tag) ?? []), { to, input }])
    }
  }
  return consumers
}

const headOf = (graph: Graph, { id, node, inputs, strategy, keyCoder }: GraphNode): Head | null => {
  const { transform } = node
  switch (transform._tag) {
    case 'Create':
      return {
        _tag: 'Source',
        source: createSource(id, transform.elements),
        read: null,
        watermark: { _tag: 'WatermarkPolicy', outOfOrdernessMs: 0, idleAfterMs: null },
      }
    case 'Read':
      return { _tag: 'Source', source: transform.source, read: transform, watermark: transform.watermark }
    case 'GroupByKey':
      return { _tag: 'Group', fn: null, withDefault: false, strategy: inputStrategy(graph, inputs, strategy), keyCoder }
    case 'CombinePerKey':
      return {
        _tag: 'Group',
        fn: transform.fn,
        withDefault: transform.withDefault,
        strategy: inputStrategy(graph, inputs, strategy),
        keyCoder,
      }
    case 'MapAsync':
      return { _tag: 'Async', call: transform }
    case 'Stateful':
      return {
        _tag: 'Stateful',
        spec: transform.spec,
        strategy: inputStrategy(graph, inputs, strategy),
        keyCoder: graph.nodes.get(inputs[0]?.id ?? '')?.keyCoder ?? null,
      }
    case 'Sided':
      return { _tag: 'Sided', sides: sidesOf(graph, inputs, transform.sides), strategy: inputStrategy(graph, inputs, strategy) }
    case 'Splittable':
      return { _tag: 'Splittable', fn: transform.fn, strategy: inputStrategy(graph, inputs, strategy) }
    case 'Reshuffle':
      return { _tag: 'Reshuffle' }
    default:
      return null
  }
}

const sidesOf = (graph: Graph, inputs: GraphNode['inputs'], sides: ReadonlyArray<NamedView>): ReadonlyArray<SideSpec> =>
  sides.map((side, i) => {
    const from = graph.nodes.get(inputs[i + 1]?.id ?? '')
    const given = graph.nodes.find(({ node }) => node === side.of)
    if (from === undefined || given === undefined) throw new Error(`plan: the side input ${side.name} has no collection`)
    return { ...side, strategy: from.strategy, keyCoder: given.keyCoder }
  })

/** The stages that lead to `draft`: all, those of its own elements, and those of each side input. */
const inputsOf = (drafts: ReadonlyArray<Draft>, draft: Draft): Pick<Stage, 'inputs' | 'mainInputs' | 'sideInputs'> => {
  const leading = (leads: (exit: Exit) => boolean): ReadonlyArray<string> =>
    drafts.filter(({ exits }) => exits.some(exit => 'to' in exit && exit.to === draft.id && leads(exit))).map(({ id }) => id)
  const sides = draft.head._tag === 'Sided' ? draft.head.sides : []
  return {
    inputs: leading(() => true),
    mainInputs: leading(exit => exit._tag !== 'Side'),
    sideInputs: sides.map((_, side) => leading(exit => exit._tag === 'Side' && exit.side === side)),
  }
}

const inputStrategy = (graph: Graph, inputs: GraphNode['inputs'], orElse: WindowingStrategy): WindowingStrategy =>
  (inputs[0] === undefined ? undefined : graph.nodes.get(inputs[0].id)?.strategy) ?? orElse

/** Follows the head's output to where elements must stop; a node that several paths reach is one step with several entries. */
const fuse = (graph: Graph, consumers: Consumers, start: GraphNode, head: Head): Draft => {
  const exits: Exit[] = []
  const exitOf = new Map<string, number>()
  const steps: Step[] = []
  const stepOf = new Map<string, number>()
  const inside = reachable(consumers, start)

  const exitTarget = (key: string, exit: Exit): Target => {
    const at = exitOf.get(key) ?? exits.push(exit) - 1
    exitOf.set(key, at)
    return { _tag: 'Exit', exit: at }
  }
  const targetsOf = (id: string, tag: string): ReadonlyArray<Target> =>
    (consumers.get(id)?.get(tag) ?? []).flatMap(({ to, input }): ReadonlyArray<Target> => {
      const { transform } = to.node
      switch (transform._tag) {
        case 'GroupByKey':
          return [exitTarget(to.id, { _tag: 'Shuffle', to: to.id, lift: null, panes: false })]
        case 'Stateful':
          return [exitTarget(to.id, { _tag: 'Shuffle', to: to.id, lift: null, panes: true })]
        case 'CombinePerKey': {
          const strategy = inputStrategy(graph, to.inputs, to.strategy)
          return [
            exitTarget(to.id, {
              _tag: 'Shuffle',
              to: to.id,
              lift: liftOf(strategy, { fn: transform.fn, strategy, keyCoder: to.keyCoder }),
              panes: false,
            }),
          ]
        }
        case 'MapAsync':
        case 'Splittable':
          return [exitTarget(to.id, { _tag: 'Forward', to: to.id, spread: false })]
        case 'Reshuffle':
          return [exitTarget(to.id, { _tag: 'Forward', to: to.id, spread: true })]
        case 'Sided':
          return [
            input === 0
              ? exitTarget(to.id, { _tag: 'Forward', to: to.id, spread: false })
              : exitTarget(`${to.id} ${input}`, { _tag: 'Side', to: to.id, side: input - 1 }),
          ]
        case 'Write':
          return [exitTarget(to.id, { _tag: 'Sink', sinkId: to.id, sink: transform.sink, mode: 'checkpointed' })]
        case 'Assert':
          return [exitTarget(to.id, { _tag: 'Assert', assertId: to.id, check: transform.check })]
        case 'Ignore':
          return []
        default:
          return [{ _tag: 'Step', step: stepOf.get(to.id) ?? lost(to.id) }]
      }
    })
  // From the end, so that a step's targets have their numbers before it needs them; numbers then run in topological order.
  inside.forEach((node, i) => stepOf.set(node.id, i))
  const drafts = inside.map(node => {
    const targets: Record<string, ReadonlyArray<Target>> = {}
    for (const tag of consumers.get(node.id)?.keys() ?? []) targets[tag] = targetsOf(node.id, tag)
    return { node, targets }
  })
  const entries = new Array<number>(inside.length).fill(0)
  const targets = targetsOf(start.id, 'out')
  for (const target of [...targets, ...drafts.flatMap(draft => Object.values(draft.targets).flat())]) {
    if (target._tag === 'Step') entries[target.step] = (entries[target.step] ?? 0) + 1
  }
  for (const [i, { node, targets: byTag }] of drafts.entries()) {
    const transform = node.node.transform
    if (!isElementWise(transform)) throw new Error(`plan: ${node.id} (${transform._tag}) does not belong inside a stage`)
    steps.push({
      path: node.id,
      transform,
      strategy: inputStrategy(graph, node.inputs, node.strategy),
      targets: byTag,
      entries: entries[i] ?? 0,
    })
  }
  return { id: start.id, head, strategy: start.strategy, targets, steps, exits }
}

const lost = (id: string): never => {
  throw new Error(`plan: ${id} was not reached before it was needed`)
}

const isElementWise = (transform: GraphNode['node']['transform']): transform is ElementWise => {
  switch (transform._tag) {
    case 'Create':
    case 'Read':
    case 'MapAsync':
    case 'GroupByKey':
    case 'CombinePerKey':
    case 'Stateful':
    case 'Sided':
    case 'Splittable':
    case 'Reshuffle':
    case 'Write':
    case 'Ignore':
    case 'Assert':
      return false
    default:
      return true
  }
}

/** The element-wise nodes behind `start`, in topological order. */
const reachable = (consumers: Consumers, start: GraphNode): ReadonlyArray<GraphNode> => {
  const seen = new Set<string>()
  const order: GraphNode[] = []
  const next = (id: string): GraphNode[] =>
    [...(consumers.get(id)?.values() ?? [])]
      .flat()
      .map(edge => edge.to)
      .filter(to => isElementWise(to.node.transform))
  // Depth first without recursion: a chain may be longer than the stack.
  const stack: { readonly node: GraphNode | null; readonly rest: GraphNode[] }[] = [{ node: null, rest: next(start.id) }]
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const to = top.rest.pop()
    if (to === undefined) {
      if (top.node !== null) order.push(top.node)
      stack.pop()
    } else if (!seen.has(to.id)) {
      seen.add(to.id)
      stack.push({ node: to, rest: next(to.id) })
    }
  }
  return order.reverse()
}

/** Not where windows still merge, nor where a trigger or a timestamp needs to see each element when it comes. */
const liftOf = (strategy: WindowingStrategy, lift: Omit<Lift, 'eachBundle'>): Lift | null =>
  isMerging(strategy) || strategy.timestampCombiner === 'earliest' || looksAtElements(strategy.trigger)
    ? null
    : { ...lift, eachBundle: firesByBundle(strategy.trigger) }

/** Whether it fires after bundles: the counts that a lift takes are of one element, which each bundle has. */
const firesByBundle = (trigger: Trigger): boolean =>
  trigger._tag === 'AfterCount' || trigger._tag === 'Always' || triggersIn(trigger).some(firesByBundle)

const looksAtElements = (trigger: Trigger): boolean => {
  switch (trigger._tag) {
    case 'Default':
    case 'Never':
    case 'Always':
      return false
    // Each bundle reaches a count of one, whether its elements come one by one or as a table.
    case 'AfterCount':
      return trigger.count > 1
    case 'AfterProcessingTime':
      return true
    case 'AfterWatermark':
      return trigger.early !== null || (trigger.late !== null && looksAtElements(trigger.late))
    case 'Repeatedly':
      return looksAtElements(trigger.repeated)
    case 'AfterEach':
    case 'AfterAll':
    case 'AfterAny':
      return trigger.triggers.some(looksAtElements)
    case 'OrFinally':
      return looksAtElements(trigger.main) || looksAtElements(trigger.until)
  }
}

const plannedSink = ({ id, node }: GraphNode, drafts: ReadonlyArray<Draft>): ReadonlyArray<PlannedSink> => {
  if (node.transform._tag !== 'Write') return []
  const { sink } = node.transform
  const [mode, why] = modeOf(id, sink, drafts)
  return [{ id, sink, mode, why }]
}

const modeOf = (sinkId: string, sink: PlannedSink['sink'], drafts: ReadonlyArray<Draft>): readonly [PublishMode, string] => {
  if (sink.delivery === 'atLeastOnce') return ['plain', 'published as they come, without names: at-least-once was asked for']
  if (sink.delivery === 'atMostOnce') return ['checkpointed', 'published once their checkpoint is durable, and never again']
  if (!sink.immediate) return ['checkpointed', 'this sink publishes with checkpoints']
  for (const draft of drafts) {
    const exit = draft.exits.findIndex(e => e._tag === 'Sink' && e.sinkId === sinkId)
    if (exit < 0) continue
    if (draft.head._tag !== 'Source')
      return [
        'checkpointed',
        `what comes out of ${draft.id} depends on more than one record, so it is checkpointed first and published after`,
      ]
    if (!draft.head.source.replayable) return ['checkpointed', `${draft.id} cannot be read again by position`]
    const bundled = draft.steps.find(step => step.transform._tag === 'Bundled')
    if (bundled !== undefined)
      return ['checkpointed', `${bundled.path} has a bundle's life cycle, so its outputs may depend on more than one record`]
  }
  return ['immediate', 'every output follows from one source record, which names it']
}
