// Pairs of two collections' values under one key.
import type { Option } from 'fp-ts/lib/Option.js'
import * as O from 'fp-ts/lib/Option.js'
import type { These } from 'fp-ts/lib/These.js'
import * as T from 'fp-ts/lib/These.js'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { coGroup } from './co-group-by-key.ts'
import { within } from './join-within.ts'

type Both<A, B> = { readonly left: ReadonlyArray<A>; readonly right: ReadonlyArray<B> }

/** All that `pairs` makes of a key's values on both sides. */
const joined =
  <A, B, C>(kind: string, pairs: (both: Both<A, B>) => ReadonlyArray<C>) =>
  <K>(left: PCollection<KV<K, A>>, right: PCollection<KV<K, B>>): PCollection<KV<K, C>> => {
    const together = coGroup<KV<K, Both<A, B>>>({ left, right }, kind)
    return apply({ _tag: 'FlatMap', f: ([key, both]: KV<K, Both<A, B>>) => pairs(both).map(pair => [key, pair]) }, [together], {
      kind: `${kind}.pairs`,
    })
  }

const crossed = <A, B, C>({ left, right }: Both<A, B>, pair: (a: A, b: B) => C): ReadonlyArray<C> =>
  left.flatMap(a => right.map(b => pair(a, b)))

/**
 * Each pair of values that two collections have for one key of one window (Beam's Join). `inner` leaves out keys that one side lacks,
 * `left` keeps the left side's with none beside them, `right` the right side's, and `full` both, as These. A window's pairs come out
 * when its trigger fires; a trigger that fires more than once while accumulating repeats them, and one that discards joins only what came
 * since the last firing: join with the default trigger, or CoGroupByKey.
 *
 * `within` looks at timestamps instead: see there.
 *
 * @example
 * const amounts = Create.of([KV.of('o1', 20), KV.of('o9', 7)])
 * const names = Create.of([KV.of('o1', 'ada'), KV.of('o2', 'bob')])
 * pipe(names, Join.inner(amounts)) // => ['o1', ['ada', 20]]
 * pipe(names, Join.left(amounts)) // => ['o1', ['ada', O.some(20)]], ['o2', ['bob', O.none]]
 * pipe(names, Join.right(amounts)) // => ['o1', [O.some('ada'), 20]], ['o9', [O.none, 7]]
 * pipe(names, Join.full(amounts)) // => ['o1', T.both('ada', 20)], ['o2', T.left('bob')], ['o9', T.right(7)]
 */
export const Join = Object.freeze({
  /** Pairs of both sides. */
  inner:
    <K, B>(right: PCollection<KV<K, B>>) =>
    <A>(left: PCollection<KV<K, A>>): PCollection<KV<K, readonly [A, B]>> =>
      joined<A, B, readonly [A, B]>('Join.inner', both => crossed(both, (a, b) => [a, b]))(left, right),
  /** Pairs of both sides, and what only the left has. */
  left:
    <K, B>(right: PCollection<KV<K, B>>) =>
    <A>(left: PCollection<KV<K, A>>): PCollection<KV<K, readonly [A, Option<B>]>> =>
      joined<A, B, readonly [A, Option<B>]>('Join.left', both =>
        both.right.length === 0 ? both.left.map(a => [a, O.none]) : crossed(both, (a, b) => [a, O.some(b)]),
      )(left, right),
  /** Pairs of both sides, and what only the right has. */
  right:
    <K, B>(right: PCollection<KV<K, B>>) =>
    <A>(left: PCollection<KV<K, A>>): PCollection<KV<K, readonly [Option<A>, B]>> =>
      joined<A, B, readonly [Option<A>, B]>('Join.right', both =>
        both.left.length === 0 ? both.right.map(b => [O.none, b]) : crossed(both, (a, b) => [O.some(a), b]),
      )(left, right),
  /** Pairs of both sides, and what only one of them has. */
  full:
    <K, B>(right: PCollection<KV<K, B>>) =>
    <A>(left: PCollection<KV<K, A>>): PCollection<KV<K, These<A, B>>> =>
      joined<A, B, These<A, B>>('Join.full', both =>
        both.right.length === 0
          ? both.left.map(a => T.left(a))
          : both.left.length === 0
            ? both.right.map(b => T.right(b))
            : crossed(both, (a, b) => T.both(a, b)),
      )(left, right),
  /**
   * Pairs whose timestamps lie at most `distance` apart, as soon as both are there, with the later of the two timestamps. What has met
   * nobody comes out apart, with its own timestamp, when the watermark is past that and `distance`, or at its window's end: so the
   * watermark behind the join stands `distance` behind. Values meet within one window: both sides are windowed alike, mostly in the global
   * one. Throws a RangeError for a distance that is none.
   *
   * @example
   * const ordered = pipe(orders, PCollection.keyBy(order => order.id), PCollection.mapValues(order => order.total))
   * const paid = pipe(payments, PCollection.keyBy(payment => payment.orderId), PCollection.mapValues(payment => payment.amount))
   * const { pairs, leftAlone, rightAlone } = pipe(ordered, Join.within(paid, minutes(30)))
   * Flatten.of(pairs, leftAlone, rightAlone) // => ['o1', [20, 20]], ['o3', [5, 5]], ['o2', 30], ['o4', 0], ['o9', 7]
   */
  within,
})
