// A stateful head driven by hand: elements, watermarks and the clock are fed one by one, and what comes out is kept.
import { StatefulHead } from '../../../runners/engine/stateful/head.ts'
import type { Watermarks } from '../../../runners/engine/firing.ts'
import type { Batch } from '../../../runners/harness/batch.ts'
import type { Coder } from '../../../sdk/coders/index.ts'
import { type BoundedWindow, GlobalWindow, Instant, type PaneInfo } from '../../../sdk/index.ts'
import { defaultStrategy, type WindowingStrategy } from '../../../sdk/model/windowing-strategy.ts'
import type { ErasedStateful } from '../../../sdk/stateful/erased.ts'

export interface Given {
  readonly value: unknown
  readonly timestamp: number
  readonly window: BoundedWindow
  readonly pane: PaneInfo
}

interface Options {
  readonly strategy?: Partial<WindowingStrategy>
  readonly keyCoder?: Coder<unknown> | null
  readonly strict?: boolean
}

export class DrivenStateful {
  given: Given[] = []
  readonly finalizers: (() => Promise<void>)[] = []
  readonly watermarks: Watermarks = { input: Instant.min, output: Instant.min }
  readonly head: StatefulHead
  readonly #fn: ErasedStateful
  readonly #o: Options
  readonly #strategy: WindowingStrategy
  #now = 1_000

  constructor(fn: { readonly stateful: ErasedStateful }, o: Options = {}) {
    this.#fn = fn.stateful
    this.#o = o
    this.#strategy = { ...defaultStrategy, ...o.strategy }
    this.head = new StatefulHead({
      path: 'Path/ParDo#1',
      fn: fn.stateful,
      strategy: this.#strategy,
      keyCoder: o.keyCoder ?? null,
      watermarks: this.watermarks,
      emit: batch => this.#keep(batch),
      afterCommit: ({ call }) => void this.finalizers.push(call),
      guard: f => f,
      strict: o.strict ?? false,
    })
  }

  #keep({ values, timestamps, windows, panes }: Batch): void {
    values.forEach((value, i) => {
      const pane = panes?.[i]
      if (pane === undefined) throw new Error('an output without its pane')
      this.given.push({ value, timestamp: timestamps[i] ?? Number.NaN, window: windows?.[i]?.[0] ?? GlobalWindow, pane })
    })
  }

  /** One bundle of [timestamp, key, value]. */
  add(...elements: ReadonlyArray<readonly [timestamp: number, key: unknown, value?: unknown]>): this {
    const assign = this.#strategy.windowFn.assign as (element: unknown, timestamp: number) => ReadonlyArray<BoundedWindow>
    const global = this.#strategy.windowFn.kind._tag === 'Global'
    this.head.add(
      {
        keys: elements.map(([, key]) => key),
        values: elements.map(([, , value]) => value),
        timestamps: elements.map(([timestamp]) => timestamp),
        windows: global ? null : elements.map(([timestamp]) => assign(undefined, timestamp)),
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
    this.head.onWatermark(this.#now)
    return this.#forward()
  }

  /** The clock goes on, and stops wherever the head asked to be woken. */
  clock(now: number): this {
    for (let wake = this.head.wakeAt(); wake <= now; wake = this.head.wakeAt()) {
      this.#now = Math.max(wake, this.#now)
      this.head.onProcessingTime(this.#now)
      this.#forward()
    }
    this.#now = now
    return this
  }

  // As the task does after each event.
  #forward(): this {
    this.watermarks.output = Math.max(this.watermarks.output, Math.min(this.watermarks.input, this.head.hold()))
    return this
  }

  /** What came out since the last time. */
  take(): ReadonlyArray<unknown> {
    const values = this.given.map(({ value }) => value)
    this.given = []
    return values
  }

  /** As `value@timestamp`. */
  takeShown(): ReadonlyArray<string> {
    const shown = this.given.map(({ value, timestamp }) => `${typeof value === 'string' ? value : JSON.stringify(value)}@${timestamp}`)
    this.given = []
    return shown
  }

  /** The same head in another process: its state through the bytes of `snapshots`. */
  restored(snapshots: ReadonlyArray<Uint8Array | null>, mine: (keyBytes: Uint8Array) => boolean = () => true): DrivenStateful {
    const other = new DrivenStateful({ stateful: this.#fn }, this.#o)
    Object.assign(other.watermarks, this.watermarks)
    other.#now = this.#now
    for (const bytes of snapshots) if (bytes !== null) other.head.restore(bytes, mine)
    return other
  }
}
