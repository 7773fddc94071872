// What metrics hold, and how values become one: those of one task after another, and those of several tasks. No order matters to it.
import { withoutSecretsIn } from './secret-text.ts'

/** The four kinds of metrics. */
export type MetricKind = 'counter' | 'distribution' | 'gauge' | 'stringSet'

/**
 * What a {@link Distribution} holds: of the numbers that it was given, their `count`, their `sum`, the least (`min`) and the greatest
 * (`max`). Beam's DistributionResult.
 */
export interface DistributionValue {
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
}

/**
 * What a {@link Gauge} holds: the newest `value` that was set, and when (`at`: processing time in milliseconds since 1970). Beam's
 * GaugeResult.
 */
export interface GaugeValue {
  readonly value: number
  readonly at: number
}

/** What a {@link StringSet} holds (Beam's StringSetResult). */
export interface StringSetValue {
  /** Sorted, each once. */
  readonly strings: ReadonlyArray<string>
  /** There were more than are kept, or longer ones. */
  readonly isCut: boolean
}

/** By kind: what is kept. Plain data: checkpoints hold it. */
export interface MetricValues {
  readonly counter: number
  readonly distribution: DistributionValue
  readonly gauge: GaugeValue
  readonly stringSet: StringSetValue
}

/** One metric of one `kind`: {@link Metric} is one of any kind. */
export type MetricOf<K extends MetricKind> = {
  readonly kind: K
  /** The path of the transform whose function updated it. */
  readonly transform: string
  /** The name that `Metrics` was given. */
  readonly name: string
  /** All updates, those of work included that a crash will undo. */
  readonly attempted: MetricValues[K]
  /** Those that the newest durable checkpoint contains; without a store, the newest that was published. null: none yet. */
  readonly committed: MetricValues[K] | null
}
/** What one transform has counted under one name: `kind` tells the type of the values. `Metrics.query` gives them (Beam's MetricResult). */
export type Metric = { readonly [K in MetricKind]: MetricOf<K> }[MetricKind]

/** A set keeps so many strings, the first in their order, of so many characters: a metric is no place for what elements hold. */
export const mostStrings = 1_000
export const longestString = 256

interface Kind<I, V> {
  readonly of: (input: I, nowMs: number) => V
  readonly merge: (a: V, b: V) => V
}

const counter: Kind<number, number> = { of: n => n, merge: (a, b) => a + b }

const distribution: Kind<number, DistributionValue> = {
  of: n => ({ count: 1, sum: n, min: n, max: n }),
  merge: (a, b) => ({ count: a.count + b.count, sum: a.sum + b.sum, min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) }),
}

const gauge: Kind<number, GaugeValue> = {
  of: (value, at) => ({ value, at }),
  // Of two of one instant the greater: nobody knows which came first.
  merge: (a, b) => (b.at > a.at || (b.at === a.at && b.value > a.value) ? b : a),
}

const stringSet: Kind<string, StringSetValue> = {
  // Here already: checkpoints keep what a set holds.
  of: text => ({
    strings: [withoutSecretsIn(text.slice(0, longestString), text.length > longestString)],
    isCut: text.length > longestString,
  }),
  merge: (a, b) => {
    const [only, ...more] = b.strings
    // What is mostly so: one more of a string that is known.
    if (only !== undefined && more.length === 0 && contains(a.strings, only) && (a.isCut || !b.isCut)) return a
    const all = [...new Set([...a.strings, ...b.strings])].sort()
    return { strings: all.slice(0, mostStrings), isCut: a.isCut || b.isCut || all.length > mostStrings }
  },
}

const contains = (sorted: ReadonlyArray<string>, text: string): boolean => {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    const at = sorted[middle] ?? ''
    if (at === text) return true
    if (at < text) from = middle + 1
    else to = middle
  }
  return false
}

const kinds: { readonly [K in MetricKind]: Kind<K extends 'stringSet' ? string : number, MetricValues[K]> } = {
  counter,
  distribution,
  gauge,
  stringSet,
}

/** Laws: commutative and associative. */
export const mergeValues = <K extends MetricKind>(kind: K, a: MetricValues[K], b: MetricValues[K]): MetricValues[K] =>
  (kinds[kind] as unknown as Kind<unknown, MetricValues[K]>).merge(a, b) // the kind's own entry

export const valueOf = <K extends MetricKind>(kind: K, input: number | string, nowMs: number): MetricValues[K] =>
  (kinds[kind] as unknown as Kind<number | string, MetricValues[K]>).of(input, nowMs) // a metric of the kind checked its input

/** Those of several tasks: one for each transform, kind and name, in the order of these. */
export const mergeMetrics = (all: ReadonlyArray<Metric>): ReadonlyArray<Metric> => {
  const merged = new Map<string, Metric>()
  for (const metric of all) {
    const id = JSON.stringify([metric.transform, metric.name, metric.kind])
    const known = merged.get(id)
    merged.set(id, known === undefined ? metric : mergedPair(known, metric))
  }
  return [...merged].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, metric]) => metric)
}

const mergedPair = (a: Metric, b: Metric): Metric =>
  ({
    ...a,
    attempted: mergeValues<MetricKind>(a.kind, a.attempted, b.attempted),
    committed:
      a.committed === null || b.committed === null
        ? (a.committed ?? b.committed)
        : mergeValues<MetricKind>(a.kind, a.committed, b.committed),
  }) as Metric // both are of one kind: they have one id
