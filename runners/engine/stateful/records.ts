// State and timers as bytes: for each key what the last snapshot lacks, or everything.
import { type ByteReader, ByteWriter, type StreamCoder, streamOf, valueCoderOf } from '../../../sdk/coders/index.ts'
import type { Instant } from '../../../sdk/model/time.ts'
import type { StateChange } from '../../../sdk/stateful/effects.ts'
import type { ErasedStateful } from '../../../sdk/stateful/erased.ts'
import type { Slot } from '../../../sdk/stateful/slots.ts'
import { messageOf, showElement } from '../../harness/errors.ts'
import type { KeyState } from './key-state.ts'

interface SlotCoder {
  readonly name: string
  readonly value: StreamCoder<unknown>
  /** Of a map's keys, or a set's elements. */
  readonly key: StreamCoder<unknown>
}

/** One timer as it was written. */
export interface TimerRecord {
  readonly order: number
  readonly tag: string
  readonly at: number
  readonly output: number
}

const replace = 0
const add = 1

export class KeyRecords {
  readonly #coders: ReadonlyArray<SlotCoder>

  constructor(spec: ErasedStateful) {
    this.#coders = Object.entries(spec.state).map(([name, { coder, keyCoder }]) => ({
      name,
      value: streamOf(valueCoderOf(coder)),
      key: streamOf(keyCoder ?? coder),
    }))
  }

  /** Everything, or what changed since the last record; the key's slots are then as if nothing had changed. */
  write({ key, slots, timers, pending }: KeyState, whole: boolean, out: ByteWriter): void {
    let written = 0
    for (const slot of slots) if (isWritten(slot, whole)) written++
    out.byte(whole ? 1 : 0)
    out.varint(written)
    for (let i = 0; i < slots.length; i++) {
      const [slot, coder] = [slots[i], this.#coders[i]]
      if (slot === undefined || coder === undefined || !isWritten(slot, whole)) continue
      out.varint(i)
      try {
        writeSlot(slot, coder, whole, out)
      } catch (cause) {
        throw refused(`the state ${coder.name} of the key ${showElement(key)}`, cause)
      }
    }
    out.varint(pending)
    for (const { spec, tag, at, output } of timers.values()) {
      if (Number.isNaN(at)) continue
      out.varint(spec.order)
      out.prefixedText(tag)
      out.double(at)
      out.double(output)
    }
    for (const slot of slots) settle(slot)
  }

  /** Into the slots that `slotsFor` gives: new ones where the record says everything. */
  read(from: ByteReader, slotsFor: (whole: boolean) => ReadonlyArray<Slot>): ReadonlyArray<TimerRecord> {
    const slots = slotsFor(from.byte() === 1)
    const count = from.varint()
    for (let n = 0; n < count; n++) {
      const [slot, coder] = this.#at(slots, from.varint())
      readSlot(slot, coder, from)
    }
    for (const slot of slots) settle(slot)
    return Array.from({ length: from.varint() }, () => ({
      order: from.varint(),
      tag: from.prefixedText(),
      at: from.double(),
      output: from.double(),
    }))
  }

  /** Whether what `change` has brought into the state can be written: an encoding, so it is for the strict mode. */
  check(slots: ReadonlyArray<Slot>, i: number, change: StateChange): void {
    const [slot, coder] = this.#at(slots, i)
    try {
      writeChange(slot, change, coder, new ByteWriter())
    } catch (cause) {
      throw refused(`what was put into the state ${coder.name}`, cause)
    }
  }

  #at(slots: ReadonlyArray<Slot>, i: number): readonly [Slot, SlotCoder] {
    const [slot, coder] = [slots[i], this.#coders[i]]
    if (slot === undefined || coder === undefined) throw new Error(`a record speaks of state ${i}, and there are ${slots.length}`)
    return [slot, coder]
  }
}

const isWritten = (slot: Slot, whole: boolean): boolean => (whole ? !slot.isEmpty : slot.changed)

const refused = (what: string, cause: unknown): TypeError => new TypeError(`${what}: ${messageOf(cause)}`, { cause })

/** The last snapshot has all of it. */
export const settle = (slot: Slot): void => {
  slot.changed = false
  switch (slot.kind) {
    case 'value':
    case 'combining':
      return
    case 'bag':
      slot.saved = slot.items.length
      return
    case 'map':
    case 'set':
      slot.replaced = false
      slot.touched.clear()
      return
    case 'orderedList':
      slot.replaced = false
      slot.since.length = 0
      return
  }
}

const writeSlot = (slot: Slot, { value, key }: SlotCoder, whole: boolean, out: ByteWriter): void => {
  switch (slot.kind) {
    case 'value':
    case 'combining':
      out.byte(slot.isEmpty ? 0 : 1)
      if (!slot.isEmpty) value.write(slot.kind === 'value' ? slot.content : slot.accumulator, out)
      return
    case 'bag': {
      const from = whole || slot.saved < 0 ? 0 : slot.saved
      out.byte(whole || slot.saved < 0 ? replace : add)
      out.varint(slot.items.length - from)
      for (let i = from; i < slot.items.length; i++) value.write(slot.items[i], out)
      return
    }
    case 'map':
    case 'set': {
      const all = whole || slot.replaced
      out.byte(all ? replace : add)
      const touched: ReadonlyArray<unknown> = all ? Array.from(slot.entries.values(), ([k]) => k) : [...slot.touched.values()]
      out.varint(touched.length)
      for (const k of touched) {
        key.write(k, out)
        const entry = slot.entries.get(slot.keyOf(k))
        out.byte(entry === undefined ? 0 : 1)
        if (entry !== undefined && slot.kind === 'map') value.write(entry[1], out)
      }
      return
    }
    case 'orderedList': {
      const all = whole || slot.replaced
      out.byte(all ? replace : add)
      out.varint(all ? slot.size : slot.since.length)
      if (all) for (const [at, item] of slot.range(-Infinity, Infinity)) writeItem(at, item, value, out)
      else
        for (const change of slot.since) {
          if (change._tag === 'AddAt') writeItem(change.at, change.value, value, out)
          else if (change._tag === 'ClearRange') {
            out.byte(0)
            out.double(change.from)
            out.double(change.to)
          }
        }
      return
    }
  }
}

/** What a change leaves in its state, alone. */
const writeChange = (slot: Slot, change: StateChange, { value, key }: SlotCoder, out: ByteWriter): void => {
  switch (change._tag) {
    case 'Write':
      if (slot.kind === 'value' && !slot.isEmpty) value.write(slot.content, out)
      return
    case 'Add':
      return slot.kind === 'set'
        ? key.write(change.value, out)
        : value.write(slot.kind === 'combining' ? slot.accumulator : change.value, out)
    case 'Put':
      key.write(change.key, out)
      return value.write(change.value, out)
    case 'Remove':
      return key.write(change.key, out)
    case 'AddAt':
      return writeItem(change.at, change.value, value, out)
    case 'Clear':
    case 'ClearRange':
      return
  }
}

const writeItem = (at: number, item: unknown, coder: StreamCoder<unknown>, out: ByteWriter): void => {
  out.byte(1)
  out.double(at)
  coder.write(item, out)
}

const readSlot = (slot: Slot, { value, key }: SlotCoder, from: ByteReader): void => {
  switch (slot.kind) {
    case 'value':
      return from.byte() === 0 ? slot.clear() : slot.write(value.read(from))
    case 'combining': {
      slot.isEmpty = from.byte() === 0
      slot.accumulator = slot.isEmpty ? undefined : value.read(from)
      return
    }
    case 'bag': {
      if (from.byte() === replace) slot.clear()
      for (let n = from.varint(); n > 0; n--) slot.add(value.read(from))
      return
    }
    case 'map':
    case 'set': {
      if (from.byte() === replace) slot.clear()
      for (let n = from.varint(); n > 0; n--) {
        const k = key.read(from)
        if (from.byte() === 0) slot.remove(k)
        else slot.put(k, slot.kind === 'map' ? value.read(from) : k)
      }
      return
    }
    case 'orderedList': {
      if (from.byte() === replace) slot.clearRange(-Infinity, Infinity)
      // What was written as instants is read as instants.
      for (let n = from.varint(); n > 0; n--) {
        if (from.byte() === 1) slot.add(from.double() as Instant, value.read(from))
        else slot.clearRange(from.double(), from.double())
      }
      return
    }
  }
}
