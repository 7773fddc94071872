// A CombineFn for each group, inside one accumulator: a Map whose keys are compared as the keys of a grouping are, by their encoding.
import * as E from 'fp-ts/lib/Either.js'
import { Coder, groupingKey, type GroupingKey } from '../coders/index.ts'
import type { CombineFn } from '../graph/combine-fn.ts'
import type { KV } from '../model/kv.ts'

export const groupBy =
  <I, K>(key: (i: I) => K) =>
  <A, O>(fn: CombineFn<I, A, O>): CombineFn<I, ReadonlyMap<K, A>, ReadonlyMap<K, O>> => ({
    create: () => new Map<K, A>(),
    add: (groups, i) => {
      const mine = own(groups)
      const k = keyIn(groups, key(i))
      mine.set(k, fn.add(mine.has(k) ? (mine.get(k) as A) : fn.create(), i))
      return mine
    },
    merge: (groups, others) => {
      const mine = own(groups)
      for (const [other, accumulator] of others) {
        const k = keyIn(groups, other)
        mine.set(k, mine.has(k) ? fn.merge(mine.get(k) as A, accumulator) : accumulator)
      }
      return mine
    },
    extract: groups => new Map([...groups].map(([k, accumulator]) => [k, fn.extract(accumulator)])),
    coder: fn.coder === undefined ? undefined : mapCoder(fn.coder),
  })

// An accumulator is its function's own, and `create` and the coder make nothing but Maps.
const own = <K, A>(groups: ReadonlyMap<K, A>): Map<K, A> => groups as Map<K, A>

const keyOf = groupingKey<unknown>(null)
/** For keys that a Map would tell apart by identity: the one of an accumulator that has the same encoding. Made anew after a restore. */
const canonical = new WeakMap<ReadonlyMap<unknown, unknown>, Map<GroupingKey, unknown>>()

const keyIn = <K>(groups: ReadonlyMap<K, unknown>, key: K): K => {
  if (typeof key !== 'object' || key === null) return key
  let known = canonical.get(groups)
  if (known === undefined) {
    known = new Map([...groups.keys()].map(k => [keyOf(k), k]))
    canonical.set(groups, known)
  }
  const encoded = keyOf(key)
  const found = known.get(encoded)
  if (found !== undefined) return found as K
  known.set(encoded, key)
  return key
}

const mapCoder = <K, A>(coder: Coder<A>): Coder<ReadonlyMap<K, A>> =>
  Coder.imap<ReadonlyArray<KV<K, A>>, ReadonlyMap<K, A>>(
    entries => E.right(new Map(entries)),
    groups => [...groups],
  )(Coder.iterable(Coder.kv(Coder.structural<K>(), coder)))
