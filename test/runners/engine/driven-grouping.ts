// A grouping driven by hand: elements, watermarks and the clock are fed one by one, and each pane that fires is kept.
import { accumulatingOf } from '../../../runners/engine/cell.ts'
import { wholeOf } from '../../../runners/engine/frozen-state.ts'
import type { Watermarks } from '../../../runners/engine/firing.ts'
import { WindowGrouping } from '../../../runners/engine/grouping.ts'
import type { TaskHead } from '../../../runners/engine/head.ts'
import { MergingGrouping } from '../../../runners/engine/merging-grouping.ts'
import type { Batch } from '../../../runners/harness/batch.ts'
import { GlobalWindow, Instant, type BoundedWindow, type PaneInfo } from '../../../sdk/index.ts'
import type { AnyCombineFn } from '../../../sdk/graph/combine-fn.ts'
import { defaultStrategy, isMerging, type WindowingStrategy } from '../../../sdk/model/windowing-strategy.ts'

export interface Fired {
  readonly key: unknown
  readonly value: unknown
  readonly timestamp: number
  readonly window: BoundedWindow
  readonly pane: PaneInfo
}

export const sum: AnyCombineFn = {
  create: () => 0,
  add: (a: number, b: number) => a + b,
  merge: (a: number, b: number) => a + b,
  extract: (a: number) => a,
}

export class DrivenGrouping {
  readonly fired: Fired[] = []
  readonly watermarks: Watermarks = { input: Instant.min, output: Instant.min }
  readonly grouping: TaskHead
  readonly #strategy: WindowingStrategy
  #now = 1

  readonly #showsPanes: boolean

  constructor(strategy: Partial<WindowingStrategy>, fn: AnyCombineFn | null = sum, showsPanes = true) {
    this.#showsPanes = showsPanes
    this.#strategy = { ...defaultStrategy, ...strategy }
    const spec = {
      path: 'grouping',
      accumulating: accumulatingOf(fn, 'grouping'),
      strategy: this.#strategy,
      keyCoder: null,
      watermarks: this.watermarks,
      emit: (batch: Batch) => this.#keep(batch),
      showsPanes,
    }
    this.grouping = isMerging(this.#strategy) ? new MergingGrouping(spec) : new WindowGrouping(spec)
  }

  #keep({ keys, values, timestamps, windows, panes }: Batch): void {
    values.forEach((value, i) => {
      const pane = panes?.[i]
      if (pane === undefined) throw new Error('a pane without its info')
      this.fired.push({ key: keys?.[i], value, timestamp: timestamps[i] ?? Number.NaN, window: windows?.[i]?.[0] ?? GlobalWindow, pane })
    })
  }

  /** One bundle of [timestamp, value] under one key. */
  add(elements: ReadonlyArray<readonly [timestamp: number, value: unknown]>, key: unknown = 'key'): this {
    return this.bundle(elements.map(([at, value]) => ({ key, at, value })))
  }

  bundle(elements: ReadonlyArray<{ readonly key: unknown; readonly at: number; readonly value: unknown }>): this {
    const assign = this.#strategy.windowFn.assign as (element: unknown, timestamp: number) => ReadonlyArray<BoundedWindow>
    const global = this.#strategy.windowFn.kind._tag === 'Global'
    this.grouping.add(
      {
        keys: elements.map(({ key }) => key),
        values: elements.map(({ value }) => value),
        timestamps: elements.map(({ at }) => at),
        windows: global ? null : elements.map(({ at, value }) => assign(value, at)),
        panes: null,
        positions: null,
        lifted: false,
      },
      this.#now,
    )
    return this.#forward()
  }

  watermark(at: number): this {
    this.watermarks.input = at
    this.grouping.onWatermark(this.#now)
    return this.#forward()
  }

  /** The clock goes on, and stops wherever the grouping asked to be woken. */
  clock(now: number): this {
    for (let wake = this.grouping.wakeAt(); wake <= now; wake = this.grouping.wakeAt()) {
      this.#now = wake
      this.grouping.onProcessingTime(wake)
      this.#forward()
    }
    this.#now = now
    return this
  }

  // As the task does after each event.
  #forward(): this {
    this.watermarks.output = Math.max(this.watermarks.output, Math.min(this.watermarks.input, this.grouping.hold()))
    return this
  }

  /** Values with the first letter of their pane's timing, by window in order of time: '5E 5O 14L | 12O'. */
  shown(): string {
    const byWindow = new Map<string, string[]>()
    const order = [...this.fired].sort((a, b) => a.window.start - b.window.start || a.window.end - b.window.end)
    for (const { value, window, pane } of order) {
      const id = `${window.start} ${window.end}`
      byWindow.set(id, [...(byWindow.get(id) ?? []), `${String(value)}${pane.timing.slice(0, 1).toUpperCase()}`])
    }
    return [...byWindow.values()].map(panes => panes.join(' ')).join(' | ')
  }

  /** The same grouping in another process: all its state through bytes, or through those of a chain of snapshots. */
  restored(fn: AnyCombineFn | null = sum, chain?: ReadonlyArray<Uint8Array>): DrivenGrouping {
    const other = new DrivenGrouping(this.#strategy, fn, this.#showsPanes)
    other.#now = this.#now
    Object.assign(other.watermarks, this.watermarks)
    const all = chain === undefined ? wholeOf(this.grouping.snapshot('all')) : null
    for (const bytes of chain ?? (all === null ? [] : [all])) other.grouping.restore(bytes, () => true)
    return other
  }
}
