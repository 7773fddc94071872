// Each element once.
import type { Coder } from '../coders/index.ts'
import { erasedCoder } from '../graph/erased.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import type { Windowed } from '../model/pane.ts'
import { combineValues } from './combine.ts'
import type { CombineFn } from './combine-fn.ts'

type Keyed<A> = ReadonlyArray<A>
/** Keeps one; which of them does not matter. */
const anyOne = <A>(): CombineFn<A, Keyed<A>, Keyed<A>> => ({
  create: () => [],
  add: (kept, a) => (kept.length === 0 ? [a] : kept),
  merge: (a, b) => (a.length === 0 ? b : a),
  extract: kept => kept,
})

const distinct = <A, K>(f: (a: A) => K, coder: Coder<K> | undefined, kind: string, pc: PCollection<A>): PCollection<A> => {
  const keyed = apply<KV<K, A>>({ _tag: 'KeyBy', f, coder: coder === undefined ? null : erasedCoder(coder) }, [pc], { kind: `${kind}.key` })
  const combined = apply<Windowed<KV<K, Keyed<A>>>>({ _tag: 'ReifyWindowed', of: 'element' }, [combineValues(anyOne<A>(), kind, keyed)], {
    kind: `${kind}.pane`,
  })
  // Later panes of a window would say it again.
  return apply({ _tag: 'FlatMap', f: ({ value: [, kept], pane }: Windowed<KV<K, Keyed<A>>>) => (pane.isFirst ? kept : []) }, [combined], {
    kind: `${kind}.first`,
  })
}

/**
 * Each element of a window once, however often it came: only the first pane of an element passes, so nothing is repeated in later ones
 * (Beam's Distinct). Elements are equal if their encodings are; `by` compares what a function gives of them, and lets any one of the
 * equal ones through. An element comes out when its window's trigger fires: a trigger of AfterCount.of(1) lets it through at once.
 *
 * @example
 * pipe(views, PCollection.map(view => view.user), Distinct.of) // => 'ada', 'bob'
 * pipe(views, Distinct.by(view => view.user))
 */
export const Distinct = Object.freeze({
  /** By the whole element. */
  of: <A>(pc: PCollection<A>): PCollection<A> => distinct((a: A) => a, undefined, 'Distinct.of', pc),
  /** `coder`: how what is compared is encoded; the default one takes any plain data. It must be deterministic. */
  by:
    <A, const K>(f: (a: A) => K, o?: { readonly coder?: Coder<K> | undefined }) =>
    (pc: PCollection<A>): PCollection<A> =>
      distinct(f, o?.coder, 'Distinct.by', pc),
})
