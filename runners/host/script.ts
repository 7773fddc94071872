// Plays the scripts of a run's TestStreams: processing time is theirs, and the next event comes when the run has nothing left to do.
import { TestStream } from '../../sdk/testing/test-stream.ts'
import type { ConnectedSource, ReadBatch } from '../../sdk/splittable/source.ts'
import type { Task } from '../engine/task.ts'
import { handOn, type Reading } from './readers.ts'

interface Next {
  readonly reading: Reading
  readonly batch: ReadBatch<unknown>
  /** When it happens. */
  readonly atMs: number
}

export class Script {
  readonly #sources: ReadonlyMap<string, ConnectedSource<unknown>>
  readonly #readings: ReadonlyArray<Reading>
  #nowMs: number
  #turn = 0
  /** It waits for processing time to come to it: until then a checkpoint is from before it. */
  #next: Next | null = null

  /** null where a run has no script: its time is the machine's. */
  static of(
    sources: ReadonlyMap<string, ConnectedSource<unknown>>,
    tasks: ReadonlyArray<Task>,
    readings: ReadonlyArray<Reading>,
  ): Script | null {
    return [...sources.values()].some(source => source.scriptedMs !== undefined) ? new Script(sources, tasks, readings) : null
  }

  private constructor(
    sources: ReadonlyMap<string, ConnectedSource<unknown>>,
    tasks: ReadonlyArray<Task>,
    readings: ReadonlyArray<Reading>,
  ) {
    this.#sources = sources
    this.#readings = readings
    this.#nowMs =
      TestStream.startsAt +
      tasks.reduce(
        (sum, task) => sum + (task.splits?.records() ?? []).reduce((ms, { progress }) => ms + this.#elapsedMs(task, progress.note), 0),
        0,
      )
  }

  #elapsedMs(task: Task, note: unknown): number {
    return this.#sources.get(task.stage.id)?.scriptedMs?.(note) ?? 0
  }

  /** Processing time, in milliseconds since 1970. */
  now(): number {
    return this.#nowMs
  }

  advanceTo(ms: number): void {
    this.#nowMs = Math.max(this.#nowMs, ms)
  }

  /** When the next event happens; null at the end of all scripts. To be called when the run is at rest. */
  nextMs(maxElements: () => number): number | null {
    this.#next ??= this.#poll(maxElements)
    return this.#next === null ? null : this.#next.atMs
  }

  /** The event that `nextMs` announced happens. */
  play(): ReadBatch<unknown> {
    const next = this.#next
    if (next === null) throw new Error('script: there is no event to play')
    this.#nowMs = next.atMs
    this.#next = null
    handOn(next.reading, next.batch, this.#nowMs)
    // An event that comes in several batches is not interrupted.
    if (next.reading.reader.status()._tag !== 'reading') this.#turn++
    return next.batch
  }

  #poll(maxElements: () => number): Next | null {
    for (let tried = 0; tried < this.#readings.length; tried++) {
      const reading = this.#readings[this.#turn % this.#readings.length]
      const batch = reading === undefined || reading.ended ? null : reading.reader.poll(maxElements())
      if (reading !== undefined && batch !== null) {
        const movedMs = this.#elapsedMs(reading.task, batch.note) - this.#elapsedMs(reading.task, reading.splits.progress(reading.id).note)
        return { reading, batch, atMs: this.#nowMs + movedMs }
      }
      this.#turn++
    }
    return null
  }
}
