// What a run tells of itself while it runs.
import type { ConnectedSink } from '../../sdk/graph/sink.ts'
import { mergeMetrics, type Metric } from '../../sdk/model/metric-values.ts'
import type { JobMetrics } from '../../sdk/model/run.ts'
import { Instant } from '../../sdk/model/time.ts'
import type { Task } from '../engine/task.ts'
import type { Plan } from '../plan/stage.ts'
import type { CheckpointContent } from './checkpoint-content.ts'
import type { CheckpointStats } from './checkpointer.ts'
import type { ReaderState } from './readers.ts'
import { lowestOf } from './watermark-watch.ts'

/** Elements a second over about the last second. */
export class RateMeter {
  #since = performance.now()
  #count = 0
  #rate = 0

  add(elements: number): void {
    this.#count += elements
  }

  read(): number {
    const now = performance.now()
    const elapsed = now - this.#since
    if (elapsed >= 1_000) {
      this.#rate = (this.#count * 1_000) / elapsed
      this.#count = 0
      this.#since = now
    }
    return this.#rate === 0 && elapsed > 50 ? (this.#count * 1_000) / elapsed : this.#rate
  }
}

export interface Counters {
  elementsRead: number
  bytesRead: number
  elementsWritten: number
}

/** What one thread tells of its share: plain data. */
export interface LoopReport extends Readonly<Counters> {
  /** Of its own tasks alone. */
  readonly held: JobMetrics['held']
  readonly elementsPerSecond: number
  /** The lowest of its sources that have splits here; milliseconds. */
  readonly watermark: number
  readonly droppedLate: number
  readonly user: JobMetrics['user']
  readonly splits: JobMetrics['splits']
  readonly sinks: JobMetrics['sinks']
}

export const reportOf = (o: {
  readonly counters: Counters
  readonly rate: RateMeter
  readonly readers: ReadonlyArray<ReaderState>
  readonly tasks: ReadonlyArray<Task>
  readonly sinks: ReadonlyMap<string, ConnectedSink>
  readonly worker: number
  readonly held: JobMetrics['held']
}): LoopReport => {
  const sources = o.tasks.filter(task => task.splits !== null)
  const watermarks = new Map<string, number>(
    sources.flatMap(
      task => task.splits?.records().map(({ split, watermark }) => [`${task.stage.id}/${split.id}`, watermark] as const) ?? [],
    ),
  )
  return {
    ...o.counters,
    held: o.held,
    elementsPerSecond: o.rate.read(),
    watermark: sources
      .filter(task => task.splits?.records().length !== 0)
      .reduce<number>((lowest, task) => Math.min(lowest, task.outputWatermark()), Instant.max),
    droppedLate: o.tasks.reduce((sum, task) => sum + task.droppedLate(), 0),
    user: mergeMetrics(o.tasks.flatMap(task => task.metrics())),
    splits: [
      ...o.readers.map(({ id, position, lag, status }) => ({
        id,
        position,
        lag,
        status,
        watermark: watermarks.get(id) ?? Instant.min,
        worker: o.worker,
      })),
      ...o.tasks.flatMap(task => restrictionsOf(task, o.worker)),
    ],
    sinks: Object.fromEntries([...o.sinks].map(([id, sink]) => [id, sink.metrics()])),
  }
}

export const metricsOf = (
  { stages }: Plan,
  beganMs: number,
  reports: ReadonlyArray<LoopReport>,
  checkpoints: CheckpointStats,
): JobMetrics => {
  const sum = (figure: (report: LoopReport) => number): number => reports.reduce((total, report) => total + figure(report), 0)
  const splits = reports.flatMap(report => report.splits)
  const lags = splits.map(({ lag }) => lag)
  return {
    elapsedMs: performance.now() - beganMs,
    elementsRead: sum(report => report.elementsRead),
    bytesRead: sum(report => report.bytesRead),
    elementsWritten: sum(report => report.elementsWritten),
    elementsPerSecond: sum(report => report.elementsPerSecond),
    lag: lags.includes(null) ? null : lags.reduce<number>((total, lag) => total + (lag ?? 0), 0),
    watermark: reports.reduce<number>((lowest, report) => Math.min(lowest, report.watermark), Instant.max),
    held: lowestOf(
      reports.map(({ held }) => held),
      stages.map(({ id }) => id),
    ),
    droppedLate: sum(report => report.droppedLate),
    restarts: 0,
    user: mergeMetrics(reports.flatMap(({ user }) => user)),
    checkpoints: { ...checkpoints },
    splits,
    sinks: reports.reduce<JobMetrics['sinks']>((all, { sinks }) => added(all, sinks), {}),
  }
}

/** Each sink's counts, added up over threads. */
const added = (all: JobMetrics['sinks'], more: JobMetrics['sinks']): JobMetrics['sinks'] => {
  const sums: Record<string, Record<string, number>> = {}
  for (const [id, counts] of [...Object.entries(all), ...Object.entries(more)]) {
    const known = (sums[id] ??= {})
    for (const [name, count] of Object.entries(counts)) known[name] = (known[name] ?? 0) + count
  }
  return sums
}

/** `lag` is what the restriction's own `progress` says, in its unit. */
const restrictionsOf = ({ stage, restrictions }: Task, worker: number): JobMetrics['splits'] =>
  restrictions?.states().map(({ id, position, remaining, status, watermark }) => ({
    id: `${stage.id}/${id}`,
    position,
    lag: remaining,
    status,
    watermark,
    worker,
  })) ?? []

/** What a checkpoint holds of the pipeline's own metrics: nothing runs, so no more was attempted. */
export const metricsIn = ({ tasks }: CheckpointContent): JobMetrics['user'] =>
  mergeMetrics(
    Object.values(tasks).flatMap(({ record }) =>
      (record.metrics ?? []).map(
        ({ kind, transform, name, value }) => ({ kind, transform, name, attempted: value, committed: value }) as Metric, // of that kind
      ),
    ),
  )
