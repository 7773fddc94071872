// One hash of a whole graph: equal in all processes that have built the same pipeline with the same options.
import { createHash } from 'node:crypto'
import type { Graph } from './graph-node.ts'
import { plainOf, plainStrategy, plainTransform, urnOf } from './plain-form.ts'

/**
 * SHA-256, in hexadecimal, over every node's id, transform, identity, windowing, key coder and inputs. Functions and places of creation
 * are no part of it, nor is the order in which leaves were given.
 */
export const fingerprint = (graph: Graph): string => {
  const hash = createHash('sha256')
  for (const line of Object.values(descriptions(graph)).sort()) hash.update(`${line}\n`)
  return hash.digest('hex')
}

/** By node id, what its share of the fingerprint is made of. */
export const descriptions = (graph: Graph): Readonly<Record<string, string>> => {
  // Few strategies serve many nodes.
  const strategies = new Map<unknown, string>()
  return Object.fromEntries(
    [...graph.nodes.values()].map(({ id, node, inputs, strategy, keyCoder }) => {
      const windowing = strategies.get(strategy) ?? JSON.stringify(plainStrategy(strategy))
      strategies.set(strategy, windowing)
      const plain = [id, node.transform._tag, plainTransform(node.transform), plainOf(inputs), urnOf(keyCoder)]
      return [id, `${JSON.stringify(plain)}${windowing}`] as const
    }),
  )
}
