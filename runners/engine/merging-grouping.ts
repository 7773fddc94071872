// GroupByKey and Combine over windows that merge: a key's windows grow together as elements come, and so does their state.
import { ByteReader, ByteWriter, groupingKey, type GroupingKey } from '../../sdk/coders/index.ts'
import { Instant } from '../../sdk/model/time.ts'
import { type BoundedWindow, sameWindow } from '../../sdk/model/window.ts'
import type { Batch } from '../harness/batch.ts'
import { UserCodeError } from '../harness/errors.ts'
import { Changes } from './changes.ts'
import type { FrozenState } from './frozen-state.ts'
import { type Cell, CellCoder, newCell, NOTHING, readWindow, writeWindow } from './cell.ts'
import { CellTimers } from './cell-timers.ts'
import { Clocks } from './clocks.ts'
import { Firing } from './firing.ts'
import type { GroupingSpec } from './grouping.ts'
import type { Entries, TaskHead } from './head.ts'
import { Holds } from './holds.ts'
import { withNamedKeys } from './key-failure.ts'
import { KeyWindows } from './key-windows.ts'
import { type Merger, mergedBy, overlapping } from './mergers.ts'
import type { SnapshotScope } from './messages.ts'
import { firesAtEnd, type TriggerMachine, triggerMachineOf, type TriggerState } from './trigger-machine.ts'
import { expiryOf } from './window-state.ts'

const put = 1
const drop = 2

/** What a bundle has for one key: the window of each element, and the element's row. */
interface Incoming {
  readonly protos: BoundedWindow[]
  readonly rows: number[]
}

/** What a snapshot says of a window that has gone. */
interface Dropped {
  readonly window: BoundedWindow
  readonly key: unknown
}

export class MergingGrouping implements TaskHead {
  readonly #spec: GroupingSpec
  readonly #machine: TriggerMachine
  readonly #firing: Firing
  readonly #coder: CellCoder
  readonly #keyOf: (key: unknown) => GroupingKey
  readonly #keys = new Map<GroupingKey, KeyWindows>()
  readonly #timers = new CellTimers()
  readonly #clocks = new Clocks()
  readonly #holds: Holds
  readonly #changes: Changes<Cell, Dropped>
  #stale: KeyWindows[] = []
  #cells = 0
  #late = 0

  constructor(spec: GroupingSpec) {
    this.#spec = spec
    this.#machine = triggerMachineOf(spec.strategy.trigger, { merging: true })
    this.#firing = new Firing(spec.accumulating, spec.strategy, spec.watermarks, spec.emit)
    this.#coder = new CellCoder(spec.keyCoder, spec.accumulating, this.#machine)
    this.#changes = new Changes({
      path: spec.path,
      write: (cell, out) => this.#write(cell, out),
      saysGone: () => false,
      writeDropped: (cell, out) => this.#writeDropped(cell, out),
    })
    this.#keyOf = groupingKey(spec.keyCoder)
    this.#holds = new Holds(spec.strategy.timestampCombiner, spec.watermarks, firesAtEnd(spec.strategy.trigger))
  }

  add(batch: Batch, processingTime: number): void {
    const { path, keyCoder } = this.#spec
    withNamedKeys(path, keyCoder, batch.keys, () => this.#addAll(batch, processingTime))
  }

  // As in Beam, a bundle's windows merge once a key, before any of its elements is looked at, and triggers are asked when all have come.
  #addAll(batch: Batch, processingTime: number): void {
    const touched: Cell[] = []
    for (const [key, incoming] of this.#incoming(batch)) this.#addTo(key, incoming, batch, processingTime, touched)
    for (const cell of touched) this.#ask(cell, processingTime)
    this.#compact()
    this.#firing.flush()
  }

  /** In the order in which the keys come. */
  #incoming({ keys, values, windows, lifted }: Batch): ReadonlyMap<KeyWindows, Incoming> {
    if (keys === null || windows === null || lifted)
      throw new Error('merging grouping: the batch needs keys and windows, and no lifted values')
    const incoming = new Map<KeyWindows, Incoming>()
    for (let i = 0; i < values.length; i++) {
      for (const window of windows[i] ?? []) {
        if (expiryOf(window, this.#spec.strategy) <= this.#spec.watermarks.input) this.#late++
        else {
          const key = this.#windowsOf(this.#keyOf(keys[i]))
          let its = incoming.get(key)
          if (its === undefined) incoming.set(key, (its = { protos: [], rows: [] }))
          its.protos.push(window)
          its.rows.push(i)
        }
      }
    }
    return incoming
  }

  #windowsOf(groupingKey: GroupingKey): KeyWindows {
    let key = this.#keys.get(groupingKey)
    if (key === undefined) this.#keys.set(groupingKey, (key = new KeyWindows(groupingKey)))
    return key
  }

  #addTo(of: KeyWindows, { protos, rows }: Incoming, batch: Batch, processingTime: number, touched: Cell[]): void {
    const key = batch.keys?.[rows[0] ?? 0]
    const cells = this.#merge(of, protos, key, processingTime, touched)
    for (const [i, row] of rows.entries()) {
      const cell = cells[i] ?? null
      if (cell === null) this.#late++
      else this.#addElement(cell, batch.values[row], batch.timestamps[row] ?? Instant.min, processingTime)
    }
    if (of.isEmpty) this.#keys.delete(of.groupingKey)
  }

  #addElement(cell: Cell, value: unknown, timestamp: number, processingTime: number): void {
    this.#changes.mark(cell)
    const { accumulating } = this.#spec
    cell.accumulator = cell.accumulator === NOTHING ? accumulating.begin(value) : accumulating.add(cell.accumulator, value)
    cell.pending++
    this.#holds.observe(cell, timestamp)
    cell.trigger ??= this.#machine.initial()
    this.#machine.onElements(cell.trigger, 1, this.#context(cell, processingTime))
  }

  /** By new window: the cell that it has become part of, once all has merged that is to; null for a window that a trigger has closed. */
  #merge(
    of: KeyWindows,
    protos: ReadonlyArray<BoundedWindow>,
    key: unknown,
    processingTime: number,
    touched: Cell[],
  ): ReadonlyArray<Cell | null> {
    const cells = new Array<Cell | null>(protos.length).fill(null)
    const [added, removed]: [Cell[], Cell[]] = [[], []]
    for (const merger of this.#mergers(of.open, protos)) {
      const { window, from } = merger
      const only = from.length === 1 && from[0] !== undefined && sameWindow(from[0].window, window) ? from[0] : null
      const cell = only ?? this.#replace(of, merger, key, processingTime)
      if (cell === null) continue
      if (only === null) for (const part of from) removed.push(part)
      if (only === null && this.#isClosed(cell)) {
        this.#late += cell.pending
        this.#close(cell)
        continue
      }
      // A trigger may be ready in the whole that was not in its parts.
      if (only === null || merger.protos.length > 0) touched.push(cell)
      if (only === null) added.push(cell)
      for (const proto of merger.protos) cells[proto] = cell
    }
    of.update(removed, added)
    return cells
  }

  // As in Beam, a window that its trigger has closed grows no more: what would have joined it opens one of its own.
  #mergers(open: ReadonlyArray<Cell>, protos: ReadonlyArray<BoundedWindow>): ReadonlyArray<Merger> {
    const { windowFn } = this.#spec.strategy
    if (windowFn.kind._tag === 'Sessions') return overlapping(open, protos)
    try {
      return mergedBy(windowFn, open, protos)
    } catch (cause) {
      throw UserCodeError.onElement(this.#spec.path, protos[0], cause)
    }
  }

  /** null where a trigger has closed a window with these bounds: as in Beam, only open ones that grow into it may have it begin anew. */
  #replace(of: KeyWindows, { window, from }: Merger, key: unknown, processingTime: number): Cell | null {
    const closed = of.closedAt(window)
    if (closed !== undefined) {
      if (from.length === 0) return null
      of.forgetClosed(closed)
      this.#remove(closed)
    }
    const merged = newCell(key, of.groupingKey, window)
    this.#cells++
    this.#changes.add(merged)
    this.#changes.mark(merged)
    for (const cell of from) this.#absorb(merged, cell)
    if (from.length > 0) this.#mergeTriggers(merged, closed ?? null, from, processingTime)
    this.#schedule(merged)
    return merged
  }

  #absorb(merged: Cell, cell: Cell): void {
    if (cell.accumulator !== NOTHING) {
      merged.accumulator =
        merged.accumulator === NOTHING ? cell.accumulator : this.#spec.accumulating.merge(merged.accumulator, cell.accumulator)
    }
    merged.pending += cell.pending
    this.#holds.absorb(merged, cell.timestamp)
    this.#timers.absorb(merged, cell)
    // As in Beam, a window that was merged away takes its panes' count with it, unless it is the whole.
    if (sameWindow(merged.window, cell.window)) {
      merged.panes = cell.panes
      merged.nonSpeculative = cell.nonSpeculative
    }
    this.#remove(cell)
  }

  #mergeTriggers(merged: Cell, closed: Cell | null, from: ReadonlyArray<Cell>, processingTime: number): void {
    const states = from.flatMap((cell): TriggerState[] => (cell.trigger === null ? [] : [cell.trigger]))
    // The closed one is gone, and what of it is being written has been written.
    merged.trigger = closed?.trigger ?? this.#machine.initial()
    this.#machine.onMerge(merged.trigger, states, this.#context(merged, processingTime))
  }

  #isClosed({ trigger }: Cell): boolean {
    return trigger !== null && this.#machine.isFinished(trigger)
  }

  #context(cell: Cell, processingTime: number): { readonly pastEnd: boolean; readonly processingTime: number } {
    return { pastEnd: this.#spec.watermarks.input >= cell.window.end, processingTime }
  }

  #remove(cell: Cell): void {
    const { window, key } = cell
    // Settled first: what of it is being written belongs to a snapshot, and has to be said to have gone by the next one.
    this.#changes.settle(cell)
    if (cell.persisted) this.#changes.drop({ window, key })
    this.#forget(cell)
  }

  #forget(cell: Cell): void {
    cell.gone = true
    cell.accumulator = NOTHING
    this.#timers.forget(cell)
    this.#clocks.forget(cell)
    this.#holds.forget(cell)
    this.#cells--
  }

  #schedule(cell: Cell): void {
    const expiry = expiryOf(cell.window, this.#spec.strategy)
    this.#timers.set(cell, this.#spec.watermarks.input >= cell.window.end ? expiry : cell.window.end)
  }

  #ask(cell: Cell, processingTime: number): void {
    if (cell.gone || cell.trigger === null || this.#machine.isFinished(cell.trigger)) return
    const context = this.#context(cell, processingTime)
    if (this.#machine.shouldFire(cell.trigger, context)) {
      this.#changes.mark(cell)
      this.#machine.onFire(cell.trigger, context)
      const closed = this.#machine.isFinished(cell.trigger)
      this.#firing.fire(cell, closed || expiryOf(cell.window, this.#spec.strategy) <= this.#spec.watermarks.input)
      if (closed) this.#close(cell)
    }
    // A time that has passed without a firing (it waits for something else as well) will not help by being asked for again.
    this.#clocks.set(cell, this.#machine.wakeAt(cell.trigger, processingTime))
  }

  #close(cell: Cell): void {
    cell.accumulator = NOTHING
    cell.pending = 0
    cell.timestamp = Number.NaN
    const of = this.#windowsOf(cell.groupingKey)
    of.close(cell)
    this.#isStale(of)
  }

  #isStale(of: KeyWindows): void {
    if (!of.stale) this.#stale.push(of)
    of.stale = true
  }

  /** Takes what has closed or gone since from among the open windows: all of a key at once. */
  #compact(): void {
    for (const of of this.#stale) {
      of.compact(cell => !cell.gone && !this.#isClosed(cell))
      if (of.isEmpty) this.#keys.delete(of.groupingKey)
    }
    this.#stale = []
  }

  onWatermark(processingTime: number): void {
    const { input } = this.#spec.watermarks
    for (let timer = this.#timers.take(input); timer !== null; timer = this.#timers.take(input)) {
      const { cell, due } = timer
      const expiry = expiryOf(cell.window, this.#spec.strategy)
      if (due < expiry) {
        this.#ask(cell, processingTime)
        this.#timers.set(cell, expiry)
      } else this.#expire(cell, processingTime)
    }
    this.#compact()
    this.#firing.flush()
  }

  #expire(cell: Cell, processingTime: number): void {
    this.#ask(cell, processingTime)
    const closed = this.#isClosed(cell)
    this.#changes.settle(cell)
    if (!closed) this.#firing.fire(cell, true)
    const of = this.#windowsOf(cell.groupingKey)
    if (closed) of.forgetClosed(cell)
    this.#isStale(of)
    this.#remove(cell)
  }

  onProcessingTime(now: number): void {
    for (let cell = this.#clocks.take(now); cell !== null; cell = this.#clocks.take(now)) this.#ask(cell, now)
    this.#compact()
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
    return this.#cells
  }

  entries(): Entries {
    return {
      keys: this.#keys.size,
      windows: this.#cells,
      timers: this.#timers.size + this.#clocks.size,
      holds: this.#holds.size,
      changes: this.#changes.size,
    }
  }

  snapshot(scope: SnapshotScope): FrozenState | null {
    return this.#changes.freeze(scope, () => this.#all())
  }

  *#all(): Generator<Cell> {
    for (const key of this.#keys.values()) yield* key.all()
  }

  #write(cell: Cell, out: ByteWriter): void {
    out.byte(put)
    writeWindow(cell.window, out)
    this.#coder.write(cell, out)
  }

  #writeDropped({ window, key }: Dropped, out: ByteWriter): void {
    out.byte(drop)
    writeWindow(window, out)
    this.#coder.writeKey(key, out)
  }

  restoreDirty(): void {
    this.#changes.restore()
  }

  restore(bytes: Uint8Array, mine: (keyBytes: Uint8Array) => boolean): void {
    const from = new ByteReader(bytes)
    while (from.remaining > 0) {
      const kind = from.byte()
      const window = readWindow(from)
      if (kind === drop) this.#restoreDrop(this.#keyOf(this.#coder.readKey(from)), window)
      else {
        const cell = this.#coder.read(from, window, this.#keyOf)
        this.#restoreDrop(cell.groupingKey, window)
        if (this.#isMine(cell, mine)) this.#restorePut(cell)
      }
    }
  }

  #restoreDrop(groupingKey: GroupingKey, window: BoundedWindow): void {
    const of = this.#keys.get(groupingKey)
    const cell = of?.find(window)
    if (of === undefined || cell === undefined) return
    if (this.#isClosed(cell)) of.forgetClosed(cell)
    else of.update([cell], [])
    if (of.isEmpty) this.#keys.delete(groupingKey)
    this.#forget(cell)
  }

  #restorePut(cell: Cell): void {
    const of = this.#windowsOf(cell.groupingKey)
    this.#cells++
    if (this.#isClosed(cell)) of.close(cell)
    else of.update([], [cell])
    this.#holds.restore(cell)
    this.#schedule(cell)
    if (cell.trigger !== null) this.#clocks.set(cell, this.#machine.wakeAt(cell.trigger, -Infinity))
  }

  #isMine(cell: Cell, mine: (keyBytes: Uint8Array) => boolean): boolean {
    const key = new ByteWriter()
    this.#coder.writeKey(cell.key, key)
    return mine(key.finish())
  }
}
