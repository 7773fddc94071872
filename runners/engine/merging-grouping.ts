// GroupByKey and Combine over windows that merge: a key's windows grow together as elements come, and so does their state.
import { ByteReader, ByteWriter, groupingKey, type GroupingKey } from '../../sdk/coders/index.ts'
import { Instant } from '../../sdk/model/time.ts'
import { type BoundedWindow, compareWindows, sameWindow } from '../../sdk/model/window.ts'
import type { Batch } from '../harness/batch.ts'
import { UserCodeError } from '../harness/errors.ts'
import { Changes } from './changes.ts'
import type { FrozenState } from './frozen-state.ts'
import { type Cell, CellCoder, newCell, NOTHING, readWindow, writeWindow } from './cell.ts'
import { Firing } from './firing.ts'
import { expiryOf, type GroupingSpec } from './grouping.ts'
import type { TaskHead } from './head.ts'
import { Heap } from './heap.ts'
import { Holds } from './holds.ts'
import { withNamedKeys } from './key-failure.ts'
import { alone, type Merger, mergersOf, overlap } from './mergers.ts'
import type { SnapshotScope } from './messages.ts'
import { firesAtEnd, type TriggerMachine, triggerMachineOf, type TriggerState } from './trigger-machine.ts'

const put = 1
const drop = 2

export class MergingGrouping implements TaskHead {
  readonly #spec: GroupingSpec
  readonly #machine: TriggerMachine
  readonly #firing: Firing
  readonly #coder: CellCoder
  readonly #keyOf: (key: unknown) => GroupingKey
  /** Each key's windows, earliest first. */
  readonly #keys = new Map<GroupingKey, Cell[]>()
  readonly #timers = new Heap<Cell>((a, b) => compareWindows(a.window, b.window))
  readonly #clocks = new Heap<Cell>((a, b) => compareWindows(a.window, b.window))
  readonly #holds: Holds
  readonly #changes: Changes<Cell, Cell>
  #late = 0

  constructor(spec: GroupingSpec) {
    this.#spec = spec
    this.#machine = triggerMachineOf(spec.strategy.trigger)
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

  #addAll({ keys, values, timestamps, windows, lifted }: Batch, processingTime: number): void {
    if (keys === null || windows === null || lifted)
      throw new Error('merging grouping: the batch needs keys and windows, and no lifted values')
    const touched = new Set<Cell>()
    for (let i = 0; i < values.length; i++) {
      for (const window of windows[i] ?? []) {
        if (expiryOf(window, this.#spec.strategy) <= this.#spec.watermarks.input) this.#late++
        else this.#addTo(window, keys[i], values[i], timestamps[i] ?? Instant.min, processingTime, touched)
      }
    }
    for (const cell of touched) this.#ask(cell, processingTime)
    this.#firing.flush()
  }

  #addTo(proto: BoundedWindow, key: unknown, value: unknown, timestamp: number, processingTime: number, touched: Set<Cell>): void {
    const groupKey = this.#keyOf(key)
    const cells = this.#keys.get(groupKey) ?? []
    this.#keys.set(groupKey, cells)
    if (cells.some(other => this.#isClosed(other) && sameWindow(other.window, proto))) {
      this.#late++
      return
    }
    const cell = this.#merge(cells, proto, key, groupKey, processingTime, touched)
    this.#changes.mark(cell)
    const { accumulating } = this.#spec
    cell.accumulator = accumulating.add(cell.accumulator === NOTHING ? accumulating.create() : cell.accumulator, value)
    cell.pending++
    this.#holds.observe(cell, timestamp)
    cell.trigger ??= this.#machine.initial()
    this.#machine.onElements(cell.trigger, 1, this.#context(cell, processingTime))
  }

  /** The cell that `proto` has become part of, once all has merged that wants to. */
  #merge(cells: Cell[], proto: BoundedWindow, key: unknown, groupKey: GroupingKey, processingTime: number, touched: Set<Cell>): Cell {
    // As in Beam, a window that its trigger has closed grows no more: what would have joined it opens one of its own.
    const open = cells.filter(cell => !this.#isClosed(cell))
    let mine: Cell | null = null
    for (const { window, from, isMine } of this.#mergers(open, proto)) {
      const only = from.length === 1 && from[0] !== undefined && sameWindow(from[0].window, window) ? from[0] : null
      const cell = only ?? this.#replace(cells, from, newCell(key, groupKey, window), processingTime)
      // A trigger may be ready in the whole that was not in its parts.
      if (isMine || only === null) touched.add(cell)
      if (isMine) mine = cell
    }
    if (mine === null) throw new Error('merging grouping: an element belongs to a window, merged or not')
    return mine
  }

  #mergers(open: ReadonlyArray<Cell>, proto: BoundedWindow): ReadonlyArray<Merger> {
    const { windowFn } = this.#spec.strategy
    if (windowFn.kind._tag === 'Sessions') return [overlap(open, proto)]
    if (open.some(({ window }) => sameWindow(window, proto))) return [alone(open, proto)]
    try {
      return mergersOf(windowFn, open, proto)
    } catch (cause) {
      throw UserCodeError.onElement(this.#spec.path, proto, cause)
    }
  }

  #replace(cells: Cell[], from: ReadonlyArray<Cell>, merged: Cell, processingTime: number): Cell {
    this.#changes.add(merged)
    this.#changes.mark(merged)
    for (const cell of from) this.#absorb(merged, cell)
    if (from.length > 0) this.#mergeTriggers(merged, from, processingTime)
    const closed = cells.find(cell => this.#isClosed(cell) && sameWindow(cell.window, merged.window))
    if (closed !== undefined) this.#remove(closed)
    const rest = cells.filter(cell => cell !== closed && !from.includes(cell))
    const at = rest.findIndex(cell => cell.window.start > merged.window.start)
    cells.splice(0, cells.length, ...rest.slice(0, at < 0 ? rest.length : at), merged, ...(at < 0 ? [] : rest.slice(at)))
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
    // As in Beam, a window that was merged away takes its panes' count with it, unless it is the whole.
    if (sameWindow(merged.window, cell.window)) {
      merged.panes = cell.panes
      merged.nonSpeculative = cell.nonSpeculative
    }
    this.#remove(cell)
  }

  #mergeTriggers(merged: Cell, from: ReadonlyArray<Cell>, processingTime: number): void {
    const states = from.flatMap((cell): TriggerState[] => (cell.trigger === null ? [] : [cell.trigger]))
    merged.trigger = this.#machine.initial()
    this.#machine.onMerge(merged.trigger, states, this.#context(merged, processingTime))
  }

  #isClosed({ trigger }: Cell): boolean {
    return trigger !== null && this.#machine.isFinished(trigger)
  }

  #context(cell: Cell, processingTime: number): { readonly pastEnd: boolean; readonly processingTime: number } {
    return { pastEnd: this.#spec.watermarks.input >= cell.window.end, processingTime }
  }

  #remove(cell: Cell): void {
    this.#changes.settle(cell)
    cell.gone = true
    this.#changes.drop(cell)
  }

  #schedule(cell: Cell): void {
    const expiry = expiryOf(cell.window, this.#spec.strategy)
    this.#timers.push(this.#spec.watermarks.input >= cell.window.end ? expiry : cell.window.end, cell)
  }

  #ask(cell: Cell, processingTime: number): void {
    if (cell.gone || cell.trigger === null || this.#machine.isFinished(cell.trigger)) return
    const context = this.#context(cell, processingTime)
    if (this.#machine.shouldFire(cell.trigger, context)) {
      this.#changes.mark(cell)
      this.#machine.onFire(cell.trigger, context)
      const closed = this.#machine.isFinished(cell.trigger)
      this.#firing.fire(cell, closed || expiryOf(cell.window, this.#spec.strategy) <= this.#spec.watermarks.input)
      if (closed) cell.accumulator = NOTHING
    }
    // A time that has passed without a firing (it waits for something else as well) will not help by being asked for again.
    const wake = this.#machine.wakeAt(cell.trigger, processingTime)
    if (wake !== cell.wakeAt) this.#wake(cell, wake)
  }

  #wake(cell: Cell, at: number): void {
    cell.wakeAt = at
    if (at !== Infinity) this.#clocks.push(at, cell)
  }

  onWatermark(processingTime: number): void {
    const { input } = this.#spec.watermarks
    while (this.#timers.next() <= input) {
      const due = this.#timers.next()
      const cell = this.#timers.pop()
      if (cell === undefined || cell.gone) continue
      const expiry = expiryOf(cell.window, this.#spec.strategy)
      if (due < expiry) {
        this.#ask(cell, processingTime)
        this.#timers.push(expiry, cell)
      } else this.#expire(cell, processingTime)
    }
    this.#firing.flush()
  }

  #expire(cell: Cell, processingTime: number): void {
    this.#ask(cell, processingTime)
    this.#changes.settle(cell)
    if (cell.trigger === null || !this.#machine.isFinished(cell.trigger)) this.#firing.fire(cell, true)
    const cells = this.#keys.get(cell.groupingKey)?.filter(other => other !== cell) ?? []
    if (cells.length === 0) this.#keys.delete(cell.groupingKey)
    else this.#keys.set(cell.groupingKey, cells)
    this.#remove(cell)
  }

  onProcessingTime(now: number): void {
    while (this.#clocks.next() <= now) {
      const due = this.#clocks.next()
      const cell = this.#clocks.pop()
      // Its trigger may have fired for another reason since, and wait for another time or none.
      if (cell === undefined || cell.wakeAt !== due) continue
      cell.wakeAt = Infinity
      this.#ask(cell, now)
    }
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
    let size = 0
    for (const cells of this.#keys.values()) size += cells.length
    return size
  }

  snapshot(scope: SnapshotScope): FrozenState | null {
    return this.#changes.freeze(scope, () => this.#all())
  }

  /** A key's cells may become others between two of them. */
  *#all(): Generator<Cell> {
    for (const cells of this.#keys.values()) yield* cells.slice()
  }

  #write(cell: Cell, out: ByteWriter): void {
    out.byte(put)
    writeWindow(cell.window, out)
    this.#coder.write(cell, out)
  }

  #writeDropped({ window, key }: Cell, out: ByteWriter): void {
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
      const cell = kind === drop ? newCell(this.#coder.readKey(from), undefined, window) : this.#coder.read(from, window, this.#keyOf)
      const groupKey = this.#keyOf(cell.key)
      const others = (this.#keys.get(groupKey) ?? []).filter(other => !sameWindow(other.window, window))
      for (const other of this.#keys.get(groupKey) ?? []) if (!others.includes(other)) other.gone = true
      if (kind === put && this.#isMine(cell, mine)) {
        others.push(cell)
        this.#holds.restore(cell)
        this.#schedule(cell)
        const wake = cell.trigger === null ? Infinity : this.#machine.wakeAt(cell.trigger, -Infinity)
        if (wake !== Infinity) this.#wake(cell, wake)
      }
      if (others.length === 0) this.#keys.delete(groupKey)
      else
        this.#keys.set(
          groupKey,
          others.sort((a, b) => compareWindows(a.window, b.window)),
        )
    }
  }

  #isMine(cell: Cell, mine: (keyBytes: Uint8Array) => boolean): boolean {
    const key = new ByteWriter()
    this.#coder.writeKey(cell.key, key)
    return mine(key.finish())
  }
}
