// Key and value: a pair that every keyed transform understands.

/** A keyed element. */
export type KV<K, V> = readonly [key: K, value: V]

/** @example KV.of('page', 1) // ['page', 1] */
export const KV = {
  of: <K, V>(key: K, value: V): KV<K, V> => [key, value],
} as const
