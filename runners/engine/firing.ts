// Fires panes: decides a pane's timing and whether it is worth saying, and gathers what fires into batches.
import { GlobalWindow, maxTimestamp, type BoundedWindow } from '../../sdk/model/window.ts'
import type { PaneInfo, PaneTiming } from '../../sdk/model/pane.ts'
import type { WindowingStrategy } from '../../sdk/model/windowing-strategy.ts'
import { type Batch, emptyBatch, type FillingBatch, type Windows } from '../harness/batch.ts'
import { type Accumulating, type Cell, NOTHING } from './cell.ts'

/** Where event time stands for a task. */
export interface Watermarks {
  input: number
  output: number
}

const largestBatch = 2_048

export class Firing {
  readonly #accumulating: Accumulating
  readonly #strategy: WindowingStrategy
  readonly #watermarks: Watermarks
  readonly #emit: (batch: Batch) => void
  readonly #global: boolean
  #out: FillingBatch
  #alone: Windows = [GlobalWindow]
  readonly #panes = new Map<string, PaneInfo>()

  constructor(accumulating: Accumulating, strategy: WindowingStrategy, watermarks: Watermarks, emit: (batch: Batch) => void) {
    this.#accumulating = accumulating
    this.#strategy = strategy
    this.#watermarks = watermarks
    this.#emit = emit
    this.#global = strategy.windowFn.kind._tag === 'Global'
    this.#out = this.#fresh()
  }

  #fresh(): FillingBatch {
    return emptyBatch({ keyed: true, windowed: !this.#global, panes: true })
  }

  /** Beam's rule (ReduceFnRunner): an empty pane fires only on time or as the last one, and there as its windowing strategy asks. */
  fire(cell: Cell, isLast: boolean): void {
    if (cell.ended) return
    cell.ended = isLast
    const { window } = cell
    const timing = this.#timing(cell, window)
    const { onTimeBehavior, closingBehavior } = this.#strategy
    const firesEmpty = (timing === 'onTime' && onTimeBehavior === 'fireAlways') || (isLast && closingBehavior === 'fireAlways')
    if (cell.pending === 0 && !firesEmpty) return
    const accumulator = cell.accumulator === NOTHING ? this.#accumulating.create() : cell.accumulator
    this.#push(cell.key, this.#accumulating.extract(accumulator), this.#timestampOf(cell, window), window, this.#pane(cell, timing, isLast))
    cell.panes++
    if (timing !== 'early') cell.nonSpeculative++
    cell.pending = 0
    cell.timestamp = Number.NaN
    if (this.#strategy.accumulation === 'discarding') cell.accumulator = NOTHING
  }

  /** What a global combine gives of nothing at all. */
  fireDefault(key: unknown): void {
    const pane: PaneInfo = { timing: 'onTime', index: 0, nonSpeculativeIndex: 0, isFirst: true, isLast: true }
    this.#push(key, this.#accumulating.extract(this.#accumulating.create()), maxTimestamp(GlobalWindow), GlobalWindow, pane)
  }

  #timing(cell: Cell, { end }: BoundedWindow): PaneTiming {
    if (this.#watermarks.output >= end || cell.nonSpeculative > 0) return 'late'
    return this.#watermarks.input >= end ? 'onTime' : 'early'
  }

  #timestampOf(cell: Cell, window: BoundedWindow): number {
    return Number.isNaN(cell.timestamp) ? maxTimestamp(window) : cell.timestamp
  }

  // Panes are few and shared.
  #pane({ panes, nonSpeculative }: Cell, timing: PaneTiming, isLast: boolean): PaneInfo {
    const nonSpeculativeIndex = timing === 'early' ? -1 : nonSpeculative
    const id = `${timing} ${panes} ${nonSpeculativeIndex} ${isLast}`
    const known = this.#panes.get(id)
    if (known !== undefined) return known
    const pane: PaneInfo = Object.freeze({ timing, index: panes, nonSpeculativeIndex, isFirst: panes === 0, isLast })
    if (this.#panes.size < 1_000) this.#panes.set(id, pane)
    return pane
  }

  #push(key: unknown, value: unknown, timestamp: number, window: BoundedWindow, pane: PaneInfo): void {
    const { keys, values, timestamps, windows, panes } = this.#out
    if (this.#alone[0] !== window) this.#alone = [window]
    keys?.push(key)
    values.push(value)
    timestamps.push(timestamp)
    windows?.push(this.#alone)
    panes?.push(pane)
    if (values.length >= largestBatch) this.flush()
  }

  /** Hands on what has fired. */
  flush(): void {
    if (this.#out.values.length === 0) return
    const batch = this.#out
    this.#out = this.#fresh()
    this.#emit(batch)
  }
}
