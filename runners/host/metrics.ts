// What a run tells of itself while it runs: the reports of its threads as one.
import { Latency } from '../../sdk/model/histogram.ts'
import type { ErrorMetrics, JobMetrics, TransformMetrics } from '../../sdk/model/job-metrics.ts'
import { mergeMetrics, type Metric } from '../../sdk/model/metric-values.ts'
import { withoutSecrets } from '../../sdk/model/redaction.ts'
import { withoutSecretsIn } from '../../sdk/model/secret-text.ts'
import { Instant } from '../../sdk/model/time.ts'
import type { Plan } from '../plan/stage.ts'
import type { CheckpointContent } from './checkpoint-content.ts'
import type { CheckpointStats } from './checkpointer.ts'
import { lowestOf } from './watermark-watch.ts'

/** What one thread tells of its share: plain data. */
export interface LoopReport extends Pick<
  JobMetrics,
  | 'elementsRead'
  | 'bytesRead'
  | 'elementsWritten'
  | 'elementsPerSecond'
  | 'droppedLate'
  | 'user'
  | 'splits'
  | 'errors'
  | 'workers'
  | 'sinks'
  | 'publishLatency'
> {
  /** Of its own tasks alone. */
  readonly held: JobMetrics['held']
  /** Checkpoint messages and snapshots that came when their attempt was over. */
  readonly stale: number
  /** The lowest of its sources that have splits here; milliseconds. */
  readonly watermark: number
  readonly transforms: ReadonlyArray<Omit<TransformMetrics, 'fused'>>
}

/** How far each split and event time are: the part of the metrics that events are made of. */
export const progressOf = (
  { stages }: Pick<Plan, 'stages'>,
  reports: ReadonlyArray<LoopReport>,
  complete = true,
): Pick<JobMetrics, 'splits' | 'watermark' | 'held'> => ({
  splits: withoutSecrets(reports.flatMap(report => report.splits)),
  watermark: reports.reduce<number>((lowest, report) => Math.min(lowest, report.watermark), complete ? Instant.max : Instant.min),
  held: withoutSecrets(
    lowestOf(
      reports.map(({ held }) => held),
      stages.map(({ id }) => id),
    ),
  ),
})

export const metricsOf = (
  { stages }: Plan,
  { beganMs, nowMs }: { readonly beganMs: number; readonly nowMs: number },
  reports: ReadonlyArray<LoopReport>,
  { lastAtMs, durations, failures, ...checkpoints }: CheckpointStats,
  /** Whether each thread has told something: before, nobody knows what waits and how far event time is. */
  complete = true,
): JobMetrics => {
  const sum = (figure: (report: LoopReport) => number): number => reports.reduce((total, report) => total + figure(report), 0)
  const progress = progressOf({ stages }, reports, complete)
  const { splits } = progress
  /** null: one of them cannot say. */
  const over = (figure: 'lag' | 'lagMs', join: (a: number, b: number) => number): number | null =>
    splits.reduce<number | null>((all, { [figure]: one }) => (all === null || one === null ? null : join(all, one)), complete ? 0 : null)
  const transforms = reports.flatMap(report => report.transforms)
  return {
    ...progress,
    elapsedMs: nowMs - beganMs,
    elementsRead: sum(report => report.elementsRead),
    bytesRead: sum(report => report.bytesRead),
    elementsWritten: sum(report => report.elementsWritten),
    elementsPerSecond: sum(report => report.elementsPerSecond),
    lag: over('lag', (a, b) => a + b),
    lagMs: over('lagMs', Math.max),
    droppedLate: sum(report => report.droppedLate),
    restarts: 0,
    lease: { inDoubt: false, doubts: 0 },
    user: withoutSecrets(mergeMetrics(reports.flatMap(({ user }) => user))),
    checkpoints: {
      ...checkpoints,
      stale: checkpoints.stale + sum(report => report.stale),
      ageMs: lastAtMs === null ? null : nowMs - lastAtMs,
      durations: durations.told(),
    },
    transforms: withoutSecrets(
      stages.map(({ id, steps, exits }) => ({
        ...transformOf(
          id,
          transforms.filter(({ transform }) => transform === id),
        ),
        fused: fusedWith(id, [...steps.map(({ path }) => path), ...exits.flatMap(exit => (exit._tag === 'Sink' ? [exit.sinkId] : []))]),
      })),
    ),
    errors: withoutSecrets(mergeErrors([...reports.flatMap(({ errors }) => errors), ...failures.told()])),
    workers: reports.flatMap(({ workers }) => workers).sort((a, b) => a.worker - b.worker),
    sinks: byShownName(reports.reduce<JobMetrics['sinks']>((all, { sinks }) => added(all, sinks), {})),
    publishLatency: byShownName(
      reports.reduce<JobMetrics['publishLatency']>((all, { publishLatency }) => mergedLatencies(all, publishLatency), {}),
    ),
  }
}

/** A sink's label may hold an address. */
const byShownName = <A>(by: Readonly<Record<string, A>>): Readonly<Record<string, A>> =>
  Object.fromEntries(Object.entries(by).map(([name, value]) => [withoutSecretsIn(name), value]))

const fusedWith = (id: string, paths: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(paths)].filter(path => path !== id)

const transformOf = (id: string, all: ReadonlyArray<LoopReport['transforms'][number]>): LoopReport['transforms'][number] => {
  const sum = (figure: Exclude<keyof LoopReport['transforms'][number], 'transform' | 'latency' | 'state'>): number =>
    all.reduce((total, one) => total + one[figure], 0)
  return {
    transform: id,
    elementsIn: sum('elementsIn'),
    elementsOut: sum('elementsOut'),
    elementsInPerSecond: sum('elementsInPerSecond'),
    elementsOutPerSecond: sum('elementsOutPerSecond'),
    bytesIn: sum('bytesIn'),
    bytesOut: sum('bytesOut'),
    bytesInPerSecond: sum('bytesInPerSecond'),
    bytesOutPerSecond: sum('bytesOutPerSecond'),
    busy: sum('busy'),
    latency: Latency.merge(all.map(({ latency }) => latency)),
    droppedLate: sum('droppedLate'),
    state: all.reduce<Readonly<Record<string, number>>>((state, one) => addedCounts(state, one.state), {}),
  }
}

/** Those of one transform and class as one, in the order in which they first came. */
export const mergeErrors = (all: ReadonlyArray<ErrorMetrics>): ReadonlyArray<ErrorMetrics> => {
  const merged = new Map<string, ErrorMetrics>()
  for (const one of all) {
    const id = JSON.stringify([one.transform, one.error])
    const known = merged.get(id)
    merged.set(id, known === undefined ? one : { ...one, count: known.count + one.count, perSecond: known.perSecond + one.perSecond })
  }
  return [...merged.values()]
}

/** Each sink's counts, added up over threads. */
const added = (all: JobMetrics['sinks'], more: JobMetrics['sinks']): JobMetrics['sinks'] => {
  const sums: Record<string, Record<string, number>> = {}
  for (const [id, counts] of [...Object.entries(all), ...Object.entries(more)]) sums[id] = addedCounts(sums[id] ?? {}, counts)
  return sums
}

const addedCounts = (all: Readonly<Record<string, number>>, more: Readonly<Record<string, number>>): Record<string, number> => {
  const sums = { ...all }
  for (const [name, count] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + count
  return sums
}

const mergedLatencies = (all: JobMetrics['publishLatency'], more: JobMetrics['publishLatency']): JobMetrics['publishLatency'] => {
  const ids = [...new Set([...Object.keys(all), ...Object.keys(more)])]
  return Object.fromEntries(ids.map(id => [id, Latency.merge([all[id] ?? Latency.none, more[id] ?? Latency.none])]))
}

/** What a checkpoint holds of the pipeline's own metrics: nothing runs, so no more was attempted. */
export const metricsIn = ({ tasks }: CheckpointContent): JobMetrics['user'] =>
  mergeMetrics(
    Object.values(tasks).flatMap(({ record }) =>
      (record.metrics ?? []).map(
        ({ kind, transform, name, value }) => ({ kind, transform, name, attempted: value, committed: value }) as Metric, // of that kind
      ),
    ),
  )
