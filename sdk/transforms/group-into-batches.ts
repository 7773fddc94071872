// Values of a key in batches of a size: what a call to the world outside takes at once.
import { MonoidSum } from 'fp-ts/lib/number.js'
import { Coder } from '../coders/index.ts'
import { requireKnown } from '../graph/misuse.ts'
import type { PCollection } from '../graph/pcollection.ts'
import { KV } from '../model/kv.ts'
import type { Duration } from '../model/time.ts'
import { emit } from '../stateful/effects.ts'
import { State, Timer } from '../stateful/state-specs.ts'
import { type KeyedElement, stateful } from '../stateful/stateful-fn.ts'
import { runAs } from './par-do.ts'

/** How long `GroupIntoBatches.ofSize` waits for more. */
export interface BatchOptions {
  /** How long a batch that is not full may wait, in processing time. For as long as its window lasts, unless told. */
  readonly maxBufferingDuration?: Duration | undefined
}

const ofSize = (size: number, o: BatchOptions = {}): (<K, V>(pc: PCollection<KV<K, V>>) => PCollection<KV<K, ReadonlyArray<V>>>) => {
  requireKnown('GroupIntoBatches.ofSize', o, ['maxBufferingDuration'])
  const { maxBufferingDuration: wait } = o
  if (!Number.isSafeInteger(size) || size < 1)
    throw new RangeError(`GroupIntoBatches.ofSize: a size is a whole number from 1, and ${size} is not`)
  if (wait !== undefined && !(wait > 0 && Number.isFinite(wait)))
    throw new RangeError(`GroupIntoBatches.ofSize: maxBufferingDuration is a length of time above 0, and ${wait} ms is not`)
  return <K, V>(pc: PCollection<KV<K, V>>) => runAs('GroupIntoBatches')(batching<K, V>(size, wait))(pc)
}

const batching = <K, V>(size: number, wait: Duration | undefined) =>
  stateful({
    // The bag is read only when it leaves: until then nothing is copied.
    state: { waiting: State.bag(Coder.structural<V>()), count: State.combining(Coder.varint, MonoidSum) },
    timers: { flush: Timer.processingTime },
    process: ({ key, value }: KeyedElement<K, V>, { waiting, count, flush }) =>
      count.read + 1 >= size
        ? [emit(KV.of(key, [...waiting.read, value])), waiting.clear, count.clear, flush.clear]
        : [waiting.add(value), count.add(1), wait !== undefined && count.read === 0 && flush.after(wait)],
    onTimer: {
      flush: ({ key }, { waiting, count }) => [emit(KV.of(key, waiting.read)), waiting.clear, count.clear],
    },
    onWindowExpiration: ({ key }, { waiting }) => [!waiting.isEmpty && emit(KV.of(key, waiting.read))],
  })

/**
 * The values of each key and window in batches of `size`, in the order of their coming; what is left over comes out when its window
 * expires, or `maxBufferingDuration` after the first value of its batch. A full batch has the timestamp of the value that filled it, one
 * that waited long enough that of its first value, which holds the watermark, and a left-over one its window's last instant. Windows that
 * merge are refused. Throws a RangeError for a size or a duration that is none. Semantics: Beam's GroupIntoBatches.
 *
 * @example
 * pipe(orders, PCollection.keyBy(order => order.shop), GroupIntoBatches.ofSize(100, { maxBufferingDuration: seconds(5) }))
 */
export const GroupIntoBatches = Object.freeze({ ofSize })
