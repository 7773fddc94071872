// Several collections as one.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { Create } from './create.ts'

type AnyOf<P> = P extends PCollection<infer A> ? A : never

/** Pairs of unlike types are pairs of their keys' and their values' unions, which the keyed verbs take. */
type Joined<A> = [A] extends [KV<infer K, infer V>] ? KV<K, V> : A

type FlattenOf = {
  (): PCollection<never>
  <A>(...pcs: ReadonlyArray<PCollection<A>>): PCollection<A>
  <const P extends ReadonlyArray<PCollection<unknown>>>(...pcs: P): PCollection<Joined<AnyOf<P[number]>>>
}

const of: FlattenOf = (...pcs: ReadonlyArray<PCollection<unknown>>): PCollection<never> =>
  pcs.length === 0 ? Create.of<never>([]) : apply<never>({ _tag: 'Flatten', like: 'all' }, pcs, { kind: 'Flatten' })

/**
 * All elements of all inputs, in no order (Beam's Flatten). The types may differ: the result is their union, and of pairs it
 * is pairs whose keys and values are the unions. The same collection twice
 * gives its elements twice; none at all gives an empty one. Inputs that are windowed differently are refused when the pipeline is built.
 *
 * @example
 * Flatten.of(orders, payments) // PCollection<Order | Payment>
 */
export const Flatten = Object.freeze({
  /** All elements of all inputs. */
  of,
})
