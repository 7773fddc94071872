// CombineFns: the standard ones, and how one becomes another.
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { Ord } from 'fp-ts/lib/Ord.js'
import { head } from 'fp-ts/lib/ReadonlyArray.js'
import { Coder } from '../coders/index.ts'
import type { CombineFn as CombineFnContract } from '../graph/combine-fn.ts'
import { groupBy } from './combine-groups.ts'
import { countDistinct } from './distinct-sketch.ts'
import { quantiles } from './quantile-sketch.ts'

/**
 * Aggregation by Beam's four functions: `create` an accumulator, `add` an input to it, `merge` two of them, `extract` the result.
 *
 * `add` and `merge` may change and return their first argument: it is theirs alone. `coder` says how accumulators are checkpointed,
 * where they are no plain data.
 */
export type CombineFn<I, A, O> = CombineFnContract<I, A, O>

const of = <I, A, O>(fn: CombineFn<I, A, O>): CombineFn<I, A, O> => fn

const fromMonoid = <V>(m: Monoid<V>): CombineFn<V, V, V> => ({
  create: () => m.empty,
  add: (a, v) => m.concat(a, v),
  merge: (a, b) => m.concat(a, b),
  extract: a => a,
})

const count: CombineFn<unknown, number, number> = Object.freeze({
  create: () => 0,
  add: (n: number) => n + 1,
  merge: (a: number, b: number) => a + b,
  extract: (n: number) => n,
  coder: Coder.varint,
})

type Sum = readonly [sum: number, count: number]
// An accumulator is its function's own: changing it costs no new array an element.
const raise = (own: Sum, sum: number, n: number): Sum => {
  const mine = own as [sum: number, count: number]
  mine[0] += sum
  mine[1] += n
  return mine
}
const mean: CombineFn<number, Sum, number> = Object.freeze({
  create: (): Sum => [0, 0],
  add: (a: Sum, n: number) => raise(a, n, 1),
  merge: (a: Sum, [sum, n]: Sum) => raise(a, sum, n),
  extract: ([sum, n]: Sum) => sum / n,
})

/** At most one value: the accumulator of what has nothing to say of nothing. */
type AtMostOne<V> = ReadonlyArray<V>
const best = <V>(isBetter: (v: V, than: V) => boolean): CombineFn<V, AtMostOne<V>, Option<V>> => {
  const take = (own: AtMostOne<V>, v: V): AtMostOne<V> => {
    const mine = own as V[]
    if (own.length === 0 || isBetter(v, own[0] as V)) mine[0] = v
    return mine
  }
  return { create: () => [], add: take, merge: (a, b) => b.reduce(take, a), extract: head }
}
const min = <V>(ord: Ord<V>): CombineFn<V, AtMostOne<V>, Option<V>> => best((v, than) => ord.compare(v, than) < 0)
const max = <V>(ord: Ord<V>): CombineFn<V, AtMostOne<V>, Option<V>> => best((v, than) => ord.compare(v, than) > 0)

const top = <V>(n: number, ord: Ord<V>): CombineFn<V, ReadonlyArray<V>, ReadonlyArray<V>> => {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`CombineFn.top: how many to keep is a whole number from 1, and ${n} is not`)
  /** Into its place, largest first; among equals behind those that were there. */
  const insert = (own: ReadonlyArray<V>, v: V): ReadonlyArray<V> => {
    const least = own[n - 1]
    if (own.length === n && least !== undefined && ord.compare(v, least) <= 0) return own
    let [from, to] = [0, own.length]
    while (from < to) {
      const middle = (from + to) >> 1
      if (ord.compare(v, own[middle] as V) <= 0) from = middle + 1
      else to = middle
    }
    const mine = own as V[]
    mine.splice(from, 0, v)
    if (mine.length > n) mine.pop()
    return mine
  }
  return { create: () => [], add: insert, merge: (a, b) => b.reduce(insert, a), extract: best => best.slice() }
}

const contramap =
  <I, J>(f: (j: J) => I) =>
  <A, O>(fn: CombineFn<I, A, O>): CombineFn<J, A, O> => ({ ...fn, add: (a, j) => fn.add(a, f(j)) })

const map =
  <O, P>(f: (o: O) => P) =>
  <I, A>(fn: CombineFn<I, A, O>): CombineFn<I, A, P> => ({ ...fn, extract: a => f(fn.extract(a)) })

/**
 * The standard CombineFns, for Combine.perKey and Combine.globally.
 *
 * @example
 * const perPage = pipe(CombineFn.count, CombineFn.groupBy((view: PageView) => view.page), CombineFn.map(counts => new Map(counts)))
 * pipe(views, Combine.globally(perPage)) // => new Map([['/', 2], ['/b', 1]])
 * const longest = pipe(CombineFn.max(N.Ord), CombineFn.contramap((view: PageView) => view.millis))
 * pipe(views, Combine.globally(longest)) // => O.some(3_000)
 * const numbers = Create.of([3, 1, 2, 2])
 * pipe(numbers, Combine.globally(CombineFn.min(N.Ord))) // => O.some(1)
 * pipe(numbers, Combine.globally(CombineFn.top(2, N.Ord))) // => [3, 2]
 * pipe(numbers, Combine.globally(CombineFn.countDistinct())) // => 3
 * pipe(numbers, Combine.globally(CombineFn.quantiles(2))) // => [1, 3]
 * pipe(numbers, Combine.globally(CombineFn.fromMonoid(N.MonoidProduct))) // => 12
 * const span = CombineFn.of({
 *   create: () => [Infinity, -Infinity],
 *   add: ([least = 0, most = 0], n: number) => [Math.min(least, n), Math.max(most, n)],
 *   merge: ([a = 0, b = 0], [c = 0, d = 0]) => [Math.min(a, c), Math.max(b, d)],
 *   extract: ([least = 0, most = 0]) => most - least,
 * })
 * pipe(numbers, Combine.globally(span)) // => 2
 */
export const CombineFn = Object.freeze({
  /** Checks the types of a hand-written one. */
  of,
  /** What Combine makes of a monoid. */
  fromMonoid,
  /** How many elements there are. */
  count,
  /** The arithmetic mean; of nothing, NaN. */
  mean,
  /** The least by `ord`, any of them where several are; None of nothing. */
  min,
  /** The greatest by `ord`, any of them where several are; None of nothing. */
  max,
  /** The `n` largest by `ord`, largest first. Throws a RangeError for an `n` below 1. */
  top,
  /** `n` quantiles of numbers, approximately; see ApproximateQuantiles. Throws a RangeError for an `n` below 2. */
  quantiles,
  /** How many different elements there are, approximately; see ApproximateCountDistinct. Throws a RangeError for an error out of range. */
  countDistinct,
  /** Looks at its inputs through `f`. */
  contramap,
  /** Changes the result. */
  map,
  /**
   * One accumulator a group, inside one accumulator: repeated early panes stay correct, because nothing is counted twice downstream. Groups
   * are equal if their encodings are, as keys.
   */
  groupBy,
})
