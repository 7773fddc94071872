// How many.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { combineAll, combineValues } from './combine.ts'
import { CombineFn } from './combine-fn.ts'

/** Each is its own key, not a pair that would be taken apart again. */
const elements = <A>(pc: PCollection<A>, fanout?: number): PCollection<KV<A, number>> =>
  combineValues(
    CombineFn.count,
    'Count.perElement',
    apply<KV<A, A>>({ _tag: 'KeyBy', f: (a: A) => a, coder: null }, [pc], { kind: 'Count.perElement.key' }),
    fanout,
  )

/**
 * Counts per window: `perElement` how often each element occurs (equal if their encodings are), `perKey` how many values each key has,
 * `globally` how many elements there are, 0 of nothing in the global window (Beam's Count).
 *
 * @example
 * pipe(words, Count.perElement) // PCollection<KV<string, number>>
 */
export const Count = Object.freeze({
  /** How often each element occurs; equal if their encodings are. */
  perElement: <A>(pc: PCollection<A>): PCollection<KV<A, number>> => elements(pc),
  /** How many values each key has. */
  perKey: <K, V>(pc: PCollection<KV<K, V>>): PCollection<KV<K, number>> => combineValues(CombineFn.count, 'Count.perKey', pc),
  /** How many elements there are. */
  globally: <A>(pc: PCollection<A>): PCollection<number> => combineAll(CombineFn.count, 'Count.globally', pc),
  /**
   * The same in two steps, for keys with more elements than one task counts in time (Beam's withFanout and withHotKeyFanout).
   *
   * @param fanout number of parts, from 1, that each key's elements are spread over
   * @throws RangeError for a fanout that is no whole number from 1, when the transform is applied
   * @example
   * pipe(words, Count.withFanout(16).perElement) // PCollection<KV<string, number>>
   */
  withFanout: (fanout: number) => ({
    perElement: <A>(pc: PCollection<A>): PCollection<KV<A, number>> => elements(pc, fanout),
    perKey: <K, V>(pc: PCollection<KV<K, V>>): PCollection<KV<K, number>> => combineValues(CombineFn.count, 'Count.perKey', pc, fanout),
    globally: <A>(pc: PCollection<A>): PCollection<number> => combineAll(CombineFn.count, 'Count.globally', pc, { fanout }),
  }),
})
