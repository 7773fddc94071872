// What one key has in one of its states: read by a cell, changed by effects, and marked with what of it the last snapshot lacks.
import { requireSync } from '../model/require-sync.ts'
import { fromNullable, none, type Option, type Some, some } from 'fp-ts/lib/Option.js'
import { groupingKey, type GroupingKey } from '../coders/index.ts'
import type { KV } from '../model/kv.ts'
import type { Instant } from '../model/time.ts'
import type { StateChange } from './effects.ts'
import type { Combining, ErasedState } from './erased.ts'

export type Slot = ValueSlot | CombiningSlot | BagSlot | MapSlot | OrderedListSlot

/** What each state of a DoFn is made of; coders are asked once, not once a key. */
export type SlotFactory = () => Slot

export const slotFactory = ({ kind, initial, optional, combine, keyCoder }: ErasedState): SlotFactory => {
  switch (kind) {
    case 'value':
      return () => new ValueSlot(initial, optional)
    case 'combining': {
      if (combine === null) throw new Error('a combining state without its functions')
      return () => new CombiningSlot(combine)
    }
    case 'bag':
      return () => new BagSlot()
    case 'map':
    case 'set': {
      const keyOf = groupingKey(keyCoder)
      return () => new MapSlot(kind, keyOf)
    }
    case 'orderedList':
      return () => new OrderedListSlot()
  }
}

const isSome = (option: unknown): option is Some<unknown> =>
  typeof option === 'object' && option !== null && '_tag' in option && option._tag === 'Some'

const refuse = (kind: string, change: StateChange): never => {
  throw new TypeError(`a ${kind} state was given the effect ${change._tag}, which its cell does not make`)
}

export class ValueSlot {
  readonly kind = 'value'
  readonly #initial: unknown
  readonly #optional: boolean
  read: unknown
  isEmpty = true
  changed = false

  constructor(initial: unknown, optional: boolean) {
    this.#initial = initial
    this.#optional = optional
    this.read = initial
  }

  /** Where it is not empty: what was written, without the Option around it. */
  get content(): unknown {
    return this.#optional && isSome(this.read) ? this.read.value : this.read
  }

  apply(change: StateChange): void {
    this.changed = true
    if (change._tag === 'Clear') this.clear()
    else if (change._tag !== 'Write') refuse('value', change)
    else if (!this.#optional) this.write(change.value)
    else if (isSome(change.value)) this.write(change.value.value)
    else this.clear()
  }

  write(content: unknown): void {
    this.read = this.#optional ? some(content) : content
    this.isEmpty = false
  }

  clear(): void {
    this.read = this.#initial
    this.isEmpty = true
  }
}

export class CombiningSlot {
  readonly kind = 'combining'
  readonly #combine: Combining
  accumulator: unknown = undefined
  isEmpty = true
  changed = false

  constructor(combine: Combining) {
    this.#combine = combine
  }

  get read(): unknown {
    return this.#combine.extract(this.isEmpty ? this.#combine.create() : this.accumulator)
  }

  apply(change: StateChange): void {
    this.changed = true
    if (change._tag === 'Add') {
      this.accumulator = this.isEmpty
        ? requireSync('add', this.#combine.add(this.#combine.create(), change.value))
        : this.#combine.add(this.accumulator, change.value)
      this.isEmpty = false
    } else if (change._tag === 'Clear') this.clear()
    else refuse('combining', change)
  }

  clear(): void {
    this.accumulator = undefined
    this.isEmpty = true
  }
}

export class BagSlot {
  readonly kind = 'bag'
  #items: unknown[] = []
  /** Somebody has been given the array: it stays as it is. */
  #shared = false
  changed = false
  /** How many of its first items the last snapshot has; -1: what that one has is no longer true. */
  saved = -1

  get isEmpty(): boolean {
    return this.#items.length === 0
  }

  get read(): ReadonlyArray<unknown> {
    this.#shared = true
    return this.#items
  }

  get items(): ReadonlyArray<unknown> {
    return this.#items
  }

  apply(change: StateChange): void {
    this.changed = true
    if (change._tag === 'Add') this.add(change.value)
    else if (change._tag === 'Clear') this.clear()
    else refuse('bag', change)
  }

  add(value: unknown): void {
    if (this.#shared) {
      this.#items = this.#items.slice()
      this.#shared = false
    }
    this.#items.push(value)
  }

  clear(): void {
    this.#items = []
    this.#shared = false
    this.saved = -1
  }
}

/** A map, or a set: a map of its elements to themselves. */
export class MapSlot {
  readonly kind: 'map' | 'set'
  readonly keyOf: (key: unknown) => GroupingKey
  #map = new Map<GroupingKey, KV<unknown, unknown>>()
  #view: ReadonlyArray<unknown> | null = null
  changed = false
  /** The last snapshot is no longer true as a whole. */
  replaced = true
  /** Otherwise, where it is no longer true. */
  readonly touched = new Map<GroupingKey, unknown>()

  constructor(kind: 'map' | 'set', keyOf: (key: unknown) => GroupingKey) {
    this.kind = kind
    this.keyOf = keyOf
  }

  get isEmpty(): boolean {
    return this.#map.size === 0
  }

  get entries(): ReadonlyMap<GroupingKey, KV<unknown, unknown>> {
    return this.#map
  }

  get(key: unknown): Option<unknown> {
    const entry = this.#map.get(this.keyOf(key))
    return entry === undefined ? none : some(entry[1])
  }

  has(key: unknown): boolean {
    return this.#map.has(this.keyOf(key))
  }

  /** Entries or elements, as an array of its own: kept until something changes. */
  get read(): ReadonlyArray<unknown> {
    return (this.#view ??= this.kind === 'map' ? [...this.#map.values()] : Array.from(this.#map.values(), ([element]) => element))
  }

  apply(change: StateChange): void {
    this.changed = true
    switch (change._tag) {
      case 'Put':
        return this.put(change.key, change.value)
      case 'Add':
        return this.put(change.value, change.value)
      case 'Remove':
        return this.remove(change.key)
      case 'Clear':
        return this.clear()
      case 'Write':
      case 'AddAt':
      case 'ClearRange':
        return refuse(this.kind, change)
    }
  }

  put(key: unknown, value: unknown): void {
    const at = this.keyOf(key)
    this.#map.set(at, [key, value])
    this.#touch(at, key)
  }

  remove(key: unknown): void {
    const at = this.keyOf(key)
    if (this.#map.delete(at)) this.#touch(at, key)
  }

  #touch(at: GroupingKey, key: unknown): void {
    this.#view = null
    if (!this.replaced) this.touched.set(at, key)
  }

  clear(): void {
    this.#map = new Map()
    this.#view = null
    this.touched.clear()
    this.replaced = true
  }
}

export type TimedItem = readonly [at: Instant, value: unknown]

const gone: TimedItem = [-Infinity as Instant, null]

export class OrderedListSlot {
  readonly kind = 'orderedList'
  #items: TimedItem[] = []
  /** Those before it are gone: most that go are the earliest, and moving all others each time would be quadratic. */
  #head = 0
  changed = false
  /** The last snapshot is no longer true as a whole. */
  replaced = true
  /** Otherwise, what has happened since, in order. */
  readonly since: StateChange[] = []

  get isEmpty(): boolean {
    return this.size === 0
  }

  get size(): number {
    return this.#items.length - this.#head
  }

  range(from: number, to: number): ReadonlyArray<TimedItem> {
    return this.#items.slice(this.#first(from), this.#first(to))
  }

  first(from: number): Option<TimedItem> {
    return fromNullable(this.#items[this.#first(from)])
  }

  apply(change: StateChange): void {
    this.changed = true
    if (change._tag === 'AddAt') this.add(change.at, change.value)
    else if (change._tag === 'ClearRange') this.clearRange(change.from, change.to)
    else refuse('list', change)
    if (this.replaced) return
    if (this.isEmpty || this.since.length > this.size) {
      this.replaced = true
      this.since.length = 0
    } else this.since.push(change)
  }

  add(at: Instant, value: unknown): void {
    const last = this.#items.at(-1)
    if (last === undefined || last[0] <= at) this.#items.push([at, value])
    else this.#items.splice(this.#first(at, true), 0, [at, value])
  }

  clearRange(from: number, to: number): void {
    const [first, end] = [this.#first(from), this.#first(to)]
    if (end <= first) return
    if (first > this.#head) this.#items.splice(first, end - first)
    else if (end * 2 > this.#items.length) [this.#items, this.#head] = [this.#items.slice(end), 0]
    else {
      this.#items.fill(gone, first, end)
      this.#head = end
    }
  }

  /** The first item at or behind `at`, or only behind it. */
  #first(at: number, behind = false): number {
    let [low, high] = [this.#head, this.#items.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const time = this.#items[middle]?.[0] ?? Infinity
      if (time < at || (behind && time === at)) low = middle + 1
      else high = middle
    }
    return low
  }
}
