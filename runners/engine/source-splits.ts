// A source task's splits: how far each was read, and the watermark that follows.
import { Instant } from '../../sdk/model/time.ts'
import type { Split, SplitProgress, WatermarkPolicy } from '../../sdk/splittable/source.ts'
import type { SplitRecord } from './messages.ts'

interface State {
  readonly split: Split
  progress: SplitProgress
  maxTimestamp: number
  watermark: number
  done: boolean
}

export const unread: SplitProgress = Object.freeze({ last: null, claimed: 0, note: null })

export class SourceSplits {
  readonly #policy: WatermarkPolicy
  readonly #splits = new Map<string, State>()

  constructor(splits: ReadonlyArray<Split>, policy: WatermarkPolicy, restored: ReadonlyArray<SplitRecord>) {
    this.#policy = policy
    const records = new Map(restored.map(record => [record.id, record]))
    for (const split of splits) {
      const record = records.get(split.id)
      this.#splits.set(split.id, {
        split,
        progress: record?.progress ?? unread,
        maxTimestamp: record?.maxTimestamp ?? Instant.min,
        watermark: record?.watermark ?? Instant.min,
        done: record?.done ?? false,
      })
    }
  }

  #get(id: string): State {
    const state = this.#splits.get(id)
    if (state === undefined) throw new Error(`source: there is no split ${id}`)
    return state
  }

  maxTimestamp(id: string): number {
    return this.#get(id).maxTimestamp
  }

  /** A batch was handed on up to `progress.last`. */
  claimed(id: string, progress: SplitProgress, maxTimestamp: number): void {
    const state = this.#get(id)
    if (state.progress.last !== null && progress.last !== null && progress.last <= state.progress.last) {
      throw new Error(`source: split ${id} was read back to ${progress.last} from ${state.progress.last}`)
    }
    state.progress = progress
    state.maxTimestamp = maxTimestamp
    // An element at the watermark itself is still on time, so the greatest timestamp may come again.
    if (maxTimestamp !== Instant.min) state.watermark = Math.max(state.watermark, maxTimestamp - this.#policy.outOfOrdernessMs)
  }

  progress(id: string): SplitProgress {
    return this.#get(id).progress
  }

  /** Nothing has been pending since `since`: on request, event time then goes on with the clock. */
  idle(id: string, since: number, now: number): void {
    const { idleAfterMs, outOfOrdernessMs } = this.#policy
    if (idleAfterMs === null || now - since < idleAfterMs) return
    const state = this.#get(id)
    state.watermark = Math.max(state.watermark, now - outOfOrdernessMs)
  }

  end(id: string): void {
    const state = this.#get(id)
    state.done = true
    state.watermark = Instant.max
  }

  endAll(): void {
    for (const id of this.#splits.keys()) this.end(id)
  }

  allDone(): boolean {
    for (const state of this.#splits.values()) if (!state.done) return false
    return true
  }

  /** The lowest of all splits: an unread one holds it back. */
  watermark(): number {
    let lowest: number = Instant.max
    for (const state of this.#splits.values()) lowest = Math.min(lowest, state.watermark)
    return lowest
  }

  records(): ReadonlyArray<SplitRecord> {
    return [...this.#splits.values()].map(({ split, progress, maxTimestamp, watermark, done }) => ({ id: split.id, progress, maxTimestamp, watermark, done }))
  }
}
