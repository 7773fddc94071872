// One collection into several, each element into one of them.
import type { UserFunction } from '../graph/node.ts'
import { applyTagged, collectionOf, type PCollection } from '../graph/pcollection.ts'

/** `P`: a collection a name, of the types that the verb's signature says `f` picks. */
const parts = <P>(names: ReadonlyArray<string>, f: UserFunction, kind: string, pc: PCollection<unknown>): P => {
  if (names.length === 0) throw new RangeError(`${kind}: there are no names to choose from`)
  const repeated = names.find((name, i) => names.indexOf(name) !== i)
  if (repeated !== undefined) throw new RangeError(`${kind}: the name ${JSON.stringify(repeated)} stands twice in the list`)
  const node = applyTagged({ _tag: 'Partition', names: Object.freeze([...names]), f }, pc, { kind })
  const outputs: Readonly<Record<string, PCollection<unknown>>> = Object.freeze(
    Object.fromEntries(names.map(name => [name, collectionOf(node, name)])),
  )
  return outputs as unknown as P
}

/**
 * One collection into several (Beam's Partition). `by` asks a function for the name; `on` splits a tagged union into its members. A name
 * that the list lacks does not compile, and ends the run where it comes up all the same. A pipeline that leaves an output unread is
 * refused: `PCollection.ignore` drops one on purpose. Both throw a RangeError for no names at all, or one that stands twice.
 *
 * @example
 * const { small, large } = pipe(orders, Partition.by(['small', 'large'], order => (order.total > 10 ? 'large' : 'small')))
 * const { slow, final } = pipe(events, Partition.on('kind', ['slow', 'final']))
 */
export const Partition = Object.freeze({
  /** Into outputs by the name that `f` gives. */
  by:
    <A, const T extends string>(names: ReadonlyArray<T>, f: (a: A) => NoInfer<T>) =>
    (pc: PCollection<A>): { readonly [N in T]: PCollection<A> } =>
      parts(names, f, 'Partition.by', pc),
  /** A tagged union into its members. */
  on:
    <const D extends string, const T extends string>(discriminant: D, tags: ReadonlyArray<T>) =>
    <A extends { readonly [N in D]: T }>(pc: PCollection<A>): { readonly [N in T]: PCollection<Extract<A, { readonly [M in D]: N }>> } =>
      parts(tags, (a: A) => a[discriminant], 'Partition.on', pc),
})
