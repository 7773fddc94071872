// How long something took, as counts in fixed buckets: bounded in memory, and those of several threads add up. Four buckets to a doubling,
// so that a quantile is at most 19 % above what it was.

/** Of lengths of time in milliseconds. Plain data; see {@link Latency}. */
export interface LatencyHistogram {
  /** How many. */
  readonly count: number
  /** All of them together. */
  readonly sumMs: number
  /** The longest. */
  readonly maxMs: number
  /** How many lie in each bucket, up to the last that has any: the first ends at 1 µs, each ends 2^¼ times later than the one before. */
  readonly buckets: ReadonlyArray<number>
}

const firstMs = 0.001
const toADoubling = 4
/** The last but one ends at 18 minutes. */
const bucketCount = 30 * toADoubling + 2

const bucketOf = (ms: number): number => (ms > firstMs ? Math.min(bucketCount - 1, Math.ceil(Math.log2(ms / firstMs) * toADoubling)) : 0)

/** Where a bucket ends; Infinity for the last. */
const endOf = (bucket: number): number => (bucket >= bucketCount - 1 ? Infinity : firstMs * 2 ** (bucket / toADoubling))

const none: LatencyHistogram = Object.freeze({ count: 0, sumMs: 0, maxMs: 0, buckets: Object.freeze([]) })

const merge = (all: ReadonlyArray<LatencyHistogram>): LatencyHistogram => {
  const buckets: number[] = []
  let [count, sumMs, maxMs] = [0, 0, 0]
  for (const one of all) {
    count += one.count
    sumMs += one.sumMs
    maxMs = Math.max(maxMs, one.maxMs)
    for (const [i, times] of one.buckets.entries()) buckets[i] = (buckets[i] ?? 0) + times
  }
  return { count, sumMs, maxMs, buckets }
}

const quantile = ({ count, maxMs, buckets }: LatencyHistogram, q: number): number | null => {
  if (!(q >= 0 && q <= 1)) throw new RangeError(`Latency.quantile: a quantile lies from 0 to 1, and ${q} does not`)
  if (count === 0) return null
  let seen = 0
  const bucket = buckets.findIndex(times => (seen += times) >= q * count && seen > 0)
  return Math.min(maxMs, bucket < 0 ? Infinity : endOf(bucket))
}

/** How many took at most so long, at every `every`th end of a bucket. */
export const cumulative = (
  { buckets }: LatencyHistogram,
  every: number,
): ReadonlyArray<{ readonly ms: number; readonly count: number }> => {
  const ends: { readonly ms: number; readonly count: number }[] = []
  let count = 0
  for (let i = 0; i < bucketCount - 1; i++) {
    count += buckets[i] ?? 0
    if (i % every === 0) ends.push({ ms: endOf(i), count })
  }
  return ends
}

/** Of histograms: reading them, and adding them up. */
export const Latency = Object.freeze({
  /**
   * Of nothing.
   *
   * @example
   * Latency.quantile(Latency.none, 0.5) // => null
   */
  none,
  /**
   * All of several as one.
   *
   * @example
   * Latency.merge([Latency.none, Latency.none]).count // => 0
   */
  merge,
  /**
   * How long it took at most for the share `q` of them, in milliseconds; at most 19 % too much. null where there are none. Throws a
   * RangeError for a share that is not from 0 to 1.
   *
   * @example
   * const { metrics } = await pipe(orders, PCollection.map(order => order.total), TestPipeline.run())
   * const latency = Latency.merge(metrics.transforms.map(transform => transform.latency))
   * Latency.quantile(latency, 0.99) !== null // => true
   */
  quantile,
})

/** One that is being filled. */
export class LatencyRecorder {
  readonly #buckets = new Array<number>(bucketCount).fill(0)
  #count = 0
  #sumMs = 0
  #maxMs = 0

  /** `times`: so many took so long. */
  record(ms: number, times = 1): void {
    const bucket = bucketOf(ms)
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + times
    this.#count += times
    this.#sumMs += ms * times
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  told(): LatencyHistogram {
    const last = this.#buckets.findLastIndex(times => times > 0)
    return { count: this.#count, sumMs: this.#sumMs, maxMs: this.#maxMs, buckets: this.#buckets.slice(0, last + 1) }
  }
}
