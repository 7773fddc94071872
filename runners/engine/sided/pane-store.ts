// A side input that is made of panes: for each window the newest one.
import { type ByteReader, type ByteWriter, streamOf, valueCoder } from '../../../sdk/coders/index.ts'
import { Instant } from '../../../sdk/model/time.ts'
import { type BoundedWindow, compareWindows, GlobalWindow, windowId } from '../../../sdk/model/window.ts'
import type { Batch } from '../../harness/batch.ts'
import type { SideSpec } from '../../plan/stage.ts'
import { readWindow, writeWindow } from '../cell.ts'
import { expiryOf } from '../window-state.ts'
import type { SnapshotScope } from '../messages.ts'
import { Heap } from '../heap.ts'
import type { Content, Over, SideProgress, SideStore } from './side-store.ts'
import { nothing, type Readable, readableOf } from './view-value.ts'

const values = streamOf(valueCoder<ReadonlyArray<unknown>>())

class Pane implements Content {
  readonly window: BoundedWindow
  readonly elements: ReadonlyArray<unknown>
  /** A snapshot has one of its window, so a later one has to say where it goes. */
  persisted: boolean
  readonly #side: SideSpec
  #readable: Readable | null = null

  constructor(side: SideSpec, window: BoundedWindow, elements: ReadonlyArray<unknown>, persisted = false) {
    this.#side = side
    this.window = window
    this.elements = elements
    this.persisted = persisted
  }

  // Made when it is first asked for: many panes are replaced before anybody looks.
  readable(): Readable {
    this.#readable ??= readableOf(this.#side, this.elements, this.window)
    return this.#readable
  }
}

export class PaneStore implements SideStore {
  readonly #side: SideSpec
  readonly #progress: SideProgress
  readonly #panes = new Map<string, Pane>()
  /** Of windows for which no pane can come any more. */
  readonly #empty = new Map<string, Pane>()
  readonly #ends = new Heap<BoundedWindow>(compareWindows)
  #changed = new Map<string, BoundedWindow>()
  #inSnapshot: ReadonlyMap<string, BoundedWindow> = new Map()

  constructor(side: SideSpec, progress: SideProgress) {
    this.#side = side
    this.#progress = progress
  }

  add({ values: panes, windows }: Batch, over: Over): void {
    for (let i = 0; i < panes.length; i++) {
      // A pane has one window. A grouping's is the array of what it grouped.
      const window = windows?.[i]?.[0] ?? GlobalWindow
      if (window.end <= over.until && !over.isNeeded(window)) continue
      const elements = this.#elementsOf(panes[i])
      // As when a discarding window ends, or its source does: nothing is new, and what is there stays.
      if (elements.length === 0 && this.#panes.has(windowId(window))) continue
      this.#put(window, elements)
      this.#changed.set(windowId(window), window)
    }
  }

  #elementsOf(pane: unknown): ReadonlyArray<unknown> {
    const { view } = this.#side
    return view._tag === 'Singleton' && view.of === 'combined' ? [pane] : (pane as ReadonlyArray<unknown>)
  }

  #put(window: BoundedWindow, elements: ReadonlyArray<unknown>): void {
    const id = windowId(window)
    const before = this.#panes.get(id)
    if (before === undefined) this.#ends.push(window.end, window)
    this.#panes.set(id, new Pane(this.#side, window, elements, before?.persisted))
  }

  find(window: BoundedWindow): Content | null {
    const id = windowId(window)
    const pane = this.#panes.get(id) ?? this.#empty.get(id)
    if (pane !== undefined) return pane
    if (this.#progress.watermark() < Math.min(expiryOf(window, this.#side.strategy), Instant.max)) return null
    const empty = new Pane(this.#side, window, nothing)
    this.#empty.set(id, empty)
    this.#ends.push(window.end, window)
    return empty
  }

  collect({ until, isNeeded }: Over): void {
    const kept: BoundedWindow[] = []
    while (this.#ends.next() <= until) {
      const window = this.#ends.pop()
      if (window === undefined) break
      if (isNeeded(window)) kept.push(window)
      else this.#forget(window)
    }
    for (const window of kept) this.#ends.push(window.end, window)
  }

  #forget(window: BoundedWindow): void {
    const id = windowId(window)
    this.#empty.delete(id)
    const pane = this.#panes.get(id)
    if (pane === undefined) return
    this.#panes.delete(id)
    // What no snapshot has, none needs to say: without a store there never is one.
    if (pane.persisted) this.#changed.set(id, window)
    else this.#changed.delete(id)
  }

  clear(): void {
    this.collect({ until: Infinity, isNeeded: () => false })
  }

  size(): number {
    return this.#panes.size
  }

  entries(): number {
    return this.#panes.size + this.#empty.size + this.#ends.size + this.#changed.size
  }

  freeze(scope: SnapshotScope): (begin: () => ByteWriter) => Iterable<void> {
    const changed = this.#changed
    this.#inSnapshot = changed
    this.#changed = new Map()
    if (scope === 'none') return () => []
    const panes = scope === 'all' ? [...this.#panes.values()] : Array.from(changed, ([id, window]) => this.#panes.get(id) ?? { window })
    for (const pane of panes) if (pane instanceof Pane) pane.persisted = true
    return begin => writePanes(panes, begin)
  }

  restoreDirty(): void {
    this.#changed = new Map([...this.#inSnapshot, ...this.#changed])
    this.#inSnapshot = new Map()
  }

  read(from: ByteReader): void {
    const window = readWindow(from)
    if (from.byte() === 1) {
      this.#put(window, values.read(from))
      const pane = this.#panes.get(windowId(window))
      if (pane !== undefined) pane.persisted = true
    } else this.#panes.delete(windowId(window))
  }
}

const writePanes = function* (panes: ReadonlyArray<Pane | Pick<Pane, 'window'>>, begin: () => ByteWriter): Generator<void> {
  for (const pane of panes) {
    const out = begin()
    writeWindow(pane.window, out)
    out.byte(pane instanceof Pane ? 1 : 0)
    if (pane instanceof Pane) values.write(pane.elements, out)
    yield
  }
}
