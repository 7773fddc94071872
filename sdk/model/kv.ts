// Key and value: a pair that every keyed transform understands.

/** A keyed element (Beam's KV): a plain pair. */
export type KV<K, V> = readonly [key: K, value: V]

/**
 * Pairs (Beam's KV.of).
 *
 * @example
 * KV.of('page', 1) // => ['page', 1]
 */
export const KV = {
  of: <K, V>(key: K, value: V): KV<K, V> => [key, value],
} as const
