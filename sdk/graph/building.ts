// What surrounds a node while it is made: the names it stands under, and the definition whose sinks are being watched. Building is
// synchronous, so both are plain variables; nothing is left in them once a build is over.
import { isWellFormed } from '../coders/byte-writer.ts'
import { callSite } from './call-site.ts'
import type { Node } from './node.ts'

/** The names around a node, outermost first. Each use of a name makes an array of its own: two uses differ by identity alone. */
export type Scope = ReadonlyArray<string>

export interface ScopeUse {
  readonly parent: Scope
  readonly createdAt: () => string
}

const root: Scope = Object.freeze([])
const uses = new WeakMap<Scope, ScopeUse>()

let scope: Scope = root
let sinks: Node[] | null = null

export const currentScope = (): Scope => scope

/** Where a scope was entered, and from which; undefined for the outermost. */
export const scopeUse = (of: Scope): ScopeUse | undefined => uses.get(of)

/** Called for each sink that is made, so that a definition can tell which of them it lost. */
export const recordSink = (node: Node): void => {
  sinks?.push(node)
}

/** Runs a definition's build apart from whatever is being built around it; gives what it returned and the sinks that it made. */
export const recording = <T>(build: () => T): { readonly result: T; readonly sinks: ReadonlyArray<Node> } => {
  const [outerScope, outerSinks] = [scope, sinks]
  const mine: Node[] = []
  scope = root
  sinks = mine
  try {
    return { result: build(), sinks: mine }
  } finally {
    scope = outerScope
    sinks = outerSinks
  }
}

/** Why a text cannot be a name, or null. */
export const refusedName = (name: string): string | null =>
  name.trim() === ''
    ? 'it is empty'
    : !isWellFormed(name)
      ? 'it holds half a surrogate pair, which has no UTF-8'
      : /[/#]/.test(name)
        ? `it holds ${name.includes('/') ? '/' : '#'}, which separates the parts of a path`
        : null

/**
 * Scopes the names of what `t` makes, as the name that Beam's `apply` takes: its nodes are called `name/map#1` and so on, in errors, in
 * `explain` and in checkpoints.
 *
 * A name may be used once in the scope around it: a pipeline that uses one twice is refused when it is built. Whatever holds state (a
 * source, a sink, a grouping) should stand under a name before its pipeline changes, so that a new version finds the old state. Throws a
 * RangeError for a name that is empty or holds `/` or `#`.
 *
 * @param name what the composite is called
 * @param t any function from PCollections to PCollections or finished branches; its types stay what they are
 * @example
 * const countWords = named('CountWords', flow(PCollection.flatMap((line: string) => line.split(' ')), Count.perElement))
 */
export const named = <I extends ReadonlyArray<unknown>, O>(name: string, t: (...inputs: I) => O): ((...inputs: I) => O) => {
  const refused = refusedName(name)
  if (refused !== null) throw new RangeError(`named(${JSON.stringify(name)}): this cannot be a name, because ${refused}`)
  return (...inputs) => {
    const outer = scope
    scope = enter(outer, name)
    try {
      return t(...inputs)
    } finally {
      scope = outer
    }
  }
}

const enter = (parent: Scope, name: string): Scope => {
  const inner: Scope = Object.freeze([...parent, name])
  uses.set(inner, { parent, createdAt: callSite() })
  return inner
}
