// The head of a stage with side inputs: each element waits until its window's sides are there, then goes on beside their values.
import { ByteReader, ByteWriter } from '../../../sdk/coders/index.ts'
import { Instant } from '../../../sdk/model/time.ts'
import { type BoundedWindow, GlobalWindow, windowId } from '../../../sdk/model/window.ts'
import type { WindowingStrategy } from '../../../sdk/model/windowing-strategy.ts'
import type { Batch, FillingBatch, Windows } from '../../harness/batch.ts'
import { emptyBatch } from '../../harness/batch.ts'
import type { PaneInfo } from '../../../sdk/model/pane.ts'
import { isChangelog } from '../../../sdk/graph/view.ts'
import type { SideSpec } from '../../plan/stage.ts'
import { readWindow, writeWindow } from '../cell.ts'
import type { Watermarks } from '../firing.ts'
import { FrozenSteps, type FrozenState, type Parts, wholeOf } from '../frozen-state.ts'
import { expiryOf } from '../window-state.ts'
import type { Entries, TaskHead } from '../head.ts'
import { Heap } from '../heap.ts'
import type { SnapshotScope } from '../messages.ts'
import { PaneStore } from './pane-store.ts'
import type { Content, Over, SideProgress, SideStore } from './side-store.ts'
import { TableStore } from './table-store.ts'
import { sidesOf } from './sides-object.ts'
import { Waiting } from './waiting.ts'
import { windowMappingOf, type WindowMapping } from './window-mapping.ts'

export interface SidedSpec {
  /** The stage's id. */
  readonly stage: string
  readonly sides: ReadonlyArray<SideSpec>
  /** How the main input is windowed. */
  readonly strategy: WindowingStrategy
  readonly watermarks: Watermarks
  /** Of each side. */
  readonly progress: ReadonlyArray<SideProgress>
  readonly emit: (batch: Batch) => void
}

/** All elements of one window of the main input, which share their sides. */
interface Sharing {
  readonly window: BoundedWindow
  readonly alone: Windows
  /** By side: the window to look into. */
  readonly asked: ReadonlyArray<BoundedWindow>
  /** After how many changes of the sides `contents` and `sides` were looked up. */
  seen: number
  contents: ReadonlyArray<Content>
  /** The values by name; null: not all are there. */
  sides: object | null
  waiting: Waiting | null
}

const everything = windowId(GlobalWindow)

export class SidedElements implements TaskHead {
  readonly #spec: SidedSpec
  readonly #stores: ReadonlyArray<SideStore>
  readonly #mappings: ReadonlyArray<WindowMapping>
  /** No side has more than one window: then elements need not be told apart by theirs. */
  readonly #windowless: boolean
  readonly #windowed: boolean
  readonly #sharing = new Map<string, Sharing>()
  // Windows are mostly shared objects: this spares a string for each element. Emptied whenever a window goes.
  readonly #byIdentity = new Map<BoundedWindow, Sharing | null>()
  #ends = newEnds()
  readonly #waiting = new Set<Sharing>()
  #changes = 0
  /** How many elements have had to wait. */
  #arrived = 0
  #waitingCount = 0
  #waitingChanged = false
  #waitingInSnapshot = false
  #late = 0

  constructor(spec: SidedSpec) {
    this.#spec = spec
    this.#stores = spec.sides.map((side, i) => storeOf(spec, side, i))
    this.#mappings = spec.sides.map(({ view, strategy }) => (isChangelog(view) ? () => GlobalWindow : windowMappingOf(strategy)))
    this.#windowless = spec.sides.every(({ view, strategy }) => isChangelog(view) || strategy.windowFn.kind._tag === 'Global')
    this.#windowed = spec.strategy.windowFn.kind._tag !== 'Global'
  }

  // ---- elements

  add(batch: Batch): void {
    if (this.#windowless) return this.#addAll(batch)
    const { values, timestamps, windows, panes } = batch
    const out = this.#fresh()
    for (let i = 0; i < values.length; i++) {
      const of = windows?.[i] ?? []
      for (let w = 0; w < of.length; w++) this.#addTo(of[w] ?? GlobalWindow, values[i], timestamps[i] ?? Instant.min, panes?.[i], out)
    }
    this.#emit(out)
  }

  #addAll(batch: Batch): void {
    const sharing = this.#sharing.get(everything) ?? this.#share(everything, GlobalWindow)
    const sides = this.#look(sharing)
    const { values, timestamps, windows, panes } = batch
    if (sides !== null) return this.#spec.emit({ ...batch, keys: new Array<unknown>(values.length).fill(sides) })
    for (let i = 0; i < values.length; i++) this.#wait(sharing, values[i], timestamps[i] ?? Instant.min, windows?.[i] ?? null, panes?.[i])
  }

  #addTo(window: BoundedWindow, value: unknown, timestamp: number, pane: PaneInfo | undefined, out: FillingBatch): void {
    const sharing = this.#byIdentity.get(window) ?? this.#find(window)
    if (sharing === null) {
      this.#late++
      return
    }
    const sides = this.#look(sharing)
    if (sides === null) return this.#wait(sharing, value, timestamp, sharing.alone, pane)
    out.keys?.push(sides)
    out.values.push(value)
    out.timestamps.push(timestamp)
    out.windows?.push(sharing.alone)
    if (pane !== undefined) out.panes?.push(pane)
  }

  #fresh(): FillingBatch {
    return emptyBatch({ keyed: true, windowed: this.#windowed, panes: true })
  }

  #emit(batch: Batch): void {
    if (batch.values.length > 0) this.#spec.emit(batch)
  }

  /** null for a window whose sides are forgotten: its elements are later than any lateness allows. */
  #find(window: BoundedWindow): Sharing | null {
    const id = windowId(window)
    const known = this.#sharing.get(id)
    const sharing = known ?? (this.#isTooLate(window) ? null : this.#share(id, window))
    if (this.#byIdentity.size > 10_000) this.#byIdentity.clear()
    if (sharing !== null) this.#byIdentity.set(window, sharing)
    return sharing
  }

  #isTooLate(window: BoundedWindow): boolean {
    const { until } = this.#over()
    return this.#mappings.some((sideWindowOf, i) => !this.#isWindowless(i) && sideWindowOf(window).end <= until)
  }

  #share(id: string, window: BoundedWindow): Sharing {
    const asked = this.#mappings.map(sideWindowOf => sideWindowOf(window))
    const sharing: Sharing = { window, alone: Object.freeze([window]), asked, seen: -1, contents: [], sides: null, waiting: null }
    this.#sharing.set(id, sharing)
    this.#ends.push(expiryOf(window, this.#spec.strategy), sharing)
    return sharing
  }

  #isWindowless(side: number): boolean {
    const { view, strategy } = this.#spec.sides[side] ?? {}
    return view === undefined || isChangelog(view) || strategy?.windowFn.kind._tag === 'Global'
  }

  #wait(sharing: Sharing, value: unknown, timestamp: number, windows: Windows | null, pane: PaneInfo | undefined): void {
    sharing.waiting ??= new Waiting(this.#windowed, this.#arrived)
    sharing.waiting.push(value, timestamp, windows, pane)
    this.#waiting.add(sharing)
    this.#arrived++
    this.#waitingCount++
    this.#waitingChanged = true
  }

  /** The sides' values, if all are there. Elements of one window and one state of the sides get the same object. */
  #look(sharing: Sharing): object | null {
    if (sharing.seen === this.#changes) return sharing.sides
    sharing.seen = this.#changes
    const contents: Content[] = []
    for (const [i, store] of this.#stores.entries()) {
      const content = store.find(sharing.asked[i] ?? GlobalWindow)
      if (content === null) return (sharing.sides = null)
      contents.push(content)
    }
    if (sharing.sides === null || contents.some((content, i) => content !== sharing.contents[i])) {
      sharing.contents = contents
      sharing.sides = sidesOf(this.#spec.sides, contents)
    }
    return sharing.sides
  }

  // ---- sides

  /** To be followed by `onSides`. */
  addSide(side: number, batch: Batch): void {
    const store = this.#stores[side]
    if (store === undefined) throw new Error(`${this.#spec.stage} has no side input ${side}`)
    store.add(batch, this.#over())
  }

  /** A side has changed, or come further: elements that waited for it go on. */
  onSides(): void {
    this.#changes++
    for (const sharing of this.#waiting) {
      const sides = this.#look(sharing)
      const { waiting } = sharing
      if (sides === null || waiting === null) continue
      this.#waiting.delete(sharing)
      sharing.waiting = null
      this.#waitingChanged = true
      const { batch } = waiting
      this.#waitingCount -= batch.values.length
      this.#spec.emit({ ...batch, keys: new Array<unknown>(batch.values.length).fill(sides) })
    }
    this.#collect()
  }

  onWatermark(): void {
    this.#collect()
  }

  /** What no element can ask for any more: an element that did would be too late, or waits already. */
  #over(): Over {
    const { strategy, watermarks } = this.#spec
    const isNeeded = (window: BoundedWindow): boolean => {
      for (const { asked } of this.#waiting) if (asked.some(side => side.start === window.start && side.end === window.end)) return true
      return false
    }
    // A window of the main input never ends behind that of its side.
    return { until: watermarks.input === Instant.max ? Infinity : watermarks.input - strategy.allowedLateness, isNeeded }
  }

  #collect(): void {
    const { input } = this.#spec.watermarks
    const kept: Sharing[] = []
    while (this.#ends.next() <= input) {
      const sharing = this.#ends.pop()
      if (sharing === undefined) break
      if (sharing.waiting !== null) kept.push(sharing)
      else {
        this.#sharing.delete(windowId(sharing.window))
        this.#byIdentity.clear()
      }
    }
    for (const sharing of kept) this.#ends.push(expiryOf(sharing.window, this.#spec.strategy), sharing)
    const over = this.#over()
    for (const store of this.#stores) {
      if (over.until === Infinity && this.#waiting.size === 0) store.clear()
      else store.collect(over)
    }
  }

  // ---- what the task asks

  onProcessingTime(): void {
    // Nothing here looks at the clock.
  }

  hold(): number {
    let lowest = Infinity
    for (const { waiting } of this.#waiting) if (waiting !== null && waiting.lowest < lowest) lowest = waiting.lowest
    return lowest
  }

  wakeAt(): number {
    return Infinity
  }

  droppedLate(): number {
    return this.#late
  }

  size(): number {
    return this.#waitingCount + this.#stores.reduce((sum, store) => sum + store.size(), 0)
  }

  entries(): Entries {
    return {
      windows: this.#sharing.size + this.#ends.size,
      waiting: this.#waitingCount,
      sides: this.#stores.reduce((sum, store) => sum + store.entries(), 0),
    }
  }

  /** How many elements wait for their sides. */
  get waiting(): number {
    return this.#waitingCount
  }

  /** A point in the order in which elements had to wait. */
  mark(): number {
    return this.#arrived
  }

  /** Whether all that waited at `mark` have gone on. */
  hasPassed(mark: number): boolean {
    for (const { waiting } of this.#waiting) if (waiting !== null && waiting.first < mark) return false
    return true
  }

  // ---- snapshots

  snapshot(scope: SnapshotScope): FrozenState | null {
    const sides = this.#stores.map(store => store.freeze(scope))
    const isWaitingSaid = this.#waitingChanged || (scope === 'all' && this.#waiting.size > 0)
    this.#waitingInSnapshot = this.#waitingChanged
    this.#waitingChanged = false
    if (scope === 'none') return null
    // Few: whoever feeds them pauses. They are written now, since they may go on before the rest is.
    const waiting = new ByteWriter()
    if (isWaitingSaid) writeWaiting([...this.#waiting], waiting)
    return new FrozenSteps(this.#spec.stage, parts => writeSided(waiting.finish(), sides, parts))
  }

  /** The state of several tasks as one: what any of them has of the sides, and what waits in those that `isMine` names. */
  static merged(spec: SidedSpec, chains: ReadonlyArray<ReadonlyArray<Uint8Array>>, isMine: (task: number) => boolean): Uint8Array {
    const all = chains.map(chain => {
      const one = new SidedElements(spec)
      for (const bytes of chain) one.restore(bytes)
      return one
    })
    const waiting = new ByteWriter()
    writeWaiting(
      all.flatMap((one, task) => (isMine(task) ? [...one.#waiting] : [])),
      waiting,
    )
    const sided = all.map(one => one.#stores.map(store => store.freeze('all')))
    const frozen = new FrozenSteps(spec.stage, function* (parts) {
      yield* writeSided(waiting.finish(), [], parts)
      for (const sides of sided) yield* writeSided(new Uint8Array(0), sides, parts)
    })
    return wholeOf(frozen) ?? new Uint8Array(0)
  }

  restoreDirty(): void {
    for (const store of this.#stores) store.restoreDirty()
    this.#waitingChanged ||= this.#waitingInSnapshot
    this.#waitingInSnapshot = false
  }

  /** Every task has its own copy of all sides: nothing is picked by key. */
  restore(bytes: Uint8Array): void {
    const from = new ByteReader(bytes)
    while (from.remaining > 0) {
      const record = from.varint()
      if (record === 0) this.#restoreWaiting(from)
      else this.#stores[record - 1]?.read(from)
    }
    this.#changes++
  }

  #restoreWaiting(from: ByteReader): void {
    // A window of which nothing waits any more may be over since.
    this.#sharing.clear()
    this.#ends = newEnds()
    this.#waiting.clear()
    this.#waitingCount = 0
    for (let left = from.varint(); left > 0; left--) {
      const window = readWindow(from)
      const id = windowId(window)
      const sharing = this.#sharing.get(id) ?? this.#share(id, window)
      // A window comes twice where its elements waited in several tasks.
      sharing.waiting ??= new Waiting(this.#windowed, this.#arrived)
      const count = sharing.waiting.read(from)
      this.#waiting.add(sharing)
      this.#arrived += count
      this.#waitingCount += count
    }
  }
}

const newEnds = (): Heap<Sharing> => new Heap(() => 0)

type FrozenSide = ReturnType<SideStore['freeze']>

const writeSided = function* (waiting: Uint8Array, sides: ReadonlyArray<FrozenSide>, parts: Parts): Generator<void> {
  if (waiting.length > 0) parts.out.raw(waiting)
  for (const [i, write] of sides.entries())
    yield* write(() => {
      const { out } = parts
      out.varint(i + 1)
      return out
    })
}

const writeWaiting = (all: ReadonlyArray<Sharing>, out: ByteWriter): void => {
  out.varint(0)
  out.varint(all.length)
  for (const { window, waiting } of all) {
    writeWindow(window, out)
    waiting?.write(out)
  }
}

const storeOf = ({ stage, progress }: SidedSpec, side: SideSpec, i: number): SideStore => {
  const its = progress[i]
  if (its === undefined) throw new Error(`${stage}: nothing is known of side input ${side.name}`)
  return isChangelog(side.view) ? new TableStore(stage, side, its) : new PaneStore(side, its)
}
