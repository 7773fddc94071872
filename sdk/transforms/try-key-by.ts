// Elements under a key, and keys and values of pairs, where what throws is data.
import type { Either } from 'fp-ts/lib/Either.js'
import type { PCollection } from '../graph/pcollection.ts'
import type { Failure } from '../model/failure.ts'
import type { KV } from '../model/kv.ts'
import { attempted } from './try-map.ts'

/**
 * As `keyBy`, but an element whose key cannot be told becomes a Left. Keys have the default coder: another one is said behind `deadLetter`
 * or `separate`, by `PCollection.withCoder(Coder.kv(…))`.
 *
 * @example
 * pipe(texts, PCollection.tryKeyBy(text => parse(text).id), PCollection.deadLetter(rejected), GroupByKey.of)
 */
export const tryKeyBy =
  <A, const K>(f: (a: A) => K) =>
  (pc: PCollection<A>): PCollection<Either<Failure<A>, KV<K, A>>> =>
    attempted('tryKeyBy', f, (key, a): KV<K, A> => [key, a], pc)

/**
 * As `mapValues`, but a pair whose value `f` throws for becomes a Left. Keys have the default coder behind it, as with `tryKeyBy`.
 *
 * @example
 * pipe(texts, PCollection.keyBy(text => text.length), PCollection.tryMapValues(parse), PCollection.deadLetter(rejected), PCollection.values) // => { id: 'x', size: 2 }
 */
export const tryMapValues =
  <V, const B>(f: (v: V) => B) =>
  <K>(pc: PCollection<KV<K, V>>): PCollection<Either<Failure<KV<K, V>>, KV<K, B>>> =>
    attempted(
      'tryMapValues',
      ([, value]: KV<K, V>) => f(value),
      (value, [key]): KV<K, B> => [key, value],
      pc,
    )

/**
 * As `mapKeys`, but a pair whose key `f` throws for becomes a Left; the new keys have the default coder.
 *
 * @example
 * pipe(texts, PCollection.keyBy(text => text), PCollection.tryMapKeys(text => parse(text).id), PCollection.deadLetter(rejected), PCollection.keys) // => 'x'
 */
export const tryMapKeys =
  <K, const L>(f: (k: K) => L) =>
  <V>(pc: PCollection<KV<K, V>>): PCollection<Either<Failure<KV<K, V>>, KV<L, V>>> =>
    attempted(
      'tryMapKeys',
      ([key]: KV<K, V>) => f(key),
      (key, [, value]): KV<L, V> => [key, value],
      pc,
    )
