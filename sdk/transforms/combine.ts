// Aggregation with an accumulator for each key and window.
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import { erasedCombineFn } from '../graph/erased.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { CombineFn } from './combine-fn.ts'

type Aggregation = Monoid<unknown> | CombineFn<unknown, unknown, unknown>

const combineFnOf = (fn: Aggregation): CombineFn<unknown, unknown, unknown> => ('create' in fn ? fn : CombineFn.fromMonoid(fn))

/** As Combine.perKey, under another transform's name. */
export const combineValues = <K, I, A, O>(fn: CombineFn<I, A, O>, kind: string, pc: PCollection<KV<K, I>>): PCollection<KV<K, O>> =>
  apply({ _tag: 'CombinePerKey', fn: erasedCombineFn(fn), withDefault: false }, [pc], { kind })

/** As Combine.globally, under another transform's name: all under one key, and that taken off again. */
export const combineAll = <I, A, O>(fn: CombineFn<I, A, O>, kind: string, pc: PCollection<I>): PCollection<O> => {
  const combined = apply<KV<null, O>>({ _tag: 'CombinePerKey', fn: erasedCombineFn(fn), withDefault: true }, [underOneKey(pc, kind)], {
    kind,
  })
  return apply({ _tag: 'Values' }, [combined], { kind: `${kind}.value` })
}

export const underOneKey = <A>(pc: PCollection<A>, kind: string): PCollection<KV<null, A>> =>
  apply({ _tag: 'KeyBy', f: () => null, coder: null }, [pc], { kind: `${kind}.together` })

function perKey<V>(m: Monoid<V>): <K>(pc: PCollection<KV<K, V>>) => PCollection<KV<K, V>>
function perKey<I, A, O>(fn: CombineFn<I, A, O>): <K>(pc: PCollection<KV<K, I>>) => PCollection<KV<K, O>>
function perKey(fn: Aggregation): <K>(pc: PCollection<KV<K, unknown>>) => PCollection<KV<K, unknown>> {
  return pc => combineValues(combineFnOf(fn), 'Combine.perKey', pc)
}

function globally<V>(m: Monoid<V>): (pc: PCollection<V>) => PCollection<V>
function globally<I, A, O>(fn: CombineFn<I, A, O>): (pc: PCollection<I>) => PCollection<O>
function globally(fn: Aggregation): (pc: PCollection<unknown>) => PCollection<unknown> {
  return pc => combineAll(combineFnOf(fn), 'Combine.globally', pc)
}

/**
 * `perKey` combines the values of each key and window; `globally` all elements of a window, and gives one value even of nothing in the
 * global window: the monoid's empty one, or what the CombineFn extracts from a new accumulator (Beam's Combine).
 *
 * Takes a Monoid or a {@link CombineFn}. Order and grouping of the elements are the runner's choice, so both must be associative and
 * commutative. An aggregation behind one that fires more than once while accumulating counts again what it has seen: the pipeline
 * warns of it; use one combine (`CombineFn.groupBy`).
 *
 * @example
 * pipe(views, PCollection.keyBy(view => view.page), PCollection.mapValues(view => view.millis), Combine.perKey(N.MonoidSum))
 * pipe(orders, PCollection.map(order => order.total), Combine.globally(CombineFn.mean))
 */
export const Combine = Object.freeze({
  /** The values of each key and window, by a Monoid or a CombineFn. */
  perKey,
  /** All elements of a window, by a Monoid or a CombineFn; in the global window one value even of nothing. */
  globally,
})
