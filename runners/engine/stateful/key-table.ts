// All keys of a stateful DoFn, nested by window, and what of them the next snapshot must say.
import { ByteReader, type ByteWriter, type GroupingKey, groupingKey, type Coder } from '../../../sdk/coders/index.ts'
import { type BoundedWindow, compareWindows, maxTimestamp } from '../../../sdk/model/window.ts'
import type { WindowingStrategy } from '../../../sdk/model/windowing-strategy.ts'
import type { StateChange } from '../../../sdk/stateful/effects.ts'
import type { ErasedStateful } from '../../../sdk/stateful/erased.ts'
import { type Slot, type SlotFactory, slotFactory } from '../../../sdk/stateful/slots.ts'
import { readWindow, writeWindow } from '../cell.ts'
import { Changes } from '../changes.ts'
import type { Watermarks } from '../firing.ts'
import type { FrozenState } from '../frozen-state.ts'
import { expiryOf } from '../window-state.ts'
import type { Entries } from '../head.ts'
import { Heap } from '../heap.ts'
import type { SnapshotScope } from '../messages.ts'
import { type Keys, type KeyState, newKeyState, type WindowState } from './key-state.ts'
import { KeyRecords } from './records.ts'
import type { Timers } from './timers.ts'

const put = 1
const dropWindow = 2
const remove = 3

const byWindow = (a: WindowState, b: WindowState): number => compareWindows(a.window, b.window)

export interface TableSpec {
  readonly path: string
  readonly fn: ErasedStateful
  readonly strategy: WindowingStrategy
  readonly keyCoder: Coder<unknown> | null
  readonly watermarks: Watermarks
}

export class KeyTable {
  readonly #spec: TableSpec
  readonly #keys: Keys
  readonly #timers: Timers
  readonly #records: KeyRecords
  readonly #factories: ReadonlyArray<SlotFactory>
  readonly #keyOf: (key: unknown) => GroupingKey
  readonly #windows = new Map<string, WindowState>()
  // Windows are mostly shared objects: this spares a string for each element. Emptied whenever a window goes.
  readonly #byIdentity = new Map<BoundedWindow, WindowState>()
  readonly #expiries = new Heap<WindowState>(byWindow)
  /** Windows whose expiration may give outputs. */
  readonly #holding = new Heap<WindowState>(byWindow)
  readonly #changes: Changes<KeyState, BoundedWindow>
  #size = 0
  /** What the last snapshot says of each key: everything, or what changed. */
  #whole = false

  constructor(spec: TableSpec, keys: Keys, timers: Timers) {
    this.#spec = spec
    this.#keys = keys
    this.#timers = timers
    this.#records = new KeyRecords(spec.fn)
    this.#changes = new Changes({
      path: spec.path,
      write: (state, out) => this.#write(state, out),
      saysGone: state => state.persisted,
      writeDropped,
    })
    this.#factories = Object.values(spec.fn.state).map(slotFactory)
    this.#keyOf = groupingKey(spec.keyCoder)
  }

  get size(): number {
    return this.#size
  }

  entries(): Entries {
    return {
      keys: this.#size,
      windows: this.#windows.size + this.#expiries.size,
      windowHolds: this.#holding.size,
      changes: this.#changes.size,
    }
  }

  newSlots(): ReadonlyArray<Slot> {
    return this.#factories.map(make => make())
  }

  // ---- windows

  /** null for a window whose time is over. */
  find(window: BoundedWindow): WindowState | null {
    const seen = this.#byIdentity.get(window)
    if (seen !== undefined) return seen
    const id = idOf(window)
    const expiry = expiryOf(window, this.#spec.strategy)
    const state = this.#windows.get(id) ?? (expiry <= this.#spec.watermarks.input ? null : this.#open(id, window, expiry))
    if (this.#byIdentity.size > 10_000) this.#byIdentity.clear()
    if (state !== null) this.#byIdentity.set(window, state)
    return state
  }

  #open(id: string, window: BoundedWindow, expiry: number): WindowState {
    const state: WindowState = { window, alone: [window], keys: new Map(), expiry, holding: false, persisted: false }
    this.#windows.set(id, state)
    this.#expiries.push(expiry, state)
    return state
  }

  nextExpiry(): number {
    return this.#expiries.next()
  }

  takeExpired(): WindowState | undefined {
    return this.#expiries.pop()
  }

  /** A window's keys in the order of their bytes. */
  keysOf({ keys }: WindowState): ReadonlyArray<KeyState> {
    return [...keys.values()].sort(this.#keys.compare)
  }

  /** Everything of a window goes, timers too. */
  drop(of: WindowState): void {
    for (const state of of.keys.values()) {
      this.#forget(state)
      // It goes with its window, which needs no word of each key.
      state.persisted = false
    }
    of.keys.clear()
    this.#windows.delete(idOf(of.window))
    this.#byIdentity.clear()
    if (of.persisted) this.#changes.drop(of.window)
  }

  /** The earliest timestamp that an expiration may give; Infinity for none. */
  hold(): number {
    for (;;) {
      const first = this.#holding.peek()
      if (first === undefined) return Infinity
      if (first.keys.size > 0 && this.#holding.next() >= this.#spec.watermarks.output) return this.#holding.next()
      first.holding = false
      this.#holding.pop()
    }
  }

  // ---- keys

  /** The key's state in this window; it is made where there is none. */
  keyIn(of: WindowState, key: unknown): KeyState {
    const at = this.#keyOf(key)
    return of.keys.get(at) ?? this.#begin(of, key, at, this.newSlots())
  }

  #begin(of: WindowState, key: unknown, at: GroupingKey, slots: ReadonlyArray<Slot>): KeyState {
    const state = newKeyState(key, at, of, slots)
    this.#changes.add(state)
    of.keys.set(at, state)
    this.#size++
    if (this.#spec.fn.onWindowExpiration !== null && !of.holding) {
      of.holding = true
      this.#holding.push(maxTimestamp(of.window), of)
    }
    return state
  }

  /** Throws where the state's coder refuses what was put into it; see {@link KeyRecords.check}. */
  check({ slots }: KeyState, at: number, change: StateChange): void {
    this.#records.check(slots, at, change)
  }

  /** To be called before it changes. */
  mark(state: KeyState): void {
    this.#changes.mark(state)
  }

  isMarked(state: KeyState): boolean {
    return this.#changes.isMarked(state)
  }

  /** The key has neither state nor timers left. */
  remove(state: KeyState): void {
    this.mark(state)
    state.of.keys.delete(state.groupingKey)
    this.#forget(state)
  }

  #forget(state: KeyState): void {
    this.#changes.settle(state)
    state.gone = true
    this.#timers.forget(state)
    this.#size--
  }

  // ---- snapshots

  snapshot(scope: SnapshotScope): FrozenState | null {
    this.#whole = scope === 'all'
    return this.#changes.freeze(scope, () => this.#all())
  }

  *#all(): Generator<KeyState> {
    for (const { keys } of this.#windows.values()) yield* keys.values()
  }

  #write(state: KeyState, out: ByteWriter): void {
    out.byte(state.gone ? remove : put)
    writeWindow(state.of.window, out)
    this.#keys.write(state.key, out)
    if (state.gone) return
    this.#records.write(state, this.#whole || state.whole, out)
    state.whole = false
    state.persisted = true
    state.of.persisted = true
  }

  /** What the last snapshot took goes into the next one: its keys whole, since what it has of them counts for nothing. */
  restoreDirty(): void {
    for (const state of this.#changes.restore()) state.whole = true
  }

  restore(bytes: Uint8Array, mine: (keyBytes: Uint8Array) => boolean): void {
    const from = new ByteReader(bytes)
    while (from.remaining > 0) {
      const kind = from.byte()
      const window = readWindow(from)
      const known = this.#windows.get(idOf(window))
      if (kind === dropWindow) {
        // Its expiry is still to come up: it must find nothing there.
        if (known !== undefined) this.drop(known)
      } else this.#restoreKey(kind, known, window, from, mine)
    }
    this.#changes.clear()
  }

  #restoreKey(
    kind: number,
    known: WindowState | undefined,
    window: BoundedWindow,
    from: ByteReader,
    mine: (keyBytes: Uint8Array) => boolean,
  ): void {
    const key = this.#keys.read(from)
    const at = this.#keyOf(key)
    const before = known?.keys.get(at)
    if (kind === remove) {
      if (before !== undefined) this.remove(before)
      return
    }
    let slots = before?.slots ?? this.newSlots()
    const timers = this.#records.read(from, whole => (slots = whole ? this.newSlots() : slots))
    if (!mine(this.#keys.bytesOf(key))) return
    const of = known ?? this.#open(idOf(window), window, expiryOf(window, this.#spec.strategy))
    if (before !== undefined && before.slots !== slots) this.remove(before)
    const state = before === undefined || before.gone ? this.#begin(of, key, at, slots) : before
    this.#timers.restore(state, timers)
    state.whole = false
    state.persisted = true
    of.persisted = true
  }
}

const idOf = ({ start, end }: BoundedWindow): string => `${start} ${end}`

const writeDropped = (window: BoundedWindow, out: ByteWriter): void => {
  out.byte(dropWindow)
  writeWindow(window, out)
}
