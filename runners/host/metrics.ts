// What a run tells of itself while it runs.
import type { ConnectedSink } from '../../sdk/graph/sink.ts'
import { mergeMetrics } from '../../sdk/model/metric-values.ts'
import type { JobMetrics } from '../../sdk/model/run.ts'
import { Instant } from '../../sdk/model/time.ts'
import type { Task } from '../engine/task.ts'
import type { CheckpointStats } from './checkpointer.ts'
import type { ReaderState } from './readers.ts'

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

export const metricsOf = (o: {
  readonly beganMs: number
  readonly counters: Counters
  readonly rate: RateMeter
  readonly readers: ReadonlyArray<ReaderState>
  readonly tasks: ReadonlyArray<Task>
  readonly checkpoints: CheckpointStats
  readonly sinks: ReadonlyMap<string, ConnectedSink>
}): JobMetrics => {
  const sources = o.tasks.filter(task => task.splits !== null)
  const lags = o.readers.map(({ lag }) => lag)
  const watermarks = new Map<string, number>(
    sources.flatMap(
      task => task.splits?.records().map(({ split, watermark }) => [`${task.stage.id}/${split.id}`, watermark] as const) ?? [],
    ),
  )
  return {
    elapsedMs: performance.now() - o.beganMs,
    ...o.counters,
    elementsPerSecond: o.rate.read(),
    lag: lags.includes(null) ? null : lags.reduce<number>((sum, lag) => sum + (lag ?? 0), 0),
    watermark: sources
      .filter(task => task.splits?.records().length !== 0)
      .reduce<number>((lowest, task) => Math.min(lowest, task.outputWatermark()), Instant.max),
    droppedLate: o.tasks.reduce((sum, task) => sum + task.droppedLate(), 0),
    user: mergeMetrics(o.tasks.flatMap(task => task.metrics())),
    checkpoints: { ...o.checkpoints },
    splits: o.readers.map(({ id, position, lag, status }) => ({ id, position, lag, status, watermark: watermarks.get(id) ?? Instant.min })),
    sinks: Object.fromEntries([...o.sinks].map(([id, sink]) => [id, sink.metrics()])),
  }
}
