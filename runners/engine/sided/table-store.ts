// A side input that is made of a changelog: the latest value of each key, by timestamp; of equal timestamps, by arrival.
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { type ByteReader, type ByteWriter, Coder, type GroupingKey, groupingKey, streamOf, valueCoder } from '../../../sdk/coders/index.ts'
import type { Multilookup } from '../../../sdk/model/side-input.ts'
import { Instant } from '../../../sdk/model/time.ts'
import { GlobalWindow } from '../../../sdk/model/window.ts'
import type { Batch } from '../../harness/batch.ts'
import { UserCodeError } from '../../harness/errors.ts'
import type { SideSpec } from '../../plan/stage.ts'
import { Heap, type HeapEntry } from '../heap.ts'
import type { SnapshotScope } from '../messages.ts'
import type { Content, Over, SideProgress, SideStore } from './side-store.ts'
import { lookupIn, nothing } from './view-value.ts'

const structural = Coder.structural<unknown>()
const values = streamOf(valueCoder<unknown>())

interface Entry {
  readonly key: unknown
  readonly timestamp: number
  /** None: it was deleted. That is kept until no older change can come, which would bring the key back. */
  readonly value: O.Option<unknown>
  readonly indexedUnder: GroupingKey
  /** A snapshot has the key, so a later one has to say where it goes. */
  persisted: boolean
  /** Where it waits until it is forgotten. */
  deletion: HeapEntry<{ readonly id: GroupingKey; readonly entry: Entry }> | null
}

export class TableStore implements SideStore {
  readonly #stage: string
  readonly #side: SideSpec
  readonly #progress: SideProgress
  readonly #keyOf: (key: unknown) => GroupingKey
  readonly #entries = new Map<GroupingKey, Entry>()
  /** What lookups see: `Some` values alone, or those under each index key. */
  readonly #values = new Map<GroupingKey, O.Option<unknown>>()
  readonly #index = new Map<GroupingKey, { readonly members: Map<GroupingKey, unknown>; list: ReadonlyArray<unknown> | null }>()
  readonly #by: ((value: unknown, key: unknown) => unknown) | null
  /** Deleted keys, by when no older change of theirs can come any more. */
  readonly #deleted = new Heap<{ readonly id: GroupingKey; readonly entry: Entry }>(() => 0)
  readonly #content: Content
  #changed = new Map<GroupingKey, unknown>()
  #inSnapshot: ReadonlyMap<GroupingKey, unknown> = new Map()

  /** `stage`: for messages about the user's own function. */
  constructor(stage: string, side: SideSpec, progress: SideProgress) {
    this.#stage = stage
    this.#side = side
    this.#progress = progress
    this.#keyOf = groupingKey(side.keyCoder)
    const { view } = side
    this.#by = view._tag === 'Index' ? (view.by as (value: unknown, key: unknown) => unknown) : null
    // One object for good: what it reads is the table as it stands when an element is processed.
    const seen = E.right(this.#by === null ? lookupIn(this.#values, this.#keyOf) : this.#multilookup())
    this.#content = { readable: () => seen }
  }

  #multilookup(): Multilookup<unknown, unknown> {
    const keyOf = groupingKey<unknown>(null)
    return Object.freeze({
      get: (key: unknown) => {
        const found = this.#index.get(keyOf(key))
        if (found === undefined) return nothing
        found.list ??= Object.freeze([...found.members.values()])
        return found.list
      },
      has: (key: unknown) => this.#index.has(keyOf(key)),
    })
  }

  add({ values: changes, timestamps }: Batch, over: Over): void {
    if (over.until === Infinity && !over.isNeeded(GlobalWindow)) return
    for (let i = 0; i < changes.length; i++) {
      // The verb that makes these views has checked that its elements are pairs of a key and an Option.
      const [key, value] = changes[i] as readonly [unknown, O.Option<unknown>]
      try {
        this.#take(key, value, timestamps[i] ?? Instant.min)
      } catch (cause) {
        throw UserCodeError.onElement(this.#stage, changes[i], cause)
      }
    }
    this.#forgetDeleted()
  }

  #take(key: unknown, value: O.Option<unknown>, timestamp: number): void {
    const id = this.#keyOf(key)
    const before = this.#entries.get(id)
    if (before !== undefined && before.timestamp > timestamp) return
    this.#put(id, key, value, timestamp)
    this.#changed.set(id, key)
  }

  #put(id: GroupingKey, key: unknown, value: O.Option<unknown>, timestamp: number): void {
    const indexedUnder = this.#by === null || O.isNone(value) ? undefined : groupingKey<unknown>(null)(this.#by(value.value, key))
    const persisted = this.#entries.get(id)?.persisted ?? false
    const entry: Entry = { key, timestamp, value, indexedUnder, persisted, deletion: null }
    this.#unlink(id)
    this.#entries.set(id, entry)
    if (O.isNone(value)) entry.deletion = this.#deleted.push(timestamp, { id, entry })
    else if (this.#by === null) this.#values.set(id, value)
    else {
      const found = this.#index.get(indexedUnder) ?? { members: new Map<GroupingKey, unknown>(), list: null }
      this.#index.set(indexedUnder, found)
      found.members.set(id, value.value)
      found.list = null
    }
  }

  /** Out of what lookups see. */
  #unlink(id: GroupingKey): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    if (entry.deletion !== null) this.#deleted.remove(entry.deletion)
    if (O.isNone(entry.value)) return
    this.#values.delete(id)
    const found = this.#index.get(entry.indexedUnder)
    if (found === undefined) return
    found.members.delete(id)
    found.list = null
    if (found.members.size === 0) this.#index.delete(entry.indexedUnder)
  }

  #forgetDeleted(): void {
    const before = this.#progress.watermark() - this.#side.strategy.allowedLateness
    while (this.#deleted.next() < before) {
      const next = this.#deleted.pop()
      if (next === undefined) break
      this.#entries.delete(next.id)
      this.#gone(next.id, next.entry)
    }
  }

  /** What no snapshot has, none needs to say: without a store there never is one. */
  #gone(id: GroupingKey, { key, persisted }: Entry): void {
    if (persisted) this.#changed.set(id, key)
    else this.#changed.delete(id)
  }

  find(): Content | null {
    return this.#progress.caughtUp() || this.#progress.watermark() === Instant.max ? this.#content : null
  }

  collect(): void {
    this.#forgetDeleted()
  }

  clear(): void {
    for (const [id, entry] of this.#entries) {
      if (entry.deletion !== null) this.#deleted.remove(entry.deletion)
      this.#gone(id, entry)
    }
    this.#entries.clear()
    this.#values.clear()
    this.#index.clear()
  }

  size(): number {
    return this.#entries.size
  }

  entries(): number {
    return this.#entries.size + this.#values.size + this.#index.size + this.#deleted.size + this.#changed.size
  }

  freeze(scope: SnapshotScope): (begin: () => ByteWriter) => Iterable<void> {
    const changed = this.#changed
    this.#inSnapshot = changed
    this.#changed = new Map()
    if (scope === 'none') return () => []
    const entries = scope === 'all' ? [...this.#entries.values()] : Array.from(changed, ([id, key]) => this.#entries.get(id) ?? { key })
    for (const entry of entries) if ('value' in entry) entry.persisted = true
    return begin => this.#write(entries, begin)
  }

  *#write(entries: ReadonlyArray<Entry | Pick<Entry, 'key'>>, begin: () => ByteWriter): Generator<void> {
    const keys = streamOf(this.#side.keyCoder ?? structural)
    for (const entry of entries) {
      const out = begin()
      keys.write(entry.key, out)
      if ('value' in entry) {
        out.byte(O.isNone(entry.value) ? 1 : 2)
        out.double(entry.timestamp)
        if (O.isSome(entry.value)) values.write(entry.value.value, out)
      } else out.byte(0)
      yield
    }
  }

  restoreDirty(): void {
    this.#changed = new Map([...this.#inSnapshot, ...this.#changed])
    this.#inSnapshot = new Map()
  }

  read(from: ByteReader): void {
    const key = streamOf(this.#side.keyCoder ?? structural).read(from)
    const id = this.#keyOf(key)
    const kind = from.byte()
    if (kind === 0) {
      this.#unlink(id)
      this.#entries.delete(id)
      return
    }
    const timestamp = from.double()
    this.#put(id, key, kind === 1 ? O.none : O.some(values.read(from)), timestamp)
    const entry = this.#entries.get(id)
    if (entry !== undefined) entry.persisted = true
  }
}
