// A few elements, any or drawn at random.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { combineAll, combineValues } from './combine.ts'
import { CombineFn } from './combine-fn.ts'

type Drawn<V> = ReadonlyArray<readonly [lot: number, value: V]>

/** Each element draws a lot, and the highest stay: so samples of parts become a sample of the whole. */
const drawn = <V>(n: number): CombineFn<V, Drawn<V>, ReadonlyArray<V>> => {
  const highest = CombineFn.top<readonly [lot: number, value: V]>(n, {
    equals: (a, b) => a[0] === b[0],
    compare: ([a], [b]) => (a < b ? -1 : a > b ? 1 : 0),
  })
  return { ...highest, add: (own, value) => highest.add(own, [Math.random(), value]), extract: own => own.map(([, value]) => value) }
}

const anyOf = <V>(n: number): CombineFn<V, ReadonlyArray<V>, ReadonlyArray<V>> => {
  const take = (own: ReadonlyArray<V>, v: V): ReadonlyArray<V> => {
    // An accumulator is its function's own.
    if (own.length < n) (own as V[]).push(v)
    return own
  }
  return { create: () => [], add: take, merge: (a, b) => b.reduce(take, a), extract: own => own.slice() }
}

const requireCount = (n: number, verb: string): void => {
  if (!Number.isSafeInteger(n) || n < 1) throw new RangeError(`Sample.${verb}: how many to take is a whole number from 1, and ${n} is not`)
}

/**
 * A few elements of each window: `any` at most `n` of a firing, whichever come first; `fixedSizeGlobally` an array of `n` drawn at random,
 * each set of `n` as likely as any other, and `fixedSizePerKey` one for each key (Beam's Sample). All elements where there are no more
 * than `n`. All throw a RangeError for an `n` that is no whole number from 1.
 *
 * @example
 * pipe(views, Sample.fixedSizeGlobally(100), PCollection.map(views => views.filter(view => view.millis >= 2_000).length / 3)) // => 2 / 3
 * pipe(views, PCollection.keyBy(view => view.user), Sample.fixedSizePerKey(1), PCollection.mapValues(views => views.length)) // => ['ada', 1], ['bob', 1]
 * pipe(views, Sample.any(2), Count.globally) // => 2
 */
export const Sample = Object.freeze({
  any: (n: number) => {
    requireCount(n, 'any')
    return <V>(pc: PCollection<V>): PCollection<V> =>
      apply({ _tag: 'FlatMap', f: (few: ReadonlyArray<V>) => few }, [combineAll(anyOf<V>(n), 'Sample.any', pc)], {
        kind: 'Sample.any.each',
      })
  },
  fixedSizeGlobally: (n: number) => {
    requireCount(n, 'fixedSizeGlobally')
    return <V>(pc: PCollection<V>): PCollection<ReadonlyArray<V>> => combineAll(drawn<V>(n), 'Sample.fixedSizeGlobally', pc)
  },
  fixedSizePerKey: (n: number) => {
    requireCount(n, 'fixedSizePerKey')
    return <K, V>(pc: PCollection<KV<K, V>>): PCollection<KV<K, ReadonlyArray<V>>> =>
      combineValues(drawn<V>(n), 'Sample.fixedSizePerKey', pc)
  },
})
