// The arithmetic mean, and the sum.
import { MonoidSum } from 'fp-ts/lib/number.js'
import type { PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import { none, some, type Option } from 'fp-ts/lib/Option.js'
import { combineAll, combineValues } from './combine.ts'
import { CombineFn } from './combine-fn.ts'
import { someOfAll, someValues } from './combine-some.ts'

/** None of nothing: not even of a pane without elements, whose NaN many encoders refuse. */
const mean: CombineFn<number, readonly [sum: number, count: number], Option<number>> = {
  ...CombineFn.mean,
  extract: ([sum, count]) => (count === 0 ? none : some(sum / count)),
}

/**
 * The arithmetic mean of each window's numbers, or of each key's (Beam's Mean). Nothing comes out of nothing, where Beam's gives NaN, which many
 * encoders refuse.
 *
 * @example
 * pipe(Create.of([1, 2, 6]), Mean.globally) // => 3
 * pipe(views, PCollection.keyBy(view => view.page), PCollection.mapValues(view => view.millis), Mean.perKey) // => ['/', 1_500], ['/b', 3_000]
 */
export const Mean = Object.freeze({
  /** Of each window's numbers. */
  globally: (pc: PCollection<number>): PCollection<number> => someOfAll(mean, 'Mean.globally', pc),
  /** Of each key's numbers. */
  perKey: <K>(pc: PCollection<KV<K, number>>): PCollection<KV<K, number>> => someValues(mean, 'Mean.perKey', pc),
  /**
   * The same in two steps, for keys with more elements than one task combines in time (Beam's withFanout and withHotKeyFanout).
   *
   * @param fanout number of parts, from 1, that each key's elements are spread over
   * @throws RangeError for a fanout that is no whole number from 1, when the transform is applied
   * @example
   * pipe(Create.of([1, 2, 6]), Mean.withFanout(4).globally) // => 3
   */
  withFanout: (fanout: number) => ({
    globally: (pc: PCollection<number>): PCollection<number> => someOfAll(mean, 'Mean.globally', pc, fanout),
    perKey: <K>(pc: PCollection<KV<K, number>>): PCollection<KV<K, number>> => someValues(mean, 'Mean.perKey', pc, fanout),
  }),
})

const sum = CombineFn.fromMonoid(MonoidSum)

/**
 * The sum of each window's numbers, or of each key's; 0 of nothing (Beam's Sum).
 *
 * @example
 * pipe(orders, PCollection.map(order => order.total), Sum.globally) // => 55
 * pipe(orders, PCollection.keyBy(order => order.shop), PCollection.mapValues(order => order.total), Sum.perKey) // => ['north', 50], ['south', 5]
 */
export const Sum = Object.freeze({
  /** Of each window's numbers. */
  globally: (pc: PCollection<number>): PCollection<number> => combineAll(sum, 'Sum.globally', pc),
  /** Of each key's numbers. */
  perKey: <K>(pc: PCollection<KV<K, number>>): PCollection<KV<K, number>> => combineValues(sum, 'Sum.perKey', pc),
  /**
   * The same in two steps, for keys with more elements than one task combines in time (Beam's withFanout and withHotKeyFanout).
   *
   * @param fanout number of parts, from 1, that each key's elements are spread over
   * @throws RangeError for a fanout that is no whole number from 1, when the transform is applied
   * @example
   * pipe(orders, PCollection.map(order => order.total), Sum.withFanout(4).globally) // => 55
   */
  withFanout: (fanout: number) => ({
    globally: (pc: PCollection<number>): PCollection<number> => combineAll(sum, 'Sum.globally', pc, { fanout }),
    perKey: <K>(pc: PCollection<KV<K, number>>): PCollection<KV<K, number>> => combineValues(sum, 'Sum.perKey', pc, fanout),
  }),
})
