// Aggregation with an accumulator for each key and window.
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import { erasedCombineFn } from '../graph/erased.ts'
import { refuseUse, requireKnown } from '../graph/misuse.ts'
import { showGiven } from '../model/show-given.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { CombineFn } from './combine-fn.ts'
import { type Fanout, fannedOut } from './fanout.ts'

type Aggregation = Monoid<unknown> | CombineFn<unknown, unknown, unknown>

const combineFnOf = (kind: string, fn: Aggregation): CombineFn<unknown, unknown, unknown> => {
  const given: unknown = fn
  const has = (...names: ReadonlyArray<string>): boolean =>
    typeof given === 'object' &&
    given !== null &&
    names.every(name => typeof (given as Readonly<Record<string, unknown>>)[name] === 'function')
  if (has('create', 'add', 'merge', 'extract')) return fn as CombineFn<unknown, unknown, unknown> // its functions are there
  if (has('concat') && 'empty' in fn) return CombineFn.fromMonoid(fn)
  return refuseUse(
    kind,
    `takes a Monoid (concat and empty) or a CombineFn (create, add, merge and extract), and was given ${showGiven(given)}. Give it one, such as N.MonoidSum or CombineFn.mean`,
  )
}

/** As Combine.perKey, under another transform's name. */
export const combineValues = <K, I, A, O>(
  fn: CombineFn<I, A, O>,
  kind: string,
  pc: PCollection<KV<K, I>>,
  fanout?: Fanout<K>,
): PCollection<KV<K, O>> =>
  fanout === undefined
    ? apply({ _tag: 'CombinePerKey', fn: erasedCombineFn(fn), withDefault: false, oneKey: false }, [pc], { kind })
    : fannedOut(fn, { fanout, withDefault: false, oneKey: false }, kind, pc)

/** As Combine.globally, under another transform's name: all under one key, and that taken off again. */
export const combineAll = <I, A, O>(
  fn: CombineFn<I, A, O>,
  kind: string,
  pc: PCollection<I>,
  o: { readonly withDefault?: boolean; readonly fanout?: number | undefined } = {},
): PCollection<O> => {
  const combined = combineTogether(fn, { withDefault: o.withDefault ?? true, fanout: o.fanout }, kind, pc)
  return apply({ _tag: 'Values' }, [combined], { kind: `${kind}.value` })
}

/** All under one key, which stays. */
export const combineTogether = <I, A, O>(
  fn: CombineFn<I, A, O>,
  { withDefault, fanout }: { readonly withDefault: boolean; readonly fanout?: number | undefined },
  kind: string,
  pc: PCollection<I>,
): PCollection<KV<null, O>> => {
  const together = underOneKey(pc, kind)
  return fanout === undefined
    ? apply({ _tag: 'CombinePerKey', fn: erasedCombineFn(fn), withDefault, oneKey: true }, [together], { kind })
    : fannedOut(fn, { fanout, withDefault, oneKey: true }, kind, together)
}

const underOneKey = <A>(pc: PCollection<A>, kind: string): PCollection<KV<null, A>> =>
  apply({ _tag: 'KeyBy', f: () => null, coder: null }, [pc], { kind: `${kind}.together` })

/** For keys that have more elements than one place can combine in time. */
export interface CombineOptions<in K> {
  /**
   * Into how many parts a key's elements are spread: each part is combined by itself, on its own task, and then all of a key's parts
   * together (Beam's withHotKeyFanout). One number for all keys, or a function of the key, for which 1 is not to spread it. A trigger that
   * counts elements counts parts as well; windows that merge cannot be spread.
   */
  readonly fanout?: Fanout<K> | undefined
}

function perKey<V, L = unknown>(m: Monoid<V>, o?: CombineOptions<L>): <K extends L>(pc: PCollection<KV<K, V>>) => PCollection<KV<K, V>>
function perKey<I, A, O, L = unknown>(
  fn: CombineFn<I, A, O>,
  o?: CombineOptions<L>,
): <K extends L>(pc: PCollection<KV<K, I>>) => PCollection<KV<K, O>>
function perKey<L>(fn: Aggregation, o?: CombineOptions<L>): <K extends L>(pc: PCollection<KV<K, unknown>>) => PCollection<KV<K, unknown>> {
  const kind = 'Combine.perKey'
  const combineFn = combineFnOf(kind, fn)
  requireKnown(kind, o, ['fanout'])
  const fanout = o?.fanout
  return pc => combineValues(combineFn, kind, pc, fanout)
}

function globally<V>(m: Monoid<V>, o?: GlobalOptions): (pc: PCollection<V>) => PCollection<V>
function globally<I, A, O>(fn: CombineFn<I, A, O>, o?: GlobalOptions): (pc: PCollection<I>) => PCollection<O>
function globally(fn: Aggregation, o?: GlobalOptions): (pc: PCollection<unknown>) => PCollection<unknown> {
  const kind = 'Combine.globally'
  const combineFn = combineFnOf(kind, fn)
  requireKnown(kind, o, ['fanout', 'withoutDefaults'])
  const fanout = o?.fanout
  const withDefault = o?.withoutDefaults !== true
  return pc => combineAll(combineFn, kind, pc, { withDefault, fanout })
}

type GlobalOptions = {
  /** Into how many parts all elements of a window are spread before they come together in one place. */
  readonly fanout?: number | undefined
  /** Give nothing of an empty collection in the global window, instead of the default value (Beam's withoutDefaults). Default: false. */
  readonly withoutDefaults?: boolean | undefined
}

/**
 * `perKey` combines the values of each key and window; `globally` all elements of a window, and gives one value even of nothing in the
 * global window, unless `withoutDefaults` is set: the monoid's empty one, or what the CombineFn extracts from a new accumulator (Beam's
 * Combine).
 *
 * Takes a Monoid or a {@link CombineFn}. Order and grouping of the elements are the runner's choice, so both must be associative and
 * commutative. An aggregation behind one that fires more than once while accumulating counts again what it has seen: the pipeline
 * warns of it; use one combine (`CombineFn.groupBy`). A RangeError for a fanout that is no whole number from 1 comes when the transform is
 * applied, or ends the run where a function gives it; an InvalidPipelineError for what is neither Monoid nor CombineFn.
 *
 * @example
 * pipe(views, PCollection.keyBy(view => view.page), PCollection.mapValues(view => view.millis), Combine.perKey(N.MonoidSum))
 * pipe(orders, PCollection.map(order => order.total), Combine.globally(CombineFn.mean))
 * pipe(views, PCollection.keyBy(view => view.page), Combine.perKey(CombineFn.count, { fanout: (page: string) => (page === '/' ? 16 : 1) }))
 */
export const Combine = Object.freeze({
  /** The values of each key and window, by a Monoid or a CombineFn. */
  perKey,
  /** All elements of a window, by a Monoid or a CombineFn; in the global window one value even of nothing. */
  globally,
})
