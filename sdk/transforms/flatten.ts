// Several collections as one.
import { apply, type PCollection } from '../graph/pcollection.ts'
import { Create } from './create.ts'

type AnyOf<P> = P extends PCollection<infer A> ? A : never

/**
 * All elements of all inputs, in no order (Beam's Flatten). The types may differ: the result is their union. The same collection twice
 * gives its elements twice; none at all gives an empty one. Inputs that are windowed differently are refused when the pipeline is built.
 *
 * @example
 * Flatten.of(orders, payments) // PCollection<Order | Payment>
 */
export const Flatten = Object.freeze({
  /** All elements of all inputs. */
  of: <const P extends ReadonlyArray<PCollection<unknown>>>(...pcs: P): PCollection<AnyOf<P[number]>> =>
    pcs.length === 0 ? Create.of([]) : apply({ _tag: 'Flatten', like: 'all' }, pcs, { kind: 'Flatten' }),
})
