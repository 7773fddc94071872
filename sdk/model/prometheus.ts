// A job's metrics in Prometheus' text format (version 0.0.4), for whoever serves them.
import { cumulative, type LatencyHistogram } from './histogram.ts'
import type { JobMetrics } from './job-metrics.ts'
import { Instant } from './time.ts'

type Labels = Readonly<Record<string, string>>
type Kind = 'counter' | 'gauge' | 'untyped'

/** Every so many of a histogram's own: from 1 µs on, each twice as long as the one before. */
const shownEvery = 4

/** Series by name, in the order in which the names first came; a name's series must be told together. */
class Families {
  readonly #lines = new Map<string, string[]>()
  readonly #common: Labels

  constructor(common: Labels) {
    this.#common = common
  }

  #family(name: string, kind: Kind | 'histogram', help: string): string[] {
    const lines = this.#lines.get(name) ?? [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`]
    this.#lines.set(name, lines)
    return lines
  }

  /** Nothing where the value is null, or no finite number. */
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
    const all = Object.entries({ ...this.#common, ...labels }).map(([name, value]) => `${name}="${escaped(value)}"`)
    return all.length === 0 ? '' : `{${all.join(',')}}`
  }

  text(): string {
    return [...this.#lines.values()].map(lines => `${lines.join('\n')}\n`).join('')
  }
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
const seconds = (ms: number): string => String(Number((ms / 1_000).toPrecision(9)))
const snake = (name: string): string => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`).replace(/[^a-z0-9_]/g, '_')
/** What is no time yet, or no more, is left out. */
const instantSeconds = (ms: number): number | null => (ms > Instant.min && ms < Instant.max ? ms / 1_000 : null)

/**
 * What a job tells of itself, in Prometheus' text format: an endpoint answers with it, as `text/plain; version=0.0.4`. Names begin with
 * `jetbeam_`; each series has these labels too, which must be valid label names. Rates are Prometheus' own: what is told are totals, how
 * things stand, and histograms.
 *
 * @example
 * const { metrics } = await pipe(orders, PCollection.map(order => order.total), TestPipeline.run())
 * prometheusText(metrics, { job: 'shop' }).includes('jetbeam_restarts_total{job="shop"} 0') // => true
 */
export const prometheusText = (metrics: JobMetrics, labels: Readonly<Record<string, string>> = {}): string => {
  const all = new Families(labels)
  ofJob(all, metrics)
  ofSplits(all, metrics)
  ofTransforms(all, metrics)
  ofSinks(all, metrics)
  ofUser(all, metrics)
  return all.text()
}

const ofJob = (all: Families, { checkpoints, ...job }: JobMetrics): void => {
  all.add('jetbeam_elements_read_total', 'counter', 'Read by all sources.', job.elementsRead)
  all.add('jetbeam_bytes_read_total', 'counter', 'Payload bytes of these.', job.bytesRead)
  all.add('jetbeam_elements_written_total', 'counter', 'Given to all sinks.', job.elementsWritten)
  all.add('jetbeam_dropped_late_total', 'counter', 'Came after their window had closed.', job.droppedLate)
  all.add('jetbeam_restarts_total', 'counter', 'Began again after a failure.', job.restarts)
  all.add('jetbeam_lease_in_doubt', 'gauge', '1 while the run waits for its lease to be confirmed.', Number(job.lease.inDoubt))
  all.add('jetbeam_lease_doubts_total', 'counter', 'How often the lease was in doubt.', job.lease.doubts)
  all.add('jetbeam_watermark_timestamp_seconds', 'gauge', 'The lowest of all sources.', instantSeconds(job.watermark))
  all.add('jetbeam_checkpoints_completed_total', 'counter', 'Checkpoints that are durable.', checkpoints.completed)
  all.add('jetbeam_checkpoints_failed_total', 'counter', 'Checkpoints that could not be kept.', checkpoints.failed)
  all.add(
    'jetbeam_checkpoint_stale_answers_total',
    'counter',
    'Answers and snapshots that came too late for their checkpoint, and were dropped.',
    checkpoints.stale,
  )
  all.add('jetbeam_checkpoint_bytes', 'gauge', 'Of the last checkpoint.', checkpoints.lastBytes)
  const ageSeconds = checkpoints.ageMs === null ? null : checkpoints.ageMs / 1_000
  all.add('jetbeam_checkpoint_age_seconds', 'gauge', 'Since the last checkpoint was durable.', ageSeconds)
  all.addLatency('jetbeam_checkpoint_duration_seconds', 'From the barriers to the manifest.', checkpoints.durations)
  for (const { transform, error, count } of job.errors)
    all.add('jetbeam_errors_total', 'counter', 'By transform and class.', count, { transform: transform ?? '', error })
  for (const { worker, busy, blocked } of job.workers) {
    const of = { worker: String(worker) }
    all.add('jetbeam_worker_busy_ratio', 'gauge', 'At work.', busy, of)
    all.add('jetbeam_worker_blocked_ratio', 'gauge', 'Held up by what was full.', blocked, of)
  }
}

const ofSplits = (all: Families, { splits }: JobMetrics): void => {
  for (const { id, worker, lag, lagMs, watermark, elements, bytes, reader } of splits) {
    const of = { split: id, worker: String(worker) }
    all.add('jetbeam_split_elements_total', 'counter', 'Handed on.', elements, of)
    all.add('jetbeam_split_bytes_total', 'counter', 'Payload bytes of these.', bytes, of)
    all.add('jetbeam_split_lag', 'gauge', 'Still to come.', lag, of)
    all.add('jetbeam_split_lag_seconds', 'gauge', 'How old the oldest of these is.', lagMs === null ? null : lagMs / 1_000, of)
    all.add('jetbeam_split_watermark_timestamp_seconds', 'gauge', 'Its event time.', instantSeconds(watermark), of)
    for (const [name, value] of Object.entries(reader)) all.add(`jetbeam_split_${snake(name)}`, 'untyped', 'Of its reader.', value, of)
  }
}

const ofTransforms = (all: Families, { transforms }: JobMetrics): void => {
  for (const { transform, latency, busy, state, ...counts } of transforms) {
    const of = { transform }
    all.add('jetbeam_transform_elements_in_total', 'counter', 'Came in.', counts.elementsIn, of)
    all.add('jetbeam_transform_elements_out_total', 'counter', 'Went out.', counts.elementsOut, of)
    all.add('jetbeam_transform_bytes_in_total', 'counter', 'Payload bytes that were read.', counts.bytesIn, of)
    all.add('jetbeam_transform_bytes_out_total', 'counter', 'Payload bytes for sinks.', counts.bytesOut, of)
    all.add('jetbeam_transform_dropped_late_total', 'counter', 'Came after their window had closed.', counts.droppedLate, of)
    all.add('jetbeam_transform_busy_ratio', 'gauge', 'How many threads its functions kept busy.', busy, of)
    for (const [structure, entries] of Object.entries(state))
      all.add('jetbeam_transform_state_entries', 'gauge', 'Entries of its state.', entries, { ...of, structure })
    all.addLatency('jetbeam_transform_latency_seconds', "An element's bundle, or its call.", latency, of)
  }
}

const ofSinks = (all: Families, { sinks, publishLatency }: JobMetrics): void => {
  for (const [sink, figures] of Object.entries(sinks))
    for (const [name, value] of Object.entries(figures))
      all.add(`jetbeam_sink_${snake(name)}`, 'untyped', 'Of its writer.', value, { sink })
  for (const [sink, latency] of Object.entries(publishLatency))
    all.addLatency('jetbeam_sink_publish_latency_seconds', 'Until it was acknowledged; a sample.', latency, { sink })
}

const ofUser = (all: Families, { user }: JobMetrics): void => {
  for (const { transform, name, ...metric } of user) {
    const of = { transform, name }
    switch (metric.kind) {
      case 'counter':
        all.add('jetbeam_user_counter', 'gauge', 'What functions have counted.', metric.attempted, of)
        break
      case 'gauge':
        all.add('jetbeam_user_gauge', 'gauge', 'What functions have set.', metric.attempted.value, of)
        break
      case 'distribution':
        for (const figure of ['count', 'sum', 'min', 'max'] as const)
          all.add(`jetbeam_user_distribution_${figure}`, 'gauge', 'What functions have told.', metric.attempted[figure], of)
        break
      case 'stringSet':
        break
    }
  }
}
