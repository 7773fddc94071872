// Collections as side inputs.
import type { Option } from 'fp-ts/lib/Option.js'
import { apply, outputIn, type PCollection } from '../graph/pcollection.ts'
import type { Node } from '../graph/node.ts'
import { sideInputOf, type ViewSpec } from '../graph/view.ts'
import type { KV } from '../model/kv.ts'
import type { Lookup, Multilookup, SideInput } from '../model/side-input.ts'

/** Everything of a window under one key: each pane is the whole side input of its window. */
const ofPanes = <A>(view: ViewSpec, kind: string, pc: PCollection<unknown>): SideInput<A> => {
  const together = apply<KV<null, unknown>>({ _tag: 'KeyBy', f: () => null, coder: null }, [pc], { kind: `${kind}.together` })
  const grouped = apply<KV<null, ReadonlyArray<unknown>>>({ _tag: 'GroupByKey' }, [together], { kind })
  return sideInputOf(view, outputIn(pc).node, apply({ _tag: 'Values' }, [grouped], { kind: `${kind}.pane` }))
}

/** A global combine's firings replace one another: grouped once more, those of an accumulating trigger would be several elements. */
const singleton = <A>(orElse: { readonly value: A } | null, kind: string, pc: PCollection<A>): SideInput<A> =>
  isCombined(outputIn(pc).node)
    ? sideInputOf({ _tag: 'Singleton', orElse, of: 'combined' }, outputIn(pc).node, pc)
    : ofPanes({ _tag: 'Singleton', orElse, of: 'panes' }, kind, pc)

/** Whether it gives what a global combine gives, or something of that: at most one element for each firing. */
const isCombined = ({ transform, inputs: [input] }: Node): boolean => {
  switch (transform._tag) {
    case 'CombinePerKey':
      return transform.oneKey
    case 'Values':
    case 'Map':
    case 'MapValues':
    case 'Filter':
    case 'FilterMap':
    case 'WithCoder':
      return input !== undefined && isCombined(input.node)
    default:
      return false
  }
}

const ofChanges = <A>(view: ViewSpec, pc: PCollection<unknown>): SideInput<A> => sideInputOf(view, outputIn(pc).node, pc)

/**
 * Makes a collection a side input: a value, per window, for the functions of `PCollection.mapWith` and its kin (Beam's View).
 *
 * An element of the main input sees the side window that holds its own window's end, whatever sizes the two have; it waits until that
 * window has fired, or can no longer fire. A later pane of the window replaces the earlier one, unless it is empty: of an accumulating
 * trigger that is everything so far, of a discarding one only the newest. Behind a global combine, such as Latest.globally, each firing
 * is the one element of `asSingleton`. So an element sees what is there when it comes, and under early or late
 * firings two runs may differ. All but tables are held in memory whole, in every task.
 *
 * `asTable` and `asIndex` read a changelog instead: the latest value for each key, by timestamp (of equal ones, by arrival), in one
 * table for all windows. It is there once its sources have been read to where nothing was pending; from then on it never blocks.
 *
 * @example
 * const perMinute = Window.into(FixedWindows.of(minutes(1)))
 * const rates = pipe(changes, perMinute, View.asMap)
 * pipe(orders, perMinute, PCollection.mapWith({ rates }, (order, { rates }) => [order.id, rates.get(order.currency)]))
 * // => ['o1', O.some(1)], ['o2', O.some(0.5)], ['o3', O.some(1)], ['o4', O.some(1)]
 *
 * @example
 * const sides = {
 *   least: View.asSingletonOr(10)(Create.of([1])),
 *   known: View.asList(ids),
 *   every: View.asIterable(ids),
 *   views: pipe(views, PCollection.keyBy(view => view.user), View.asMultimap),
 *   flags: View.asTable(flags),
 *   open: View.asIndex((isOpen: boolean) => isOpen)(flags),
 * }
 * const told = PCollection.mapWith(sides, (order: Order, { least, known, every, views, flags, open }) => {
 *   const shop = O.isSome(flags.get(order.shop)) && open.get(true).length > 0
 *   return [least, known.length, [...every].length, views.get(order.customer).length, shop]
 * })
 * pipe(orders, told, Distinct.of) // => [1, 2, 2, 2, true], [1, 2, 2, 1, true], [1, 2, 2, 2, false], [1, 2, 2, 0, false]
 */
export const View = Object.freeze({
  /** The one element of a window. Reading it where there is none, or several, throws a SideInputError. */
  asSingleton: <A>(pc: PCollection<A>): SideInput<A> => singleton(null, 'View.asSingleton', pc),
  /** The one element of a window, or `orElse` where there is none. Reading it where there are several throws a SideInputError. */
  asSingletonOr:
    <A>(orElse: A) =>
    (pc: PCollection<A>): SideInput<A> =>
      singleton({ value: orElse }, 'View.asSingletonOr', pc),
  /** All elements of a window, in no order. */
  asList: <A>(pc: PCollection<A>): SideInput<ReadonlyArray<A>> => ofPanes({ _tag: 'List' }, 'View.asList', pc),
  /** All elements of a window, in no order, to be gone through. */
  asIterable: <A>(pc: PCollection<A>): SideInput<Iterable<A>> => ofPanes({ _tag: 'Iterable' }, 'View.asIterable', pc),
  /** The value of each key. Reading it where a window has a key twice throws a SideInputError that names the key. */
  asMap: <K, V>(pc: PCollection<KV<K, V>>): SideInput<Lookup<K, V>> => ofPanes({ _tag: 'Map' }, 'View.asMap', pc),
  /** All values of each key. */
  asMultimap: <K, V>(pc: PCollection<KV<K, V>>): SideInput<Multilookup<K, V>> => ofPanes({ _tag: 'Multimap' }, 'View.asMultimap', pc),
  /** A changelog (None deletes) seen as its latest value for each key. Never blocks once its source is caught up. */
  asTable: <K, V>(pc: PCollection<KV<K, Option<V>>>): SideInput<Lookup<K, V>> => ofChanges({ _tag: 'Table' }, pc),
  /** The same table, looked up by something else than its key: all values for which `by`, synchronous and pure, gives it. */
  asIndex:
    <K, V, I>(by: (value: V, key: K) => I) =>
    (pc: PCollection<KV<K, Option<V>>>): SideInput<Multilookup<I, V>> =>
      ofChanges({ _tag: 'Index', by }, pc),
})
