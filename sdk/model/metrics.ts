// Metrics of a pipeline's own functions: named, counted for each transform, asked of a run.
import { currentScope, type MetricName } from './metric-scope.ts'
import {
  type DistributionValue,
  type GaugeValue,
  mergeValues,
  type Metric,
  type MetricKind,
  type MetricOf,
  type MetricValues,
  type StringSetValue,
} from './metric-values.ts'

/** What a job tells of itself, as far as metrics go. */
type Told = { readonly user: ReadonlyArray<Metric> }

/** Which metrics `Metrics.query` gives; those that both parts hold for (Beam's MetricsFilter). */
export interface MetricFilter {
  /** As it was made: any name unless told. */
  readonly name?: string | undefined
  /** A transform's path, or that of a composite around it: any unless told. */
  readonly transform?: string | undefined
}

/** Over all transforms, or those under `transform`. */
type Asked<V, None> = (told: Told, o?: Pick<MetricFilter, 'transform'>) => { readonly attempted: V | None; readonly committed: V | None }

/** Counts up or down (Beam's Counter). */
export interface Counter {
  /** By 1 unless told. */
  readonly inc: (by?: number) => void
  /** By 1 unless told. */
  readonly dec: (by?: number) => void
  /** Its sum in a run's metrics; 0 where it never counted. */
  readonly of: Asked<number, 0>
}
/** How many numbers, their sum, the least and the greatest (Beam's Distribution). */
export interface Distribution {
  /** Takes in one number. */
  readonly update: (n: number) => void
  /** Its value in a run's metrics; null where it never took one. */
  readonly of: Asked<DistributionValue, null>
}
/** The newest value (Beam's Gauge). */
export interface Gauge {
  /** In place of what was set before. */
  readonly set: (n: number) => void
  /** Its value in a run's metrics; null where none was set. */
  readonly of: Asked<GaugeValue, null>
}
/** Which strings there were: names of a few things, not what elements hold (Beam's StringSet). */
export interface StringSet {
  /** Takes in one string. */
  readonly add: (text: string) => void
  /** Its strings in a run's metrics; null where it has none. */
  readonly of: Asked<StringSetValue, null>
}

const longestName = 120

const nameOf = (kind: MetricKind, name: string): MetricName => {
  if (name.trim() === '' || name.length > longestName)
    throw new RangeError(`Metrics.${kind}: a name has 1 to ${longestName} characters, and ${JSON.stringify(name.slice(0, 200))} has not`)
  return { kind, name, id: `${kind} ${name}` }
}

const updating =
  (metric: MetricName) =>
  (n: number): void => {
    const scope = currentScope()
    if (scope === null) return
    if (!Number.isFinite(n)) throw new RangeError(`the ${metric.kind} ${JSON.stringify(metric.name)} takes a number, and ${n} is none`)
    scope.update(metric, n)
  }

const lies = (path: string, under: string | undefined): boolean => under === undefined || path === under || path.startsWith(`${under}/`)

const asked =
  <K extends MetricKind, None>(kind: K, name: string, none: None): Asked<MetricValues[K], None> =>
  ({ user }, o) => {
    const named = user.filter(metric => metric.kind === kind && metric.name === name && lies(metric.transform, o?.transform))
    const mine = named as ReadonlyArray<unknown> as ReadonlyArray<MetricOf<K>> // their kind is K: it was compared
    const merged = (values: ReadonlyArray<MetricValues[K] | null>): MetricValues[K] | None => {
      const [first, ...rest] = values.filter((value): value is NonNullable<typeof value> => value !== null)
      return first === undefined ? none : rest.reduce<MetricValues[K]>((a, b) => mergeValues(kind, a, b), first)
    }
    return { attempted: merged(mine.map(metric => metric.attempted)), committed: merged(mine.map(metric => metric.committed)) }
  }

/**
 * Metrics of one's own, for any function of a pipeline (Beam's Metrics): a synchronous or asynchronous one, a DoFn, a CombineFn. Make one
 * anywhere; it counts apart for each transform whose function updates it, and does nothing outside a run, where tests call functions.
 *
 * Ask a result, or a job while it runs. `attempted` has every update; `committed` what the newest durable checkpoint contains, so it says
 * what a crash cannot undo, and a restart goes on from there. What a retry repeats counts again. A combine that is done in part before its
 * shuffle counts in the combine all the same.
 *
 * A name has 1 to 120 characters (a RangeError otherwise); a number must be finite (a RangeError in the function that updates). A string
 * set keeps 1,000 strings of 256 characters and says when there were more. A task keeps 1,000 metrics; new ones beyond are dropped.
 *
 * @example
 * const rejected = Metrics.counter('rejected')
 * const amounts = Metrics.distribution('amounts')
 * const isPayable = (order: Order) => {
 *   amounts.update(order.total)
 *   if (order.total <= 0) rejected.inc()
 *   return order.total > 0
 * }
 * const checkout = named('Checkout', PCollection.filter(isPayable))
 * const { metrics } = await pipe(orders, checkout, TestPipeline.run())
 * rejected.of(metrics).committed // => 1
 * amounts.of(metrics, { transform: 'Checkout' }).attempted // => { count: 4, sum: 55, min: 0, max: 30 }
 */
export const Metrics = Object.freeze({
  /** How often something happened. */
  counter: (name: string): Counter => {
    const update = updating(nameOf('counter', name))
    return Object.freeze({ inc: (by = 1) => update(by), dec: (by = 1) => update(-by), of: asked('counter', name, 0 as const) })
  },
  /** How numbers are spread. */
  distribution: (name: string): Distribution =>
    Object.freeze({ update: updating(nameOf('distribution', name)), of: asked('distribution', name, null) }),
  /** How something stands now. */
  gauge: (name: string): Gauge => Object.freeze({ set: updating(nameOf('gauge', name)), of: asked('gauge', name, null) }),
  /**
   * Which names occurred.
   *
   * @example
   * const currencies = Metrics.stringSet('currencies')
   * const newest = Metrics.gauge('newest total')
   * const seen = PCollection.map((order: Order) => {
   *   currencies.add(order.currency)
   *   newest.set(order.total)
   *   return order
   * })
   * const { metrics } = await pipe(orders, seen, TestPipeline.run())
   * currencies.of(metrics).attempted?.strings // => ['EUR', 'USD']
   * Metrics.query(metrics, { name: 'newest total' }).map(metric => metric.transform) // => ['map#1']
   */
  stringSet: (name: string): StringSet => {
    const metric = nameOf('stringSet', name)
    return Object.freeze({ add: (text: string) => currentScope()?.update(metric, text), of: asked('stringSet', name, null) })
  },
  /** All of a run that have the name and lie under the transform, each transform's apart; all there are where neither is given. */
  query: ({ user }: Told, { name, transform }: MetricFilter = {}): ReadonlyArray<Metric> =>
    user.filter(metric => (name === undefined || metric.name === name) && lies(metric.transform, transform)),
})
