// What one thread measures of its share of a run. Counts are added up once a batch; rates and shares of time follow from them whenever
// somebody asks.
import type { ConnectedSink, OutputBatch } from '../../sdk/graph/sink.ts'
import { mergeMetrics } from '../../sdk/model/metric-values.ts'
import { Instant } from '../../sdk/model/time.ts'
import type { Task } from '../engine/task.ts'
import type { Clock } from './clock.ts'
import type { LoopReport } from './metrics.ts'
import { Rates } from './rates.ts'
import type { ReaderState } from './readers.ts'

interface Rows {
  rows: number
  bytes: number
}

export class LoopMeter {
  readonly #clock: Clock
  readonly #rates: Rates
  readonly #written = new Map<string, Rows>()
  #elementsRead = 0
  #bytesRead = 0
  #elementsWritten = 0
  #blockedMs = 0
  #blockedSinceMs: number | null = null
  readonly #busyBeforeMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#rates = new Rates(clock.monotonicMs())
    this.#busyBeforeMs = clock.busyMs()
  }

  read(elements: number, bytes: number): void {
    this.#elementsRead += elements
    this.#bytesRead += bytes
  }

  wrote(sink: string, { payloads, bytes }: Pick<OutputBatch, 'payloads' | 'bytes'>): void {
    const written = this.#written.get(sink) ?? { rows: 0, bytes: 0 }
    this.#written.set(sink, written)
    written.rows += payloads.length
    written.bytes += bytes
    this.#elementsWritten += payloads.length
  }

  /** Whether sources are held up; gives the same. */
  blocked(isBlocked: boolean): boolean {
    if (isBlocked) this.#blockedSinceMs ??= this.#clock.monotonicMs()
    else if (this.#blockedSinceMs !== null) {
      this.#blockedMs += this.#clock.monotonicMs() - this.#blockedSinceMs
      this.#blockedSinceMs = null
    }
    return isBlocked
  }

  /** `held`: of its own tasks alone. */
  report(o: {
    readonly readers: ReadonlyArray<ReaderState>
    readonly tasks: ReadonlyArray<Task>
    readonly sinks: ReadonlyMap<string, ConnectedSink>
    readonly worker: number
    readonly held: LoopReport['held']
    readonly stale: number
  }): LoopReport {
    const nowMs = this.#clock.monotonicMs()
    const sources = o.tasks.filter(task => task.splits !== null)
    return {
      held: o.held,
      stale: o.stale,
      elementsRead: this.#elementsRead,
      bytesRead: this.#bytesRead,
      elementsWritten: this.#elementsWritten,
      elementsPerSecond: this.#rates.of('read', this.#elementsRead, nowMs),
      watermark: sources
        .filter(task => task.splits?.records().length !== 0)
        .reduce<number>((lowest, task) => Math.min(lowest, task.outputWatermark()), Instant.max),
      droppedLate: o.tasks.reduce((sum, task) => sum + task.droppedLate(), 0),
      user: mergeMetrics(o.tasks.flatMap(task => task.instance.metrics.told())),
      splits: [...this.#splits(o.readers, sources, o.worker, nowMs), ...o.tasks.flatMap(task => restrictionsOf(task, o.worker))],
      transforms: o.tasks.map(task => this.#transform(task, nowMs)),
      errors: o.tasks.flatMap(task =>
        task.instance.metrics.failures().map(failure => ({
          ...failure,
          perSecond: this.#rates.of(`${task.name} failed ${failure.transform} ${failure.error}`, failure.count, nowMs),
        })),
      ),
      workers: [{ worker: o.worker, ...this.#shares(nowMs) }],
      sinks: Object.fromEntries([...o.sinks].map(([id, sink]) => [id, { ...sink.metrics(), ...this.#writtenTo(id, nowMs) }])),
      publishLatency: Object.fromEntries([...o.sinks].flatMap(([id, { latency }]) => (latency === undefined ? [] : [[id, latency()]]))),
    }
  }

  #splits(readers: ReadonlyArray<ReaderState>, sources: ReadonlyArray<Task>, worker: number, nowMs: number): LoopReport['splits'] {
    const watermarks = new Map<string, number>(
      sources.flatMap(
        task => task.splits?.records().map(({ split, watermark }) => [`${task.stage.id}/${split.id}`, watermark] as const) ?? [],
      ),
    )
    return readers.map(({ id, position, lag, lagMs, status, elements, bytes, figures }) => ({
      id,
      position,
      lag,
      lagMs,
      status,
      watermark: watermarks.get(id) ?? (status === 'done' ? Instant.max : Instant.min),
      worker,
      elements,
      bytes,
      elementsPerSecond: this.#rates.of(`${id} elements`, elements, nowMs),
      bytesPerSecond: this.#rates.of(`${id} bytes`, bytes, nowMs),
      reader: figures,
    }))
  }

  #transform(task: Task, nowMs: number): LoopReport['transforms'][number] {
    const { elementsIn, elementsOut, bytesIn, bytesOut, busyMs, latency } = task.instance.work
    const rate = (name: string, total: number): number => this.#rates.of(`${task.name} ${name}`, total, nowMs)
    return {
      transform: task.stage.id,
      elementsIn,
      elementsOut,
      elementsInPerSecond: rate('in', elementsIn),
      elementsOutPerSecond: rate('out', elementsOut),
      bytesIn,
      bytesOut,
      bytesInPerSecond: rate('bytes in', bytesIn),
      bytesOutPerSecond: rate('bytes out', bytesOut),
      busy: rate('busy', busyMs) / 1_000,
      latency: latency.told(),
      droppedLate: task.droppedLate(),
      state: task.entries(),
    }
  }

  /** The event loop knows best how long it waited, I/O and all. */
  #shares(nowMs: number): { readonly busy: number; readonly blocked: number } {
    const busyMs = this.#clock.busyMs() - this.#busyBeforeMs
    const blockedMs = this.#blockedMs + (this.#blockedSinceMs === null ? 0 : nowMs - this.#blockedSinceMs)
    const share = (name: string, ms: number): number => Math.min(1, this.#rates.of(name, ms, nowMs) / 1_000)
    return { busy: share('busy', busyMs), blocked: share('blocked', blockedMs) }
  }

  #writtenTo(sink: string, nowMs: number): Readonly<Record<string, number>> {
    const { rows, bytes } = this.#written.get(sink) ?? { rows: 0, bytes: 0 }
    const rate = (name: string, total: number): number => this.#rates.of(`${sink} ${name}`, total, nowMs)
    return { rows, bytes, rowsPerSecond: rate('rows', rows), bytesPerSecond: rate('bytes', bytes) }
  }
}

/** `lag` is what the restriction's own `progress` says, in its unit. */
const restrictionsOf = ({ stage, restrictions }: Task, worker: number): LoopReport['splits'] =>
  restrictions?.states().map(({ id, position, remaining, status, watermark }) => ({
    id: `${stage.id}/${id}`,
    position,
    lag: remaining,
    lagMs: null,
    status,
    watermark,
    worker,
    elements: null,
    bytes: null,
    elementsPerSecond: null,
    bytesPerSecond: null,
    reader: {},
  })) ?? []
