// Hashes of the functions of a graph's nodes, and of the values that it was built with: equal where threads or processes have loaded the
// same code and built from the same data.
import { createHash } from 'node:crypto'
import { Coder, EncodeError } from '../coders/index.ts'
import type { Graph } from './graph-node.ts'
import type { Transform } from './node.ts'

/**
 * By node id: SHA-256, in hexadecimal, behind a word on how it was compiled, over the text of every function in it, and over the first
 * elements of a Create. What a function has captured is no part of it, nor is how a compiler writes a reference to an import, which differs between the two kinds of modules.
 */
export const codeHashes = (graph: Graph): Readonly<Record<string, NodeCode>> =>
  Object.fromEntries(
    [...graph.nodes.values()].map(({ id, node }) => {
      const texts = functionsIn(node.transform, 0)
      return [id, { hash: hashOf(texts, elementsIn(node.transform)), texts: texts.map(shortened) }]
    }),
  )

/** The functions of one node. Plain data. */
export interface NodeCode {
  readonly hash: string
  /** The beginning of each function's text, for errors. */
  readonly texts: ReadonlyArray<string>
}

const longestText = 160
const shortened = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length <= longestText ? line : `${line.slice(0, longestText - 1)}…`
}

/**
 * Whether two hashes may be of the same code. Where one of them was compiled to the other kind of module nobody can tell: a name that
 * was imported under another is written as what it was exported as.
 */
export const mayBeSameCode = ({ hash: a }: NodeCode, { hash: b }: NodeCode): boolean =>
  a === b || a.startsWith(rewritten) !== b.startsWith(rewritten)

const hashOf = (texts: ReadonlyArray<string>, elements: Uint8Array): string => {
  const hash = createHash('sha256').update(elements)
  let isRewritten = false
  for (const text of texts) {
    const without = text.replaceAll(called, '$1').replaceAll(imported, '')
    isRewritten ||= without !== text
    hash.update(`${without.replaceAll(/\s/g, '')}\n`)
  }
  return `${isRewritten ? rewritten : ''}${hash.digest('hex')}`
}

/** Of code that refers to its imports as CommonJS does. */
const rewritten = 'commonjs:'

/**
 * `(0, import_module.name)(…)` for `name(…)`, and `import_module.name` for `name`. White space counts for nothing either: before such a
 * call `return` needs none.
 */
const called = /\(0,\s*[\w$]+\.([\w$]+)\)/g
const imported = /\b(?:import_[\w$]+|[\w$]+_\d+)\.(?:default\b)?/g

/** So many tell a clock, a random number or another environment from a constant. */
const looksAt = 1_000

/** Of no element where one is no data: such a collection cannot be compared. */
const elementsIn = (transform: Transform): Uint8Array => {
  if (transform._tag !== 'Create') return new Uint8Array()
  try {
    return Coder.structural<unknown>().encode(transform.elements.slice(0, looksAt))
  } catch (error) {
    if (error instanceof EncodeError) return new Uint8Array()
    throw error
  }
}

/** Transforms are shallow records of functions, coders and data. */
const deepest = 4

const functionsIn = (value: unknown, depth: number): ReadonlyArray<string> => {
  if (typeof value === 'function') return [Function.prototype.toString.call(value)]
  if (typeof value !== 'object' || value === null || depth > deepest || Array.isArray(value)) return []
  return Object.keys(value)
    .sort()
    .flatMap(name => functionsIn((value as Readonly<Record<string, unknown>>)[name], depth + 1))
}
