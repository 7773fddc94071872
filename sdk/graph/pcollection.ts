// What a user holds: a node's output in the graph. Frozen, with identity; nothing runs when it is made.
import type { Node, Output, Transform } from './node.ts'
import { recordAssertion } from './assertions.ts'
import { callSite } from './call-site.ts'
import { currentScope, recordSink } from './building.ts'
import { showGiven } from '../model/show-given.ts'
import { refuseUse, requireFunction } from './misuse.ts'

declare const element: unique symbol
const outputOf = Symbol('output')

/** A node's output in the graph: immutable. Keeping it in a variable shares it; calling the function that made it again makes another. */
export interface PCollection<out A> {
  readonly _tag: 'PCollection'
  readonly [element]: A
  /** @internal */
  readonly [outputOf]: Output
}
/** A finished branch: a write, an assertion, an ignored output. `Pipeline.of` takes it (Beam's PDone). */
export interface PDone {
  readonly _tag: 'PDone'
  /** @internal Its node in the graph, for runners. */
  readonly node: Node
}
/** A transform is a function from PCollections to PCollections, so that a composite is `flow(…)` (Beam's PTransform). */
export type PTransform<in I, out O> = (input: I) => O

interface NodeOptions {
  readonly kind: string
  readonly name?: string | null
}

const makeNode = (transform: Transform, inputs: ReadonlyArray<Output>, o: NodeOptions): Node => {
  if ('f' in transform) requireFunction(o.kind, transform.f)
  const place = callSite()
  return Object.freeze({
    transform: Object.freeze(transform),
    inputs: Object.freeze(inputs),
    scope: currentScope(),
    kind: o.kind,
    name: o.name ?? null,
    // A getter: the text is made when a message asks for it.
    get createdAt() {
      return place()
    },
  })
}

/** The only place where an element type is believed: `A` is what the verb's signature says `transform` gives. */
export const collectionOf = <A>(node: Node, tag = 'out'): PCollection<A> =>
  Object.freeze({ _tag: 'PCollection', [outputOf]: Object.freeze({ node, tag }) }) as unknown as PCollection<A>

export const outputIn = (pc: PCollection<unknown>): Output => pc[outputOf]

const leaves = new WeakSet()

/** Whether this copy of the package has made it. */
export const isLeaf = (value: unknown): value is PDone => typeof value === 'object' && value !== null && leaves.has(value)

/** null: it is not from another copy of the package. */
const otherCopyText = (value: unknown): string | null =>
  typeof value === 'object' &&
  value !== null &&
  '_tag' in value &&
  (value._tag === 'PCollection' || value._tag === 'PDone') &&
  !isLeaf(value)
    ? `${value._tag === 'PDone' ? 'a branch' : 'a PCollection'} that another copy of jetbeam made. List the copies by npm ls jetbeam and keep one: npm dedupe, or a peerDependency in the library that brings the other`
    : null

/** What was given in place of a collection or a branch, for errors. */
export const shownGraphPart = (value: unknown): string => {
  if (isCollection(value)) return 'a collection that no branch ends: pass what PCollection.ignore, or a write, makes of it'
  return otherCopyText(value) ?? showGiven(value)
}

const isCollection = (value: unknown): value is PCollection<unknown> => typeof value === 'object' && value !== null && outputOf in value

/** What the compiler has checked, for programs that it has not seen. */
const inputOf = (pc: PCollection<unknown>, { kind }: NodeOptions): Output => {
  const given: unknown = pc
  if (isCollection(given)) return given[outputOf]
  const other = otherCopyText(given)
  return refuseUse(
    kind,
    other === null
      ? `takes a PCollection, and was given ${showGiven(given)}. Give it what a transform gave, inside of pipe`
      : `takes a PCollection, and was given ${other}`,
  )
}

/** A new node on `inputs`, with one output. */
export const apply = <A>(transform: Transform, inputs: ReadonlyArray<PCollection<unknown>>, o: NodeOptions): PCollection<A> =>
  collectionOf<A>(
    makeNode(
      transform,
      inputs.map(pc => inputOf(pc, o)),
      o,
    ),
  )

/** A new node on `input` with an output a tag. */
export const applyTagged = (transform: Transform, input: PCollection<unknown>, o: NodeOptions): Node =>
  makeNode(transform, [inputOf(input, o)], o)

/** A new leaf on `input`. */
export const leaf = (transform: Transform, input: PCollection<unknown>, o: NodeOptions): PDone => {
  const node = makeNode(transform, [inputOf(input, o)], o)
  if (transform._tag === 'Write' || transform._tag === 'Assert') recordSink(node)
  if (transform._tag === 'Assert') recordAssertion(node)
  const done: PDone = Object.freeze({ _tag: 'PDone', node })
  leaves.add(done)
  return done
}
