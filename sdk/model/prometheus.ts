// A job's metrics as text: in Prometheus' format (version 0.0.4), or in that of OpenMetrics (1.0.0).
import { figureOf } from './figures.ts'
import { cumulative, type LatencyHistogram } from './histogram.ts'
import type { JobState } from './job-event.ts'
import type { JobMetrics } from './job-metrics.ts'
import { Instant } from './time.ts'
import { withoutSecretsIn } from './secret-text.ts'

type Labels = Readonly<Record<string, string>>
type Kind = 'counter' | 'gauge' | 'unknown'

/** How metrics are written: `prometheus` is the text format 0.0.4, which every scraper reads, `openMetrics` is OpenMetrics 1.0.0. */
export type MetricsFormat = 'prometheus' | 'openMetrics'

/** Options of {@link prometheusText}. */
export interface PrometheusOptions {
  /** Default: `prometheus`. */
  readonly format?: MetricsFormat | undefined
  /** What `job.state()` returns: adds the series `jetbeam_job_state`. */
  readonly state?: JobState | undefined
}

/** One in four of a histogram's own buckets: from 1 µs on, each bound twice the one before. */
const shownEvery = 4

/** Series by name, in the order in which the names first came: the lines of one name must stand together. */
class Families {
  readonly #lines = new Map<string, string[]>()
  readonly #common: Labels
  readonly #isOpen: boolean

  constructor(common: Labels, format: MetricsFormat) {
    this.#common = common
    this.#isOpen = format === 'openMetrics'
  }

  #family(name: string, kind: Kind | 'histogram', help: string): string[] {
    // OpenMetrics names a counter's family without the suffix of its samples.
    const family = this.#isOpen && kind === 'counter' ? name.replace(/_total$/, '') : name
    const lines = this.#lines.get(name) ?? [
      `# HELP ${family} ${this.#isOpen ? escaped(help) : help}`,
      `# TYPE ${family} ${kind === 'unknown' && !this.#isOpen ? 'untyped' : kind}`,
      ...(this.#isOpen ? unitOf(family) : []),
    ]
    this.#lines.set(name, lines)
    return lines
  }

  /** Adds nothing where the value is null or not finite. */
  add(name: string, kind: Kind, help: string, value: number | null, labels: Labels = {}): void {
    if (value !== null && Number.isFinite(value)) this.#family(name, kind, help).push(`${name}${this.#text(labels)} ${value}`)
  }

  addLatency(name: string, help: string, latency: LatencyHistogram, labels: Labels = {}): void {
    const lines = this.#family(name, 'histogram', help)
    for (const { ms, count } of cumulative(latency, shownEvery))
      lines.push(`${name}_bucket${this.#text({ ...labels, le: seconds(ms) })} ${count}`)
    lines.push(`${name}_bucket${this.#text({ ...labels, le: '+Inf' })} ${latency.count}`)
    lines.push(`${name}_sum${this.#text(labels)} ${latency.sumMs / 1_000}`, `${name}_count${this.#text(labels)} ${latency.count}`)
  }

  #text(labels: Labels): string {
    const all = Object.entries({ ...this.#common, ...labels }).map(([name, value]) => `${name}="${escaped(withoutSecretsIn(value))}"`)
    return all.length === 0 ? '' : `{${all.join(',')}}`
  }

  text(): string {
    return [...this.#lines.values()].map(lines => `${lines.join('\n')}\n`).join('') + (this.#isOpen ? '# EOF\n' : '')
  }
}

const unitOf = (family: string): ReadonlyArray<string> =>
  ['seconds', 'bytes', 'ratio'].filter(unit => family.endsWith(`_${unit}`)).map(unit => `# UNIT ${family} ${unit}`)

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
const msToSeconds = (ms: number | null): number | null => (ms === null ? null : ms / 1_000)
const seconds = (ms: number): string => String(Number((ms / 1_000).toPrecision(9)))
const snake = (name: string): string => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`).replace(/[^a-z0-9_]/g, '_')
/** null for the ends of time. */
const instantSeconds = (ms: number): number | null => (ms > Instant.min && ms < Instant.max ? ms / 1_000 : null)

/**
 * A job's metrics as text, as an endpoint answers with them: `text/plain; version=0.0.4`, or, as `openMetrics`,
 * `application/openmetrics-text; version=1.0.0`. Names begin with `jetbeam_`. Values are totals, gauges and histograms: rates are left to
 * the scraper.
 *
 * @param metrics What `job.metrics()` returns.
 * @param labels Labels of each series; their names must be valid label names.
 * @param o See {@link PrometheusOptions}.
 * @returns The text, which ends with a line break.
 * @example
 * const { metrics } = await pipe(orders, PCollection.map(order => order.total), TestPipeline.run())
 * prometheusText(metrics, { job: 'shop' }).includes('jetbeam_restarts_total{job="shop"} 0') // => true
 */
export const prometheusText = (
  metrics: JobMetrics,
  labels: Readonly<Record<string, string>> = {},
  { format = 'prometheus', state }: PrometheusOptions = {},
): string => {
  const all = new Families(labels, format)
  if (state !== undefined) all.add('jetbeam_job_state', 'gauge', 'State of the job, as a label. The value is 1.', 1, { state })
  ofJob(all, metrics)
  ofSplits(all, metrics)
  ofTransforms(all, metrics)
  ofSinks(all, metrics)
  ofUser(all, metrics)
  return all.text()
}

const ofJob = (all: Families, { checkpoints, held, ...job }: JobMetrics): void => {
  all.add('jetbeam_elements_read_total', 'counter', 'Elements read by all sources.', job.elementsRead)
  all.add('jetbeam_bytes_read_total', 'counter', 'Payload bytes read by all sources.', job.bytesRead)
  all.add('jetbeam_elements_written_total', 'counter', 'Elements handed to all sinks.', job.elementsWritten)
  all.add('jetbeam_lag', 'gauge', 'Messages not yet read, of all sources.', job.lag)
  all.add('jetbeam_lag_seconds', 'gauge', 'Age of the oldest message not yet read, of all sources.', msToSeconds(job.lagMs))
  all.add('jetbeam_dropped_late_total', 'counter', 'Elements dropped because their window had closed.', job.droppedLate)
  all.add('jetbeam_restarts_total', 'counter', 'Restarts of the job after a failure.', job.restarts)
  all.add('jetbeam_lease_in_doubt', 'gauge', '1 while the run waits for its lease to be confirmed, else 0.', Number(job.lease.inDoubt))
  all.add('jetbeam_lease_doubts_total', 'counter', 'Times the lease was in doubt.', job.lease.doubts)
  all.add('jetbeam_watermark_timestamp_seconds', 'gauge', 'Lowest watermark of all sources, as a Unix time.', instantSeconds(job.watermark))
  if (held !== null)
    all.add(
      'jetbeam_watermark_held_since_timestamp_seconds',
      'gauge',
      'Unix time since which the lowest watermark has not moved, with the transform that holds it and what it waits for.',
      held.sinceMs / 1_000,
      { transform: held.transform, worker: String(held.worker), by: held.by },
    )
  all.add('jetbeam_checkpoints_completed_total', 'counter', 'Checkpoints that are durable.', checkpoints.completed)
  all.add('jetbeam_checkpoints_failed_total', 'counter', 'Checkpoints that failed or timed out.', checkpoints.failed)
  all.add(
    'jetbeam_checkpoint_stale_answers_total',
    'counter',
    'Answers and snapshots that came too late for their checkpoint, and were dropped.',
    checkpoints.stale,
  )
  all.add('jetbeam_checkpoint_bytes', 'gauge', 'Size of the last checkpoint.', checkpoints.lastBytes)
  all.add('jetbeam_checkpoint_age_seconds', 'gauge', 'Time since the last checkpoint became durable.', msToSeconds(checkpoints.ageMs))
  all.addLatency(
    'jetbeam_checkpoint_duration_seconds',
    'Time from the barriers of a checkpoint to its stored manifest.',
    checkpoints.durations,
  )
  for (const { transform, error, count } of job.errors)
    all.add('jetbeam_errors_total', 'counter', 'Errors by transform and class.', count, { transform: transform ?? '', error })
  for (const { worker, busy, blocked } of job.workers) {
    const of = { worker: String(worker) }
    all.add('jetbeam_worker_busy_ratio', 'gauge', 'Share of the last second in which the thread was at work.', busy, of)
    all.add('jetbeam_worker_blocked_ratio', 'gauge', 'Share of the last second in which backpressure held the thread up.', blocked, of)
  }
}

const ofSplits = (all: Families, { splits }: JobMetrics): void => {
  for (const { id, worker, lag, lagMs, watermark, elements, bytes, reader } of splits) {
    const of = { split: id, worker: String(worker) }
    all.add('jetbeam_split_elements_total', 'counter', 'Elements that the split handed on.', elements, of)
    all.add('jetbeam_split_bytes_total', 'counter', 'Payload bytes that the split handed on.', bytes, of)
    all.add('jetbeam_split_lag', 'gauge', 'Messages of the split not yet read.', lag, of)
    all.add('jetbeam_split_lag_seconds', 'gauge', 'Age of the oldest message of the split not yet read.', msToSeconds(lagMs), of)
    all.add('jetbeam_split_watermark_timestamp_seconds', 'gauge', 'Watermark of the split, as a Unix time.', instantSeconds(watermark), of)
    addFigures(all, 'split', reader, of)
  }
}

const ofTransforms = (all: Families, { transforms }: JobMetrics): void => {
  for (const { transform, latency, busy, state, ...counts } of transforms) {
    const of = { transform }
    all.add('jetbeam_transform_elements_in_total', 'counter', 'Elements that came in.', counts.elementsIn, of)
    all.add('jetbeam_transform_elements_out_total', 'counter', 'Elements that went out.', counts.elementsOut, of)
    all.add('jetbeam_transform_bytes_in_total', 'counter', 'Payload bytes read by the transform.', counts.bytesIn, of)
    all.add('jetbeam_transform_bytes_out_total', 'counter', 'Payload bytes handed to sinks by the transform.', counts.bytesOut, of)
    all.add('jetbeam_transform_dropped_late_total', 'counter', 'Elements dropped because their window had closed.', counts.droppedLate, of)
    all.add('jetbeam_transform_busy_ratio', 'gauge', 'Threads that the functions kept busy in the last second.', busy, of)
    for (const [structure, entries] of Object.entries(state))
      all.add('jetbeam_transform_state_entries', 'gauge', 'Entries of the state, by structure.', entries, { ...of, structure })
    all.addLatency('jetbeam_transform_latency_seconds', 'Processing time of a bundle, or of one asynchronous call.', latency, of)
  }
}

const ofSinks = (all: Families, { sinks, publishLatency }: JobMetrics): void => {
  for (const [sink, figures] of Object.entries(sinks)) addFigures(all, 'sink', figures, { sink })
  for (const [sink, latency] of Object.entries(publishLatency))
    all.addLatency('jetbeam_sink_publish_latency_seconds', 'Time from a publish to its acknowledgment; a sample.', latency, { sink })
}

/** A figure of a sink with several streams is called `STREAM.figure`. */
const addFigures = (all: Families, of: 'sink' | 'split', figures: Readonly<Record<string, number>>, labels: Labels): void => {
  for (const [key, value] of Object.entries(figures)) {
    // A scraper computes its own.
    if (key.endsWith('PerSecond')) continue
    const dot = key.lastIndexOf('.')
    const { kind, help } = figureOf(of, key.slice(dot + 1))
    const name = `jetbeam_${of}_${snake(key.slice(dot + 1))}${kind === 'counter' ? '_total' : ''}`
    all.add(name, kind, help, value, dot < 0 ? labels : { ...labels, stream: key.slice(0, dot) })
  }
}

const ofUser = (all: Families, { user }: JobMetrics): void => {
  for (const { transform, name, ...metric } of user) {
    const of = { transform, name }
    switch (metric.kind) {
      case 'counter':
        all.add('jetbeam_user_counter', 'gauge', 'User counter.', metric.attempted, of)
        break
      case 'gauge':
        all.add('jetbeam_user_gauge', 'gauge', 'User gauge.', metric.attempted.value, of)
        break
      case 'distribution':
        for (const figure of ['count', 'sum', 'min', 'max'] as const)
          all.add(`jetbeam_user_distribution_${figure}`, 'gauge', 'User distribution.', metric.attempted[figure], of)
        break
      case 'stringSet':
        break
    }
  }
}
