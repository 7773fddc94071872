// Side inputs as a user sees them: a collection seen whole, per window, from another one's function.
import type { Option } from 'fp-ts/lib/Option.js'

declare const side: unique symbol

/**
 * A collection as a value for functions over another one. Made by `View`; read by `PCollection.mapWith` and its kin (Beam's
 * PCollectionView).
 */
export interface SideInput<out A> {
  readonly _tag: 'SideInput'
  readonly [side]: A
}

/** Side inputs by the names under which a function reads them. */
export type Sides = Readonly<Record<string, SideInput<unknown>>>

/** What a function reads of side inputs `S`: a value for each, by name. */
export type SideValues<S> = { readonly [N in keyof S]: S[N] extends SideInput<infer A> ? A : never }

/** Values by key, as `View.asMap` and `View.asTable` give them. Keys are compared by their encoding, so a tuple or record works as one. */
export interface Lookup<in K, out V> {
  /** None for a key that is not there. */
  readonly get: (key: K) => Option<V>
  /** Whether the key is there. */
  readonly has: (key: K) => boolean
}

/** All values of a key, as `View.asMultimap` and `View.asIndex` give them. Keys are compared by their encoding. */
export interface Multilookup<in K, out V> {
  /** In no order; empty for a key that is not there. */
  readonly get: (key: K) => ReadonlyArray<V>
  /** Whether the key is there. */
  readonly has: (key: K) => boolean
}

/**
 * Thrown where a function reads a side input that has no value: it ends the run, with the path of the function's transform.
 * `View.asSingletonOr` has a value where there is none; `View.asMultimap` takes a key twice.
 *
 * @example
 * const rate = View.asSingleton(pipe(rates, PCollection.filter(() => false)))
 * const run = pipe(orders, PCollection.mapWith({ rate }, (order, { rate }) => [order.id, rate]), TestPipeline.run())
 * await run.catch(({ cause }) => cause instanceof SideInputError && cause.kind) // => 'empty'
 */
export class SideInputError extends Error {
  readonly _tag = 'SideInputError'
  /** The side input's name. */
  readonly side: string
  /** empty and several: of a singleton. duplicateKey: of a map. notReady: read where there is no element, and so no window. */
  readonly kind: 'empty' | 'several' | 'duplicateKey' | 'notReady'
  constructor(kind: SideInputError['kind'], side: string, message: string) {
    super(message)
    this.name = 'SideInputError'
    this.kind = kind
    this.side = side
  }
}
