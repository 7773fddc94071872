// What changes little by little, told as events: which splits are read where, and how far event time is.
import type { JobMetrics } from '../../sdk/model/job-metrics.ts'
import { Instant } from '../../sdk/model/time.ts'
import type { Tell } from './job-events.ts'

/** A watermark that stands for so long is worth a word. */
const standsMs = 30_000

export class ProgressWatch {
  readonly #tell: Tell
  #assigned: ReadonlyMap<string, number> = new Map()
  #watermark: number = Instant.min
  /** Where it stood when that was told last. */
  #stood = ''

  constructor(tell: Tell) {
    this.#tell = tell
  }

  look({ splits, watermark, held }: Pick<JobMetrics, 'splits' | 'watermark' | 'held'>, nowMs: number): void {
    for (const { id, worker } of splits) if (this.#assigned.get(id) !== worker) this.#tell({ _tag: 'SplitAssigned', split: id, worker })
    // Splits come and go: of those that are gone nothing is remembered.
    this.#assigned = new Map(splits.map(({ id, worker }) => [id, worker]))
    if (watermark > this.#watermark) {
      this.#watermark = watermark
      this.#tell({ _tag: 'WatermarkAdvanced', watermark })
    }
    if (held === null || nowMs - held.sinceMs < standsMs) return
    const place = `${held.transform} ${held.watermark}`
    if (place === this.#stood) return
    this.#stood = place
    this.#tell({ _tag: 'WatermarkStands', hold: held })
  }
}
