// Cells over slots: made once for a DoFn and pointed at one key's slots before each call, so that a call allocates none of them.
// (Measured: 60 ns a call, where closures made for each call take 170.)
import type { Option } from 'fp-ts/lib/Option.js'
import { isWellFormed } from '../coders/byte-writer.ts'
import type { Duration, Instant } from '../model/time.ts'
import type { DelayOptions, TimerOptions } from './cells.ts'
import type { StateChange, StateEffect, TimerEffect } from './effects.ts'
import type { ErasedState, ErasedStateful, ErasedTimer } from './erased.ts'
import type { BagSlot, CombiningSlot, MapSlot, OrderedListSlot, Slot, TimedItem, ValueSlot } from './slots.ts'

/** All cells of a DoFn, by name, and in the order of its states. */
export interface BoundCells {
  /** What its functions see. */
  readonly cells: Readonly<Record<string, unknown>>
  /** From now on they read these: one slot a state, in their order. */
  readonly bind: (slots: ReadonlyArray<Slot>) => void
}

export const boundCells = ({ state, timers }: ErasedStateful, first: ReadonlyArray<Slot>): BoundCells => {
  const states = Object.entries(state).map(([name, spec], i) => [name, cellOf(name, spec, first[i])] as const)
  const bound = states.map(([, cell]) => cell)
  const cells = Object.fromEntries<unknown>([
    ...states,
    ...Object.entries(timers).map(([name, spec]) => [name, timerOf(name, spec)] as const),
  ])
  return {
    cells: Object.freeze(cells),
    bind: slots => {
      for (let i = 0; i < bound.length; i++) {
        const [cell, slot] = [bound[i], slots[i]]
        // The slots were made from the same specs, in the same order: each fits its cell.
        if (cell !== undefined && slot !== undefined) (cell as { slot: Slot }).slot = slot
      }
    },
  }
}

type StateCell = ValueCellOver | CombiningCellOver | BagCellOver | MapCellOver | SetCellOver | OrderedListCellOver

/** Believed in each case: a slot of the kind that the spec says. */
const cellOf = (name: string, { kind }: ErasedState, slot: Slot | undefined): StateCell => {
  if (slot === undefined) throw new Error(`the state ${name} has no slot`)
  switch (kind) {
    case 'value':
      return new ValueCellOver(name, slot as ValueSlot)
    case 'combining':
      return new CombiningCellOver(name, slot as CombiningSlot)
    case 'bag':
      return new BagCellOver(name, slot as BagSlot)
    case 'map':
      return new MapCellOver(name, slot as MapSlot)
    case 'set':
      return new SetCellOver(name, slot as MapSlot)
    case 'orderedList':
      return new OrderedListCellOver(name, slot as OrderedListSlot)
  }
}

const effect = (state: string, change: StateChange): StateEffect => ({ _tag: 'State', state, change })

class ValueCellOver {
  slot: ValueSlot
  readonly write: (value: unknown) => StateEffect
  readonly clear: StateEffect

  constructor(name: string, slot: ValueSlot) {
    this.slot = slot
    this.write = value => effect(name, { _tag: 'Write', value })
    this.clear = Object.freeze(effect(name, { _tag: 'Clear' }))
  }

  get read(): unknown {
    return this.slot.read
  }
}

class CombiningCellOver {
  slot: CombiningSlot
  readonly add: (input: unknown) => StateEffect
  readonly clear: StateEffect

  constructor(name: string, slot: CombiningSlot) {
    this.slot = slot
    this.add = value => effect(name, { _tag: 'Add', value })
    this.clear = Object.freeze(effect(name, { _tag: 'Clear' }))
  }

  get read(): unknown {
    return this.slot.read
  }
}

class BagCellOver {
  slot: BagSlot
  readonly add: (item: unknown) => StateEffect
  readonly clear: StateEffect

  constructor(name: string, slot: BagSlot) {
    this.slot = slot
    this.add = value => effect(name, { _tag: 'Add', value })
    this.clear = Object.freeze(effect(name, { _tag: 'Clear' }))
  }

  get read(): ReadonlyArray<unknown> {
    return this.slot.read
  }

  get isEmpty(): boolean {
    return this.slot.isEmpty
  }
}

class MapCellOver {
  slot: MapSlot
  readonly get: (key: unknown) => Option<unknown>
  readonly put: (key: unknown, value: unknown) => StateEffect
  readonly remove: (key: unknown) => StateEffect
  readonly clear: StateEffect

  constructor(name: string, slot: MapSlot) {
    this.slot = slot
    this.get = key => this.slot.get(key)
    this.put = (key, value) => effect(name, { _tag: 'Put', key, value })
    this.remove = key => effect(name, { _tag: 'Remove', key })
    this.clear = Object.freeze(effect(name, { _tag: 'Clear' }))
  }

  get entries(): Iterable<unknown> {
    return this.slot.read
  }
}

class SetCellOver {
  slot: MapSlot
  readonly has: (element: unknown) => boolean
  readonly add: (element: unknown) => StateEffect
  readonly remove: (element: unknown) => StateEffect
  readonly clear: StateEffect

  constructor(name: string, slot: MapSlot) {
    this.slot = slot
    this.has = element => this.slot.has(element)
    this.add = value => effect(name, { _tag: 'Add', value })
    this.remove = key => effect(name, { _tag: 'Remove', key })
    this.clear = Object.freeze(effect(name, { _tag: 'Clear' }))
  }

  get read(): Iterable<unknown> {
    return this.slot.read
  }
}

class OrderedListCellOver {
  slot: OrderedListSlot
  readonly range: (from: Instant, to: Instant) => ReadonlyArray<TimedItem>
  readonly first: (from: Instant) => Option<TimedItem>
  readonly add: (at: Instant, value: unknown) => StateEffect
  readonly clearRange: (from: Instant, to: Instant) => StateEffect

  constructor(name: string, slot: OrderedListSlot) {
    this.slot = slot
    this.range = (from, to) => this.slot.range(from, to)
    this.first = from => this.slot.first(from)
    this.add = (at, value) => effect(name, { _tag: 'AddAt', at, value })
    this.clearRange = (from, to) => effect(name, { _tag: 'ClearRange', from, to })
  }
}

/** Checkpoints name timers by their tags, in UTF-8. */
const checkedTag = (timer: string, tag: string): string => {
  if (isWellFormed(tag)) return tag
  throw new RangeError(
    `the tag ${JSON.stringify(tag)} of the timer ${timer} holds half a surrogate pair, which has no UTF-8. Use whole characters, or encode it`,
  )
}

/** A timer's cell has nothing to read, so it is made once. */
const timerOf = (timer: string, { domain, family }: ErasedTimer): unknown => {
  const set = (tag: string, at: Instant, o?: TimerOptions): TimerEffect => ({
    _tag: 'Timer',
    timer,
    change: { _tag: 'Set', tag: checkedTag(timer, tag), at, outputTimestamp: o?.outputTimestamp ?? null },
  })
  const after = (tag: string, delay: Duration, o?: DelayOptions): TimerEffect => ({
    _tag: 'Timer',
    timer,
    change: {
      _tag: 'After',
      tag: checkedTag(timer, tag),
      delay,
      alignTo: o?.alignTo ?? null,
      outputTimestamp: o?.outputTimestamp ?? null,
    },
  })
  const clear = (tag: string): TimerEffect => ({ _tag: 'Timer', timer, change: { _tag: 'Clear', tag: checkedTag(timer, tag) } })
  if (family) return Object.freeze(domain === 'eventTime' ? { set, clear } : { after, at: set, clear })
  const only = { clear: Object.freeze(clear('')) }
  const setOnly = (at: Instant, o?: TimerOptions): TimerEffect => set('', at, o)
  return Object.freeze(
    domain === 'eventTime'
      ? { ...only, set: setOnly }
      : { ...only, at: setOnly, after: (delay: Duration, o?: DelayOptions) => after('', delay, o) },
  )
}
