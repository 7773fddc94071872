// All restrictions of a task: the lowest watermark among them, and what of them has changed since the last snapshot.
import * as O from 'fp-ts/lib/Option.js'
import { ByteReader, ByteWriter } from '../../../sdk/coders/index.ts'
import type { ErasedSplittable } from '../../../sdk/splittable/erased.ts'
import { frozenBytes, type FrozenState } from '../frozen-state.ts'
import type { SnapshotScope } from '../messages.ts'
import { type Entry, EntryCoder, leftOf, newEntry, type Origin } from './entry.ts'

export class RestrictionSet {
  readonly #coder: EntryCoder
  readonly #entries = new Map<number, Entry>()
  #nextId = 0
  #lowest = Infinity
  #dirty = new Set<Entry>()
  /** Saved, and done since. */
  #gone = new Set<number>()
  #inSnapshot: { readonly dirty: ReadonlySet<Entry>; readonly gone: ReadonlySet<number> } = { dirty: new Set(), gone: new Set() }

  constructor(fn: ErasedSplittable) {
    this.#coder = new EntryCoder(fn)
  }

  get size(): number {
    return this.#entries.size
  }

  /** How many the next snapshot has to look at. */
  get changes(): number {
    return this.#dirty.size + this.#gone.size
  }

  get(id: number): Entry | undefined {
    return this.#entries.get(id)
  }

  values(): IterableIterator<Entry> {
    return this.#entries.values()
  }

  /** Of all of them; Infinity for none. */
  lowestWatermark(): number {
    return this.#entries.size === 0 ? Infinity : this.#lowest
  }

  make(origin: Origin, watermark: number): Entry {
    const entry = newEntry(this.#nextId++, origin, watermark)
    this.#add(entry)
    this.#dirty.add(entry)
    return entry
  }

  #add(entry: Entry): void {
    this.#lowest = this.#entries.size === 0 ? entry.watermark : Math.min(this.#lowest, entry.watermark)
    this.#entries.set(entry.id, entry)
    this.#nextId = Math.max(this.#nextId, entry.id + 1)
  }

  remove(entry: Entry): void {
    entry.gone = true
    this.#entries.delete(entry.id)
    this.#dirty.delete(entry)
    if (entry.saved) this.#gone.add(entry.id)
    if (entry.watermark === this.#lowest) this.#findLowest()
  }

  /** One of another set: it gets an id of this one. */
  adopt(entry: Entry): Entry {
    const adopted = { ...entry, id: this.#nextId, saved: false }
    this.#add(adopted)
    this.#dirty.add(adopted)
    return adopted
  }

  /** For another task, which adopts it. */
  encoded(entry: Entry, left: unknown): Uint8Array {
    const out = new ByteWriter()
    this.#coder.write(entry, left, out)
    return out.finish()
  }

  decoded(bytes: Uint8Array): Entry {
    return this.#coder.read(new ByteReader(bytes))
  }

  /** It is another than the last snapshot says. */
  touch(entry: Entry): void {
    this.#dirty.add(entry)
  }

  /** Never back. */
  raise(entry: Entry, to: number): void {
    const before = entry.watermark
    if (!(to > before)) return
    entry.watermark = to
    if (before === this.#lowest) this.#findLowest()
  }

  /** Nothing is lower than before: the search ends where it meets its like. */
  #findLowest(): void {
    const before = this.#lowest
    let lowest = Infinity
    for (const { watermark } of this.#entries.values()) {
      if (watermark < lowest) lowest = watermark
      if (lowest === before) break
    }
    this.#lowest = lowest
  }

  // ---- checkpoints

  /** As of the last outputs of each; null where there is nothing to say. */
  snapshot(scope: SnapshotScope): FrozenState | null {
    if (scope === 'none') return null
    const gone = scope === 'all' ? [] : [...this.#gone]
    const kept: { readonly entry: Entry; readonly left: unknown }[] = []
    for (const entry of scope === 'all' ? this.#entries.values() : this.#dirty) {
      const left = leftOf(entry)
      if (O.isSome(left)) kept.push({ entry, left: left.value })
      // Only its end is missing: whoever restores has nothing left to do for it.
      else if (entry.saved) gone.push(entry.id)
    }
    const out = new ByteWriter()
    out.varint(kept.length)
    for (const { entry, left } of kept) this.#coder.write(entry, left, out)
    out.varint(gone.length)
    for (const id of gone) out.varint(id)
    for (const { entry } of kept) entry.saved = true
    this.#inSnapshot = { dirty: this.#dirty, gone: this.#gone }
    this.#dirty = new Set()
    this.#gone = new Set()
    return kept.length === 0 && gone.length === 0 ? null : frozenBytes(out.finish())
  }

  /** The last snapshot came to nothing. */
  restoreDirty(): void {
    for (const entry of this.#inSnapshot.dirty) if (!entry.gone) this.#dirty.add(entry)
    for (const id of this.#inSnapshot.gone) this.#gone.add(id)
  }

  restore(bytes: Uint8Array): void {
    const from = new ByteReader(bytes)
    for (let left = from.varint(); left > 0; left--) this.#add(this.#coder.read(from))
    for (let left = from.varint(); left > 0; left--) {
      const entry = this.#entries.get(from.varint())
      if (entry !== undefined) this.remove(entry)
    }
    // A later snapshot of the chain may have raised what an earlier one said.
    this.#lowest = Infinity
    for (const { watermark } of this.#entries.values()) this.#lowest = Math.min(this.#lowest, watermark)
    this.#gone = new Set()
  }
}
