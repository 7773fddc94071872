// Combines that have nothing to say of nothing: of an empty pane, and of an empty collection, nothing comes out.
import { isSome, type Option, type Some } from 'fp-ts/lib/Option.js'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { combineTogether, combineValues } from './combine.ts'
import type { CombineFn } from './combine-fn.ts'
import type { Fanout } from './fanout.ts'

/** As combineValues; a None is left out. */
export const someValues = <K, I, A, O>(
  fn: CombineFn<I, A, Option<O>>,
  kind: string,
  pc: PCollection<KV<K, I>>,
  fanout?: Fanout<K>,
): PCollection<KV<K, O>> => onlySome(kind, combineValues(fn, kind, pc, fanout))

const onlySome = <K, O>(kind: string, combined: PCollection<KV<K, Option<O>>>): PCollection<KV<K, O>> => {
  const some = apply({ _tag: 'Filter', f: ([, o]: KV<K, Option<O>>) => isSome(o) }, [combined], { kind: `${kind}.some` })
  return apply({ _tag: 'MapValues', f: ({ value }: Some<O>) => value }, [some], { kind: `${kind}.value` })
}

/** As combineAll, without a default. */
export const someOfAll = <I, A, O>(fn: CombineFn<I, A, Option<O>>, kind: string, pc: PCollection<I>, fanout?: number): PCollection<O> =>
  apply({ _tag: 'Values' }, [onlySome(kind, combineTogether(fn, { withDefault: false, fanout }, kind, pc))], { kind: `${kind}.only` })
