// One key's state and timers in one window, and what orders them.
import { type ByteReader, ByteWriter, Coder, compareBytes, type GroupingKey, streamOf } from '../../../sdk/coders/index.ts'
import { type BoundedWindow, compareWindows } from '../../../sdk/model/window.ts'
import type { ErasedTimer } from '../../../sdk/stateful/erased.ts'
import type { Slot } from '../../../sdk/stateful/slots.ts'
import type { Windows } from '../../harness/batch.ts'
import type { Changing } from '../changes.ts'
import type { HeapEntry } from '../heap.ts'

export interface WindowState {
  readonly window: BoundedWindow
  /** The same alone, for what comes out. */
  readonly alone: Windows
  readonly keys: Map<GroupingKey, KeyState>
  /** When its state is removed. */
  readonly expiry: number
  /** It waits in the heap of windows that hold the watermark. */
  holding: boolean
  /** A snapshot has something of it. */
  persisted: boolean
}

export interface KeyState extends Changing {
  readonly key: unknown
  readonly groupingKey: GroupingKey
  readonly of: WindowState
  /** One a state, in the order of the specs. */
  readonly slots: ReadonlyArray<Slot>
  /** Those that are set. */
  timers: Map<string, KeyTimer>
  /** How many timers are set. */
  pending: number
  /** What the last snapshot says of it counts for nothing: the next one says everything. */
  whole: boolean
  /** Its encoded key, once it was asked for. */
  bytes: Uint8Array | null
  /** In which sweep its timers were set again last, and how often without getting ahead. */
  sweep: number
  repeats: number
}

export interface KeyTimer {
  readonly state: KeyState
  readonly id: string
  readonly spec: TimerPlace
  readonly tag: string
  /** When it fires; NaN where it is not set. */
  at: number
  /** What its outputs carry; held until it has fired. */
  output: number
  /** Counts its settings, so that one that was taken out of a queue knows whether it still counts. */
  setting: number
  /** In the queue that it fires from, and in that of what holds the watermark. */
  queued: HeapEntry<KeyTimer> | null
  held: HeapEntry<KeyTimer> | null
}

/** A timer of the DoFn: `order` is that of the names. */
export interface TimerPlace extends ErasedTimer {
  readonly name: string
  readonly order: number
}

/** Of all keys that never had one: a map for each would be half of what the collector looks at. */
const noTimers = new Map<string, KeyTimer>()

/** To put one in. */
export const timersOf = (state: KeyState): Map<string, KeyTimer> => {
  if (state.timers === noTimers) state.timers = new Map()
  return state.timers
}

export const newKeyState = (key: unknown, groupingKey: GroupingKey, of: WindowState, slots: ReadonlyArray<Slot>): KeyState => ({
  key,
  groupingKey,
  of,
  slots,
  timers: noTimers,
  pending: 0,
  gone: false,
  changedIn: 0,
  writtenIn: 0,
  persisted: false,
  whole: true,
  bytes: null,
  sweep: 0,
  repeats: 0,
})

export const newTimer = (state: KeyState, id: string, spec: TimerPlace, tag: string): KeyTimer => ({
  state,
  id,
  spec,
  tag,
  at: Number.NaN,
  output: Number.NaN,
  setting: 0,
  queued: null,
  held: null,
})

export const timerId = (spec: TimerPlace, tag: string): string => (spec.family ? `${spec.order}/${tag}` : String(spec.order))

export const isEmpty = ({ slots, pending }: KeyState): boolean => {
  if (pending > 0) return false
  for (let i = 0; i < slots.length; i++) if (slots[i]?.isEmpty === false) return false
  return true
}

/** Keys as the exchange knows them: the order of their bytes is the same on every runner. */
export class Keys {
  readonly #coder

  constructor(keyCoder: Coder<unknown> | null) {
    this.#coder = streamOf(keyCoder ?? Coder.structural<unknown>())
  }

  write(key: unknown, out: ByteWriter): void {
    this.#coder.write(key, out)
  }

  read(from: ByteReader): unknown {
    return this.#coder.read(from)
  }

  bytesOf(key: unknown): Uint8Array {
    const out = new ByteWriter()
    this.#coder.write(key, out)
    return out.finish()
  }

  readonly compare = (a: KeyState, b: KeyState): number =>
    a === b ? 0 : compareBytes((a.bytes ??= this.bytesOf(a.key)), (b.bytes ??= this.bytesOf(b.key)))

  /** Among timers of one instant: by window, key, name and tag. */
  readonly compareTimers = (a: KeyTimer, b: KeyTimer): number =>
    compareWindows(a.state.of.window, b.state.of.window) ||
    this.compare(a.state, b.state) ||
    a.spec.order - b.spec.order ||
    (a.tag < b.tag ? -1 : a.tag > b.tag ? 1 : 0)
}
