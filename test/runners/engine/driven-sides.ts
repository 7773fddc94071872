// The head of a stage with side inputs, driven by hand: elements, panes, changes and watermarks one by one.
import * as O from 'fp-ts/lib/Option.js'
import type { Watermarks } from '../../../runners/engine/firing.ts'
import { SidedElements } from '../../../runners/engine/sided/sided-elements.ts'
import { type Batch, emptyBatch } from '../../../runners/harness/batch.ts'
import type { SideSpec } from '../../../runners/plan/stage.ts'
import { outputIn } from '../../../sdk/graph/pcollection.ts'
import { isChangelog, type ViewSpec } from '../../../sdk/graph/view.ts'
import { type BoundedWindow, Create, GlobalWindow, Instant } from '../../../sdk/index.ts'
import { defaultStrategy, type WindowingStrategy } from '../../../sdk/model/windowing-strategy.ts'

const { node: of } = outputIn(Create.of([]))

export interface DrivenSide {
  readonly view: ViewSpec
  readonly strategy?: Partial<WindowingStrategy>
}
type SideName = string

export class DrivenSides {
  /** What went on, in order: what `show` makes of a value and its sides. */
  readonly out: string[] = []
  /** How many batches went on, and the sides objects that came with them. */
  readonly batches: Batch[] = []
  readonly watermarks: Watermarks = { input: Instant.min, output: Instant.min }
  readonly head: SidedElements
  readonly #strategy: WindowingStrategy
  readonly #specs: ReadonlyArray<SideSpec>
  readonly #progress: ReadonlyArray<{ watermark: number; caughtUp: boolean }>
  readonly #o: ConstructorParameters<typeof DrivenSides>[0]

  constructor(o: {
    readonly main?: Partial<WindowingStrategy>
    readonly sides: Readonly<Record<SideName, DrivenSide>>
    readonly show: (value: never, sides: never) => string
  }) {
    this.#o = o
    this.#strategy = { ...defaultStrategy, ...o.main }
    this.#specs = Object.entries(o.sides).map(([name, { view, strategy }]) => ({
      name,
      view,
      of,
      strategy: { ...defaultStrategy, ...strategy },
      keyCoder: null,
    }))
    this.#progress = this.#specs.map(() => ({ watermark: Instant.min, caughtUp: false }))
    const show = o.show as (value: unknown, sides: unknown) => string
    this.head = new SidedElements({
      stage: 'stage',
      sides: this.#specs,
      strategy: this.#strategy,
      watermarks: this.watermarks,
      progress: this.#progress.map(it => ({ watermark: () => it.watermark, caughtUp: () => it.caughtUp })),
      emit: batch => {
        this.batches.push(batch)
        batch.values.forEach((value, i) => this.out.push(show(value, batch.keys?.[i])))
      },
    })
  }

  #windowsOf({ windowFn }: WindowingStrategy, at: number): ReadonlyArray<BoundedWindow> {
    return (windowFn.assign as (element: unknown, at: number) => ReadonlyArray<BoundedWindow>)(undefined, at)
  }

  #isGlobal({ windowFn }: WindowingStrategy): boolean {
    return windowFn.kind._tag === 'Global'
  }

  /** One batch of [timestamp, value]. */
  add(...elements: ReadonlyArray<readonly [at: number, value: unknown]>): this {
    const batch = emptyBatch({ keyed: false, windowed: !this.#isGlobal(this.#strategy), panes: true })
    for (const [at, value] of elements) {
      batch.values.push(value)
      batch.timestamps.push(at)
      batch.windows?.push(this.#windowsOf(this.#strategy, at))
      batch.panes?.push({ timing: 'unknown', index: 0, nonSpeculativeIndex: 0, isFirst: true, isLast: true })
    }
    this.head.add(batch)
    return this.#forward()
  }

  #side(name: SideName): { readonly index: number; readonly spec: SideSpec; readonly progress: { watermark: number; caughtUp: boolean } } {
    const index = this.#specs.findIndex(spec => spec.name === name)
    const [spec, progress] = [this.#specs[index], this.#progress[index]]
    if (spec === undefined || progress === undefined) throw new Error(`there is no side ${name}`)
    return { index, spec, progress }
  }

  /** A pane of the window that holds `at`. */
  pane(name: SideName, at: number, elements: ReadonlyArray<unknown>): this {
    const { index, spec } = this.#side(name)
    const batch = emptyBatch({ keyed: false, windowed: !this.#isGlobal(spec.strategy), panes: false })
    batch.values.push(elements)
    batch.timestamps.push(at)
    const [window = GlobalWindow] = this.#windowsOf(spec.strategy, at)
    batch.windows?.push([window])
    this.head.addSide(index, batch)
    this.head.onSides()
    return this.#forward()
  }

  /** One change of a changelog; null deletes. */
  change(name: SideName, at: number, key: unknown, value: unknown): this {
    const { index, spec } = this.#side(name)
    if (!isChangelog(spec.view)) throw new Error(`${name} is no changelog`)
    const batch = emptyBatch({ keyed: false, windowed: false, panes: false })
    batch.values.push([key, value === null ? O.none : O.some(value)])
    batch.timestamps.push(at)
    this.head.addSide(index, batch)
    this.head.onSides()
    return this.#forward()
  }

  sideWatermark(name: SideName, at: number): this {
    this.#side(name).progress.watermark = at
    this.head.onSides()
    return this.#forward()
  }

  catchUp(name: SideName): this {
    this.#side(name).progress.caughtUp = true
    this.head.onSides()
    return this.#forward()
  }

  watermark(at: number): this {
    this.watermarks.input = at
    this.head.onWatermark()
    return this.#forward()
  }

  // As the task does after each event.
  #forward(): this {
    this.watermarks.output = Math.max(this.watermarks.output, Math.min(this.watermarks.input, this.head.hold()))
    return this
  }

  /** The same in another process, from these snapshots. */
  restored(...snapshots: ReadonlyArray<Uint8Array | null>): DrivenSides {
    const other = new DrivenSides(this.#o)
    Object.assign(other.watermarks, this.watermarks)
    this.#progress.forEach((it, i) => Object.assign(other.#progress[i] ?? {}, it))
    for (const bytes of snapshots) if (bytes !== null) other.head.restore(bytes)
    return other
  }
}
