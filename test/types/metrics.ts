// Types of metrics: what a kind takes, and what a run tells of it.
import { type Counter, type DistributionValue, type GaugeValue, type JobMetrics, type Metric, Metrics, type StringSetValue } from 'jetbeam'
import { is, type Same } from './equality.ts'

declare const told: JobMetrics
const counter = Metrics.counter('rejected')

export const same: Same = [
  is<Counter>()(counter),
  is<number>()(counter.of(told).committed),
  is<DistributionValue | null>()(Metrics.distribution('sizes').of(told, { transform: 'Parse' }).attempted),
  is<GaugeValue | null>()(Metrics.gauge('depth').of(told).attempted),
  is<StringSetValue | null>()(Metrics.stringSet('regions').of(told).attempted),
  is<ReadonlyArray<Metric>>()(Metrics.query(told, { name: 'rejected' })),
]

// @ts-expect-error a counter takes numbers
export const m1 = (): void => counter.inc('one')
// @ts-expect-error a set of strings takes strings
export const m2 = (): void => Metrics.stringSet('regions').add(1)
// @ts-expect-error a gauge has no sum
export const m3 = Metrics.gauge('depth').of(told).attempted?.sum
