// Element-wise verbs whose functions read side inputs.
import { apply, type PCollection } from '../graph/pcollection.ts'
import { sidesIn } from '../graph/view.ts'
import type { SideValues, Sides } from '../model/side-input.ts'
import type { ItemOf } from './flat-map.ts'

/** Elements beside their sides' values, for a node behind that reads both: the only reader of such pairs. */
export const withSides = (verb: string, sides: Sides, pc: PCollection<unknown>): PCollection<unknown> => {
  const { views, inputs } = sidesIn(verb, sides)
  return apply({ _tag: 'Sided', sides: views }, [pc, ...inputs], { kind: `${verb}.sides` })
}

/**
 * Each element through `f` with the side inputs of its window, each under the name that it has in `sides` (Beam's side inputs). An
 * element in several windows comes once for each. Until its sides are there an element waits: in memory, in checkpoints, and with the
 * output's watermark held. What a side lacks is an error where `f` reads it, see {@link View}.
 *
 * @example
 * pipe(orders, PCollection.mapWith({ rates: View.asMap(rates) }, (order, { rates }) => [order.id, rates.get(order.currency)]))
 * // => ['o1', O.some(1)], ['o2', O.some(0.5)], ['o3', O.some(1)], ['o4', O.some(1)]
 */
export const mapWith =
  <S extends Sides, A, const B>(sides: S, f: (a: A, sides: SideValues<S>) => B) =>
  (pc: PCollection<A>): PCollection<B> =>
    apply({ _tag: 'MapWith', f }, [withSides('mapWith', sides, pc)], { kind: 'mapWith' })

/**
 * As `mapWith`, into all that `f` gives: an array, a generator, any iterable. So it filters, too.
 *
 * @example
 * pipe(orders, PCollection.flatMapWith({ known: View.asList(ids) }, (order, { known }) => (known.includes(order.id) ? [order.id] : []))) // => 'o1', 'o2'
 */
export const flatMapWith =
  <S extends Sides, A, R extends Iterable<unknown>>(sides: S, f: (a: A, sides: SideValues<S>) => R) =>
  (pc: PCollection<A>): PCollection<ItemOf<R>> =>
    apply({ _tag: 'FlatMapWith', f }, [withSides('flatMapWith', sides, pc)], { kind: 'flatMapWith' })
