// What a checkpoint must find again in the pipeline that restores it: sources, sinks, groupings and combines, as plain data.
import { defaultStrategy } from '../model/windowing-strategy.ts'
import type { Graph, GraphNode } from './graph-node.ts'
import { type Json, plainOf, plainStrategy, plainTransform, urnOf } from './plain-form.ts'

export interface StatefulNode {
  readonly id: string
  readonly kind: 'source' | 'sink' | 'group' | 'combine' | 'stateful' | 'sided' | 'splittable'
  /** Of a source or sink: what it reads or writes. Of a combine: its accumulators' coder. */
  readonly identity: Json
  /** Of what it groups; null for a source or sink. */
  readonly windowing: Json
  /** The urn of the keys' coder; null: the default one, or no keys. */
  readonly keyCoder: string | null
}

/** Sorted by id; JSON, to be written into a checkpoint and compared with {@link differences} by whoever restores it. */
export const statefulSummary = (graph: Graph): ReadonlyArray<StatefulNode> =>
  [...graph.nodes.values()].flatMap(node => summaryOf(graph, node)).sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))

const summaryOf = (graph: Graph, { id, node, inputs, keyCoder }: GraphNode): ReadonlyArray<StatefulNode> => {
  const { transform } = node
  const identity = plainTransform(transform)
  const grouping = (kind: StatefulNode['kind']): ReadonlyArray<StatefulNode> => {
    const input = inputs[0] === undefined ? undefined : graph.nodes.get(inputs[0].id)
    return [
      { id, kind, identity, windowing: plainStrategy(input?.strategy ?? defaultStrategy), keyCoder: urnOf(keyCoder ?? input?.keyCoder) },
    ]
  }
  switch (transform._tag) {
    case 'Create':
      return [{ id, kind: 'source', identity, windowing: null, keyCoder: null }]
    // Its watermark may change from version to version: what was read stays read.
    case 'Read': {
      const { urn, identity: what } = transform.source
      return [{ id, kind: 'source', identity: plainOf({ urn, ...what }), windowing: null, keyCoder: null }]
    }
    case 'Write':
      return [{ id, kind: 'sink', identity, windowing: null, keyCoder: null }]
    case 'GroupByKey':
      return grouping('group')
    case 'CombinePerKey':
      return grouping('combine')
    case 'Stateful':
      return grouping('stateful')
    case 'Sided':
      return grouping('sided')
    case 'Splittable':
      return [{ id, kind: 'splittable', identity, windowing: null, keyCoder: null }]
    default:
      return []
  }
}

/**
 * What keeps `after` from going on where `before` stopped, a sentence each; none if nothing does. Element-wise nodes have no part in it:
 * a new `map` is no obstacle. Such as: `pageTime/Combine.perKey#1 (combine): windowing.windowFn.size was 60000 and is 120000`.
 */
export const differences = (before: ReadonlyArray<StatefulNode>, after: ReadonlyArray<StatefulNode>): ReadonlyArray<string> => {
  const [old, current] = [byId(before), byId(after)]
  const gone = before
    .filter(({ id }) => !current.has(id))
    .map(({ id, kind }) => `${id} (${kind}) is gone: ${lost[kind]}. If it goes by another path now, give it back its old one with named(…)`)
  const changed = after.flatMap(node => changesOf(old.get(node.id), node))
  const added = after.filter(({ id }) => !old.has(id)).map(({ id, kind }) => `${id} (${kind}) is new: the checkpoint holds nothing of it`)
  return [...gone, ...changed, ...added]
}

const lost: Readonly<Record<StatefulNode['kind'], string>> = {
  source: 'where it had read to would be forgotten',
  sink: 'what it has not published yet would be dropped',
  group: 'the elements it holds would be dropped',
  combine: 'the accumulators it holds would be dropped',
  stateful: 'the state and timers it holds would be dropped',
  sided: 'the side inputs and the waiting elements it holds would be dropped',
  splittable: 'where it had read to would be forgotten',
}

const byId = (nodes: ReadonlyArray<StatefulNode>): ReadonlyMap<string, StatefulNode> => new Map(nodes.map(node => [node.id, node]))

const changesOf = (before: StatefulNode | undefined, after: StatefulNode): ReadonlyArray<string> => {
  if (before === undefined) return []
  if (before.kind !== after.kind) return [`${after.id} was a ${before.kind} and is a ${after.kind}`]
  const described = ({ identity, windowing, keyCoder }: StatefulNode): Json => ({ identity, windowing, keyCoder })
  return changesIn('', described(before), described(after)).map(change => `${after.id} (${after.kind}): ${change}`)
}

/** `path was x and is y`, for the innermost parts that differ. */
const changesIn = (path: string, before: Json, after: Json): ReadonlyArray<string> => {
  if (isRecord(before) && isRecord(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
    return names.flatMap(name => changesIn(path === '' ? name : `${path}.${name}`, before[name] ?? null, after[name] ?? null))
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [`${path} was ${valueText(before)} and is ${valueText(after)}`]
}

/** A value of a summary in words: those of records by name. */
const valueText = (json: Json): string => {
  if (json === null) return 'nothing'
  if (Array.isArray(json)) return json.length === 0 ? 'no values' : json.map(valueText).join(', ')
  if (isRecord(json))
    return Object.entries(json)
      .map(([name, value]) => `${name} ${valueText(value)}`)
      .join(', ')
  return JSON.stringify(json)
}

const isRecord = (json: Json): json is { readonly [name: string]: Json } =>
  typeof json === 'object' && json !== null && !Array.isArray(json)
