// A source task's splits: how far each was read, and the watermark that follows.
import { Instant } from '../../sdk/model/time.ts'
import { RangeTracker } from '../../sdk/splittable/range-tracker.ts'
import type { Split, SplitProgress } from '../../sdk/splittable/source.ts'
import type { WatermarkPolicy } from '../../sdk/splittable/watermark-policy.ts'
import type { Entries } from './head.ts'
import type { SplitRecord } from './messages.ts'

interface State {
  readonly split: Split
  readonly tracker: RangeTracker
  progress: SplitProgress
  maxTimestamp: number
  watermark: number
  done: boolean
  /** It was once read to where nothing was pending. */
  caughtUp: boolean
}

export const unread: SplitProgress = Object.freeze({ last: null, claimed: 0, note: null })

export class SourceSplits {
  readonly #policy: WatermarkPolicy
  readonly #splits = new Map<string, State>()
  /** By the split that parts were cut off: the one that stands for those that are done. */
  readonly #doneOf = new Map<string, string>()
  /** No split that is still to be discovered has older elements. */
  #horizon: number

  /** `discovering`: others may appear; see {@link SourceSplits.discovered}. */
  constructor(splits: ReadonlyArray<Split>, policy: WatermarkPolicy, restored: ReadonlyArray<SplitRecord>, discovering = false) {
    this.#policy = policy
    this.#horizon = discovering ? Instant.min : Instant.max
    for (const split of splits) this.add(split)
    for (const record of restored) {
      const tracker = new RangeTracker(record.split.range, record.progress.last)
      this.#splits.set(record.split.id, { ...record, tracker, caughtUp: record.done })
      if (record.done) this.retire(record.split.id)
    }
  }

  /** One more to read, such as what another has given away. */
  add(split: Split, watermark: number = Instant.min): void {
    this.#splits.set(split.id, {
      split,
      tracker: new RangeTracker(split.range, null),
      progress: unread,
      maxTimestamp: Instant.min,
      watermark,
      done: false,
      caughtUp: false,
    })
  }

  /** A look found these, and says how far event time may go without what later looks will find. */
  discovered(splits: ReadonlyArray<Split>, horizon: number): void {
    for (const split of splits) this.add(split)
    // As elements of the splits that are there may be out of order, those of others may.
    if (horizon !== Instant.min)
      this.#horizon = horizon === Instant.max ? horizon : Math.max(this.#horizon, horizon - this.#policy.outOfOrdernessMs)
  }

  /** How many of these positions, from the first, the split may still hand on. */
  tryClaim(id: string, positions: ReadonlyArray<number>): number {
    return this.#get(id).tracker.tryClaimAll(positions)
  }

  /** Gives away what the split has not read, but for `fraction` of it; null where nothing is left to give. The reader must be told. */
  trySplit(id: string, fraction: number): Split | null {
    const { split, tracker, done } = this.#get(id)
    if (done || !isDivisible(split)) return null
    const range = tracker.trySplit(fraction)
    return range === null ? null : { ...split, id: `${split.id}/${range.from}`, range, origin: split.origin ?? split.id }
  }

  /** Gives away half of what is left of the split that has most left. */
  give(): { readonly id: string; readonly split: Split; readonly watermark: number } | null {
    let largest: State | null = null
    for (const state of this.#splits.values())
      if (remainingOf(state) > 1 && isDivisible(state.split) && remainingOf(state) > (largest === null ? 0 : remainingOf(largest)))
        largest = state
    const split = largest === null ? null : this.trySplit(largest.split.id, 0.5)
    return largest === null || split === null ? null : { id: largest.split.id, split, watermark: largest.watermark }
  }

  /** How many positions are left to read where there is an end, of which some may hold no element; Infinity where it is not known yet. */
  remaining(): number {
    let sum = 0
    for (const state of this.#splits.values()) sum += remainingOf(state)
    return sum
  }

  #get(id: string): State {
    const state = this.#splits.get(id)
    if (state === undefined) throw new Error(`source: there is no split ${id}`)
    return state
  }

  maxTimestamp(id: string): number {
    return this.#get(id).maxTimestamp
  }

  /** What was claimed has been handed on, up to `progress.last`. `holds`: see `ReadBatch.holdsWatermark`. */
  claimed(id: string, progress: SplitProgress, maxTimestamp: number, holds = false): void {
    const state = this.#get(id)
    state.progress = progress
    state.maxTimestamp = maxTimestamp
    if (holds) return
    // An element at the watermark itself is still on time, so the greatest timestamp may come again.
    if (maxTimestamp !== Instant.min) state.watermark = Math.max(state.watermark, maxTimestamp - this.#policy.outOfOrdernessMs)
  }

  /** The source says itself where the split's watermark is. */
  advance(id: string, to: number): void {
    const state = this.#get(id)
    state.watermark = Math.max(state.watermark, to)
  }

  split(id: string): Split {
    return this.#get(id).split
  }

  progress(id: string): SplitProgress {
    return this.#get(id).progress
  }

  /** Nothing has been pending since `since`: on request, event time then goes on with the clock. */
  idle(id: string, since: number, now: number): void {
    const { idleAfterMs, outOfOrdernessMs } = this.#policy
    const state = this.#get(id)
    state.caughtUp = true
    if (idleAfterMs === null || now - since < idleAfterMs) return
    state.watermark = Math.max(state.watermark, now - outOfOrdernessMs)
  }

  end(id: string): void {
    const state = this.#get(id)
    state.done = true
    state.caughtUp = true
    state.watermark = Instant.max
  }

  /**
   * Forgets a split that is done. Of parts that were cut off a split, one stands for all that are done: an idle worker
   * takes another part as often as it likes, and each would be in every checkpoint.
   */
  retire(id: string): void {
    const { split, done } = this.#get(id)
    const { origin } = split
    if (!done || origin === undefined) return
    const other = this.#doneOf.get(origin)
    if (other !== undefined && other !== id) this.#splits.delete(id)
    else this.#doneOf.set(origin, id)
  }

  endAll(): void {
    this.#horizon = Instant.max
    for (const id of this.#splits.keys()) this.end(id)
  }

  allDone(): boolean {
    for (const state of this.#splits.values()) if (!state.done) return false
    return this.#horizon === Instant.max
  }

  /** Whether each split was once read to where nothing was pending; where splits appear, behind the first look. */
  hasCaughtUp(): boolean {
    if (this.#horizon === Instant.min) return false
    for (const state of this.#splits.values()) if (!state.caughtUp) return false
    return true
  }

  /** The lowest of all splits, those to come included: an unread one holds it back. */
  watermark(): number {
    let lowest = this.#horizon
    for (const state of this.#splits.values()) lowest = Math.min(lowest, state.watermark)
    return lowest
  }

  entries(): Entries {
    return { splits: this.#splits.size }
  }

  records(): ReadonlyArray<SplitRecord> {
    return [...this.#splits.values()].map(({ split, tracker, progress, maxTimestamp, watermark, done }) => ({
      split: { ...split, range: tracker.range },
      progress,
      maxTimestamp,
      watermark,
      done,
    }))
  }
}

/** A count of elements cannot be divided before it is known where they lie. */
const isDivisible = (split: Split): boolean => split.divisible === true && split.count === null

/** Of what has an end: while it is not done there may be something, as far as anybody knows. */
const remainingOf = ({ split, tracker, done }: State): number => {
  const isEndless = tracker.range.to === null && split.count === null
  return done || isEndless ? 0 : Math.max(1, tracker.progress().remaining)
}
