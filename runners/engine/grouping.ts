// GroupByKey and Combine over windows that do not merge: state nested by window and key, fired by watermark and trigger.
import { ByteReader, ByteWriter, groupingKey, type Coder, type GroupingKey } from '../../sdk/coders/index.ts'
import { Instant } from '../../sdk/model/time.ts'
import { type BoundedWindow, compareWindows, GlobalWindow } from '../../sdk/model/window.ts'
import type { WindowingStrategy } from '../../sdk/model/windowing-strategy.ts'
import type { Batch } from '../harness/batch.ts'
import { Changes } from './changes.ts'
import type { FrozenState } from './frozen-state.ts'
import { type Accumulating, type Cell, CellCoder, newCell, NOTHING, readWindow, writeWindow } from './cell.ts'
import { Clocks } from './clocks.ts'
import { Firing, type Watermarks } from './firing.ts'
import type { Entries, TaskHead } from './head.ts'
import { Heap } from './heap.ts'
import { Holds } from './holds.ts'
import { withNamedKeys } from './key-failure.ts'
import type { SnapshotScope } from './messages.ts'
import { cellOf, isOwedPane, owedPane, type OwedPane } from './owed-panes.ts'
import { firesAtEnd, type TriggerMachine, triggerMachineOf, type TriggerState } from './trigger-machine.ts'
import { expiryOf, type WindowState } from './window-state.ts'

export interface GroupingSpec {
  /** What errors name. */
  readonly path: string
  readonly accumulating: Accumulating
  readonly strategy: WindowingStrategy
  readonly keyCoder: Coder<unknown> | null
  readonly watermarks: Watermarks
  readonly emit: (batch: Batch) => void
  /** Whether a function behind it sees the panes that it fires: then their numbers are part of its state. */
  readonly showsPanes: boolean
}

const put = 1
const dropWindow = 2
const remove = 3

export class WindowGrouping implements TaskHead {
  readonly #spec: GroupingSpec
  readonly #machine: TriggerMachine
  readonly #firing: Firing
  readonly #coder: CellCoder
  readonly #keyOf: (key: unknown) => GroupingKey
  readonly #windows = new Map<string, WindowState>()
  // Windows are mostly shared objects: this spares a string for each batch. Emptied whenever a window goes.
  readonly #byIdentity = new Map<BoundedWindow, WindowState | null>()
  readonly #timers = new Heap<WindowState>((a, b) => compareWindows(a.window, b.window))
  readonly #clocks = new Clocks()
  readonly #holds: Holds
  readonly #changes: Changes<Cell | OwedPane, BoundedWindow>
  readonly #isGlobal: boolean
  /** A key that has fired all its elements fires no empty pane later, and nothing behind looks at the number of its panes. */
  readonly #owesNothing: boolean
  #touched: Cell[] = []
  #late = 0
  #cells = 0

  constructor(spec: GroupingSpec) {
    this.#spec = spec
    this.#machine = triggerMachineOf(spec.strategy.trigger, { merging: false })
    this.#firing = new Firing(spec.accumulating, spec.strategy, spec.watermarks, spec.emit)
    this.#coder = new CellCoder(spec.keyCoder, spec.accumulating, this.#machine)
    this.#changes = new Changes({
      path: spec.path,
      write: (entry, out) => this.#write(entry, out),
      saysGone: ({ persisted }) => persisted,
      writeDropped,
    })
    this.#keyOf = groupingKey(spec.keyCoder)
    const { windowFn, onTimeBehavior, closingBehavior } = spec.strategy
    this.#isGlobal = windowFn.kind._tag === 'Global'
    this.#owesNothing = onTimeBehavior === 'fireIfNonEmpty' && closingBehavior === 'fireIfNonEmpty' && !spec.showsPanes
    this.#holds = new Holds(spec.strategy.timestampCombiner, spec.watermarks, firesAtEnd(spec.strategy.trigger))
  }

  add(batch: Batch, processingTime: number): void {
    const { path, keyCoder } = this.#spec
    withNamedKeys(path, keyCoder, batch.keys, () => this.#addAll(batch, processingTime))
  }

  #addAll({ keys, values, timestamps, windows, lifted }: Batch, processingTime: number): void {
    if (keys === null) throw new Error('grouping: the batch has no keys')
    for (let i = 0; i < values.length; i++) {
      const key = keys[i]
      const of = windows === null ? undefined : windows[i]
      if (of === undefined) this.#addTo(GlobalWindow, key, values[i], timestamps[i] ?? Instant.min, lifted, processingTime)
      else
        for (let w = 0; w < of.length; w++)
          this.#addTo(of[w] ?? GlobalWindow, key, values[i], timestamps[i] ?? Instant.min, lifted, processingTime)
    }
    this.#askTouched(processingTime)
  }

  #addTo(window: BoundedWindow, key: unknown, value: unknown, timestamp: number, lifted: boolean, processingTime: number): void {
    const state = this.#byIdentity.get(window) ?? this.#find(window)
    if (state === null) {
      this.#late++
      return
    }
    const groupKey = this.#keyOf(key)
    let cell = state.cells.get(groupKey)
    if (cell === undefined) {
      cell = state.owed.size === 0 ? newCell(key, groupKey, state.window) : this.#ofOwed(state, key, groupKey)
      this.#changes.add(cell)
      state.cells.set(groupKey, cell)
      this.#cells++
    } else if (cell.trigger !== null && this.#machine.isFinished(cell.trigger)) {
      this.#late++
      return
    }
    this.#changes.mark(cell)
    const { accumulating } = this.#spec
    if (cell.accumulator === NOTHING) cell.accumulator = lifted ? value : accumulating.begin(value)
    else cell.accumulator = lifted ? accumulating.merge(cell.accumulator, value) : accumulating.add(cell.accumulator, value)
    cell.pending++
    this.#holds.observe(cell, timestamp)
    if (state.pastEnd || !this.#machine.firesOnlyAtEnd) {
      cell.trigger ??= this.#machine.initial()
      this.#machine.onElements(cell.trigger, 1, { pastEnd: state.pastEnd, processingTime })
      if (!cell.touched) this.#touched.push(cell)
      cell.touched = true
    }
  }

  /** null for a window whose time is over. */
  #find(window: BoundedWindow): WindowState | null {
    const id = `${window.start} ${window.end}`
    const expiry = expiryOf(window, this.#spec.strategy)
    const known = this.#windows.get(id)
    const state = known ?? (expiry <= this.#spec.watermarks.input ? null : this.#open(id, window, expiry))
    if (this.#byIdentity.size > 10_000) this.#byIdentity.clear()
    if (state !== null) this.#byIdentity.set(window, state)
    return state
  }

  #open(id: string, window: BoundedWindow, expiry: number): WindowState {
    const pastEnd = this.#spec.watermarks.input >= window.end
    const state: WindowState = { window, cells: new Map(), owed: new Map(), expiry, pastEnd, persisted: false, timer: null }
    this.#windows.set(id, state)
    state.timer = this.#timers.push(pastEnd ? expiry : window.end, state)
    return state
  }

  // After the bundle, as in Beam: however many elements a key got, its trigger is asked once.
  #askTouched(processingTime: number): void {
    const touched = this.#touched
    if (touched.length === 0) return
    this.#touched = []
    for (const cell of touched) {
      cell.touched = false
      this.#ask(cell, processingTime)
    }
    this.#firing.flush()
  }

  #ask(cell: Cell, processingTime: number): void {
    if (cell.gone || cell.trigger === null || this.#machine.isFinished(cell.trigger)) return
    const context = { pastEnd: this.#spec.watermarks.input >= cell.window.end, processingTime }
    if (this.#machine.shouldFire(cell.trigger, context)) {
      this.#changes.mark(cell)
      this.#machine.onFire(cell.trigger, context)
      const closed = this.#machine.isFinished(cell.trigger)
      this.#firing.fire(cell, closed)
      if (closed) cell.accumulator = NOTHING
    }
    this.#wakeLater(cell, cell.trigger, processingTime)
    this.#letGo(cell, cell.trigger)
  }

  /** What a firing has left as if no element had ever come needs no memory. */
  #letGo(cell: Cell, trigger: TriggerState): void {
    if (cell.pending > 0 || cell.accumulator !== NOTHING || !this.#machine.isInitial(trigger)) return
    cell.trigger = null
    this.#holds.forget(cell)
    const state = this.#isGlobal ? this.#windows.get(`${cell.window.start} ${cell.window.end}`) : undefined
    if (state === undefined) return
    state.persisted ||= cell.persisted
    state.cells.delete(cell.groupingKey)
    this.#changes.settle(cell)
    this.#forget(cell)
    if (this.#owesNothing) return
    // The snapshot has the pane that is owed in the cell's place, and needs no removal of the cell.
    cell.persisted = false
    const owed = owedPane(cell.key, cell.panes)
    this.#changes.add(owed)
    this.#changes.mark(owed)
    state.owed.set(cell.groupingKey, owed)
  }

  /** A new cell, which goes on from the pane that the key owes, if it owes one. */
  #ofOwed({ window, owed }: WindowState, key: unknown, groupKey: GroupingKey): Cell {
    const pane = owed.get(groupKey)
    if (pane === undefined) return newCell(key, groupKey, window)
    this.#changes.settle(pane)
    const cell = cellOf(pane, groupKey)
    pane.gone = true
    owed.delete(groupKey)
    return cell
  }

  /** A time that has passed without a firing (it waits for something else as well) will not help by being asked for again. */
  #wakeLater(cell: Cell, trigger: TriggerState, processingTime: number): void {
    this.#clocks.set(cell, this.#machine.wakeAt(trigger, processingTime))
  }

  onWatermark(processingTime: number): void {
    const { input } = this.#spec.watermarks
    while (this.#timers.next() <= input) {
      const state = this.#timers.pop()
      if (state === undefined) break
      if (!state.pastEnd) this.#atEnd(state, processingTime)
      if (state.expiry <= input) this.#expire(state)
      else state.timer = this.#timers.push(state.expiry, state)
    }
    this.#firing.flush()
  }

  #atEnd(state: WindowState, processingTime: number): void {
    state.pastEnd = true
    // A leap of the watermark past both leaves one pane, on time and the last.
    const isLast = state.expiry <= this.#spec.watermarks.input
    for (const cell of state.cells.values()) this.#fireAtEnd(cell, isLast, processingTime)
    // The global window expires at its end. One cell at a time, since there may be many keys.
    for (const [groupKey, { key }] of state.owed) {
      const cell = this.#ofOwed(state, key, groupKey)
      this.#fireAtEnd(cell, true, processingTime)
      this.#fireLast(state, cell)
    }
  }

  #fireAtEnd(cell: Cell, isLast: boolean, processingTime: number): void {
    cell.trigger ??= this.#machine.initial()
    const context = { pastEnd: true, processingTime }
    if (this.#machine.isFinished(cell.trigger) || !this.#machine.shouldFire(cell.trigger, context)) return
    if (isLast) this.#changes.settle(cell)
    else this.#changes.mark(cell)
    this.#machine.onFire(cell.trigger, context)
    const closed = this.#machine.isFinished(cell.trigger)
    this.#firing.fire(cell, isLast || closed)
    if (closed) cell.accumulator = NOTHING
    if (!isLast) this.#wakeLater(cell, cell.trigger, processingTime)
  }

  #fireLast(state: WindowState, cell: Cell): void {
    const closed = cell.trigger !== null && this.#machine.isFinished(cell.trigger)
    if (!closed) this.#firing.fire(cell, true)
    state.persisted ||= cell.persisted
  }

  #expire(state: WindowState): void {
    for (const cell of state.cells.values()) {
      this.#changes.settle(cell)
      this.#fireLast(state, cell)
      // It goes with its window, which needs no word of each key.
      cell.persisted = false
      this.#forget(cell)
    }
    this.#windows.delete(`${state.window.start} ${state.window.end}`)
    this.#byIdentity.clear()
    if (state.persisted) this.#changes.drop(state.window)
  }

  #forget(cell: Cell): void {
    cell.gone = true
    cell.accumulator = NOTHING
    this.#clocks.forget(cell)
    this.#holds.forget(cell)
    this.#cells--
  }

  onProcessingTime(now: number): void {
    for (let cell = this.#clocks.take(now); cell !== null; cell = this.#clocks.take(now)) this.#ask(cell, now)
    this.#firing.flush()
  }

  hold(): number {
    return this.#holds.earliest()
  }

  wakeAt(): number {
    return this.#clocks.next()
  }

  droppedLate(): number {
    return this.#late
  }

  size(): number {
    return this.#cells + this.#owed()
  }

  /** Keys of the global window, which is the only one of its kind, that owe a pane at its end. */
  #owed(): number {
    return (this.#isGlobal ? this.#windows.values().next().value?.owed.size : undefined) ?? 0
  }

  entries(): Entries {
    return {
      keys: this.#cells,
      owedPanes: this.#owed(),
      windows: this.#windows.size,
      timers: this.#timers.size + this.#clocks.size,
      holds: this.#holds.size,
      changes: this.#changes.size,
    }
  }

  snapshot(scope: SnapshotScope): FrozenState | null {
    return this.#changes.freeze(scope, () => this.#all())
  }

  *#all(): Generator<Cell | OwedPane> {
    for (const { cells, owed } of this.#windows.values()) {
      yield* cells.values()
      yield* owed.values()
    }
  }

  #write(entry: Cell | OwedPane, out: ByteWriter): void {
    const cell = isOwedPane(entry) ? cellOf(entry, null) : entry
    out.byte(cell.gone ? remove : put)
    writeWindow(cell.window, out)
    if (cell.gone) this.#coder.writeKey(cell.key, out)
    else this.#coder.write(cell, out)
  }

  restoreDirty(): void {
    this.#changes.restore()
  }

  restore(bytes: Uint8Array, mine: (keyBytes: Uint8Array) => boolean): void {
    const from = new ByteReader(bytes)
    while (from.remaining > 0) {
      const kind = from.byte()
      const window = readWindow(from)
      const id = `${window.start} ${window.end}`
      if (kind === dropWindow) {
        this.#restoreDrop(id)
        continue
      }
      if (kind === remove) {
        this.#restoreRemoval(id, this.#keyOf(this.#coder.readKey(from)))
        continue
      }
      const known = this.#windows.get(id)
      const cell = this.#coder.read(from, known?.window ?? window, this.#keyOf)
      const key = new ByteWriter()
      this.#coder.writeKey(cell.key, key)
      if (!mine(key.finish())) continue
      const state = known ?? this.#open(id, cell.window, expiryOf(window, this.#spec.strategy))
      this.#restoreRemoval(id, cell.groupingKey)
      state.persisted = true
      if (this.#isOwed(cell)) {
        state.owed.set(cell.groupingKey, { ...owedPane(cell.key, cell.panes), persisted: true })
        continue
      }
      state.cells.set(cell.groupingKey, cell)
      this.#cells++
      this.#holds.restore(cell)
      if (cell.trigger !== null) this.#wakeLater(cell, cell.trigger, -Infinity)
    }
    this.#byIdentity.clear()
  }

  #restoreRemoval(id: string, groupKey: GroupingKey): void {
    const state = this.#windows.get(id)
    state?.owed.delete(groupKey)
    const cell = state?.cells.get(groupKey)
    if (state === undefined || cell === undefined) return
    state.cells.delete(groupKey)
    this.#forget(cell)
  }

  #isOwed({ pending, accumulator, trigger, nonSpeculative }: Cell): boolean {
    return this.#isGlobal && !this.#owesNothing && pending === 0 && accumulator === NOTHING && trigger === null && nonSpeculative === 0
  }

  #restoreDrop(id: string): void {
    const state = this.#windows.get(id)
    if (state === undefined) return
    for (const cell of state.cells.values()) this.#forget(cell)
    if (state.timer !== null) this.#timers.remove(state.timer)
    this.#windows.delete(id)
  }
}

const writeDropped = (window: BoundedWindow, out: ByteWriter): void => {
  out.byte(dropWindow)
  writeWindow(window, out)
}
