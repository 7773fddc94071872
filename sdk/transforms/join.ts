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
 * pipe(orders, PCollection.keyBy(order => order.id), Join.left(pipe(payments, PCollection.keyBy(payment => payment.orderId))))
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
   * const { pairs, leftAlone, rightAlone } = pipe(orders, Join.within(payments, minutes(30)))
   */
  within,
})
