// Hot keys: a combine in two halves, so that one key's elements are combined in many places and then brought together.
import * as E from 'fp-ts/lib/Either.js'
import { Coder } from '../coders/index.ts'
import { erasedCombineFn } from '../graph/erased.ts'
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import type { CombineFn } from './combine-fn.ts'

/** Into how many parts a key's elements are spread. */
export type Fanout<K> = number | ((key: K) => number)

/** What the second half gets: an element of a key that is not spread, or what a part came to. */
type Piece<I> = readonly [_tag: 'element', element: I] | readonly [_tag: 'part', packed: unknown]

/** As a combine of `fn`, `withDefault` or without; throws a RangeError for a fanout that is no whole number from 1. */
export const fannedOut = <K, I, A, O>(
  fn: CombineFn<I, A, O>,
  o: { readonly fanout: Fanout<K>; readonly withDefault: boolean; readonly oneKey: boolean },
  kind: string,
  pc: PCollection<KV<K, I>>,
): PCollection<KV<K, O>> => {
  const { fanout } = o
  const parts = typeof fanout === 'number' ? checked(kind, fanout) : (key: K): number => checked(kind, fanout(key))
  const few = typeof parts === 'number' ? () => parts === 1 : ([key]: KV<K, I>) => parts(key) === 1
  // All under one key at first: round and round is even whatever the elements are.
  let next = 0
  const spread = (key: K): KV<K, number> => [key, next++ % (typeof parts === 'number' ? parts : parts(key))]

  const cold = apply({ _tag: 'Filter', f: few }, [pc], { kind: `${kind}.cold` })
  const elements = apply({ _tag: 'MapValues', f: (element: I): Piece<I> => ['element', element] }, [cold], { kind: `${kind}.element` })
  const hot = apply({ _tag: 'Filter', f: (pair: KV<K, I>) => !few(pair) }, [pc], { kind: `${kind}.hot` })
  const keyed = apply({ _tag: 'MapKeys', f: spread, coder: ofParts }, [hot], { kind: `${kind}.spread` })
  // A part that repeated itself would be counted again by the whole.
  const once = apply({ _tag: 'WithStrategy', change: { accumulation: 'discarding' } }, [keyed], { kind: `${kind}.once` })
  const combined = apply({ _tag: 'CombinePerKey', fn: erasedCombineFn(firstHalf(fn)), withDefault: false, oneKey: false }, [once], {
    kind: `${kind}.part`,
  })
  const gathered = apply({ _tag: 'MapKeys', f: ([key]: KV<K, number>) => key, coder: null }, [combined], { kind: `${kind}.gather` })
  const together = apply({ _tag: 'Flatten', like: 'first' }, [elements, gathered], { kind: `${kind}.together` })
  const { withDefault, oneKey } = o
  return apply({ _tag: 'CombinePerKey', fn: erasedCombineFn(secondHalf(fn)), withDefault, oneKey }, [together], { kind })
}

const checked = (kind: string, parts: number): number => {
  if (!Number.isSafeInteger(parts) || parts < 1)
    throw new RangeError(`${kind}: fanout is into how many parts a key is spread, a whole number from 1, and ${parts} is not`)
  return parts
}

const ofParts = (coder: Coder<unknown> | null): Coder<unknown> | null =>
  coder === null ? null : (Coder.kv(coder, Coder.varint) as Coder<unknown>)

const firstHalf = <I, A>(fn: CombineFn<I, A, unknown>): CombineFn<I, A, Piece<I>> => ({
  create: () => fn.create(),
  add: (a, i) => fn.add(a, i),
  merge: (a, b) => fn.merge(a, b),
  // Between the halves an accumulator is an element like others: bytes, where it is no plain data.
  extract: a => ['part', fn.coder === undefined ? a : fn.coder.encode(a)],
  coder: fn.coder,
})

const secondHalf = <I, A, O>(fn: CombineFn<I, A, O>): CombineFn<Piece<I>, A, O> => ({
  create: () => fn.create(),
  add: (a, piece) => (piece[0] === 'element' ? fn.add(a, piece[1]) : fn.merge(a, unpacked(fn, piece[1]))),
  merge: (a, b) => fn.merge(a, b),
  extract: a => fn.extract(a),
  coder: fn.coder,
})

/** What the first half packed, by the same function. */
const unpacked = <A>({ coder }: CombineFn<never, A, unknown>, packed: unknown): A => {
  if (coder === undefined) return packed as A
  const decoded = coder.decode(packed as Uint8Array)
  if (E.isRight(decoded)) return decoded.right
  throw new Error(`the coder ${coder.urn} does not read the accumulator that it wrote: ${decoded.left.reason}`)
}
