// One key's state in one window of a grouping: what was accumulated, what fired, and how it becomes bytes.
import {
  type ByteReader,
  type ByteWriter,
  type GroupingKey,
  type StreamCoder,
  streamOf,
  Coder,
  valueCoder,
  valueCoderOf,
} from '../../sdk/coders/index.ts'
import type { AnyCombineFn } from '../../sdk/graph/combine-fn.ts'
import { requireSync } from '../../sdk/model/require-sync.ts'
import { type BoundedWindow, IntervalWindow } from '../../sdk/model/window.ts'
import type { Instant } from '../../sdk/model/time.ts'
import { UserCodeError } from '../harness/errors.ts'
import type { Changing } from './changes.ts'
import type { CellTimer } from './cell-timers.ts'
import type { HeapEntry } from './heap.ts'
import type { TriggerMachine, TriggerState } from './trigger-machine.ts'

/** Nothing accumulated: apart from every value, undefined included. */
export const NOTHING: unique symbol = Symbol('nothing accumulated')

export interface Cell extends Changing {
  readonly key: unknown
  readonly groupingKey: GroupingKey
  readonly window: BoundedWindow
  accumulator: unknown
  /** How many elements, or batches of a lifted combine, came since the last firing. */
  pending: number
  /** What the timestamp combiner made of the elements since the last firing; NaN for none. */
  timestamp: number
  /** How many panes fired, and how many of them were not early. */
  panes: number
  nonSpeculative: number
  trigger: TriggerState | null
  /** Its last pane was fired; what is left to do is to remove it. */
  ended: boolean
  /** Its trigger is to be asked when the bundle ends. */
  touched: boolean
  /** When its window ends or expires, where each key has windows of its own. */
  timer: CellTimer | null
  /** When its trigger is to be asked by the clock. */
  clock: HeapEntry<Cell> | null
  /** What it may still give holds the output watermark. */
  hold: HeapEntry<Cell> | null
}

export const newCell = (key: unknown, groupingKey: GroupingKey, window: BoundedWindow): Cell => ({
  key,
  groupingKey,
  window,
  accumulator: NOTHING,
  pending: 0,
  timestamp: Number.NaN,
  panes: 0,
  nonSpeculative: 0,
  trigger: null,
  changedIn: 0,
  writtenIn: 0,
  persisted: false,
  gone: false,
  ended: false,
  touched: false,
  timer: null,
  clock: null,
  hold: null,
})

/** A CombineFn with its types erased: they were checked where it was made. */
export interface Accumulating {
  readonly create: () => unknown
  /** A new accumulator with this input: where an asynchronous function is found out. */
  readonly begin: (input: unknown) => unknown
  readonly add: (accumulator: unknown, input: unknown) => unknown
  readonly merge: (a: unknown, b: unknown) => unknown
  readonly extract: (accumulator: unknown) => unknown
  readonly coder: StreamCoder<unknown>
}

const structural = Coder.structural<unknown>()

/** `path`: of the grouping, for the error where one of the function's own throws. */
export const accumulatingOf = (fn: AnyCombineFn | null, path: string): Accumulating => (fn === null ? list : guarded(fn, path))

const guarded = (fn: AnyCombineFn, path: string): Accumulating => {
  const its = fn as Omit<Accumulating, 'coder'>
  const attempt = <T>(element: unknown, f: () => T): T => {
    try {
      return f()
    } catch (cause) {
      throw UserCodeError.onElement(path, element, cause)
    }
  }
  const create = (): unknown => {
    try {
      return requireSync('create', its.create())
    } catch (cause) {
      throw UserCodeError.meanwhile(path, 'made an empty accumulator (create)', cause)
    }
  }
  return {
    create,
    begin: input => {
      const empty = create()
      return attempt(input, () => requireSync('add', its.add(empty, input)))
    },
    // An element's way: without a closure of its own.
    add: (accumulator, input) => {
      try {
        return its.add(accumulator, input)
      } catch (cause) {
        throw UserCodeError.onElement(path, input, cause)
      }
    },
    merge: (a, b) => attempt(b, () => requireSync('merge', its.merge(a, b))),
    extract: accumulator => attempt(accumulator, () => requireSync('extract', its.extract(accumulator))),
    coder: streamOf(fn.coder === undefined ? valueCoder<unknown>() : valueCoderOf(fn.coder as unknown as Coder<unknown>)),
  }
}

/** GroupByKey: the accumulator is the list of values. What it gives is a copy, because the list may grow. */
const list: Accumulating = {
  create: () => [],
  begin: value => [value],
  add: (values, value) => {
    ;(values as unknown[]).push(value)
    return values
  },
  merge: (a, b) => {
    for (const value of b as unknown[]) (a as unknown[]).push(value)
    return a
  },
  extract: values => (values as unknown[]).slice(),
  coder: streamOf(valueCoder<unknown>()),
}

/** Cells and windows as bytes. */
export class CellCoder {
  readonly #key: StreamCoder<unknown>
  readonly #accumulating: Accumulating
  readonly #machine: TriggerMachine

  constructor(keyCoder: Coder<unknown> | null, accumulating: Accumulating, machine: TriggerMachine) {
    this.#key = streamOf(keyCoder ?? structural)
    this.#accumulating = accumulating
    this.#machine = machine
  }

  writeKey(key: unknown, out: ByteWriter): void {
    this.#key.write(key, out)
  }

  readKey(from: ByteReader): unknown {
    return this.#key.read(from)
  }

  write(cell: Cell, out: ByteWriter): void {
    this.#key.write(cell.key, out)
    const { trigger } = cell
    out.byte((cell.accumulator === NOTHING ? 0 : 1) | (trigger === null ? 0 : 2))
    if (cell.accumulator !== NOTHING) this.#accumulating.coder.write(cell.accumulator, out)
    out.varint(cell.pending)
    out.double(cell.timestamp)
    out.varint(cell.panes)
    out.varint(cell.nonSpeculative)
    if (trigger !== null)
      for (const [i, finished] of trigger.finished.entries()) {
        out.byte(finished)
        out.double(trigger.data[i] ?? 0)
      }
  }

  read(from: ByteReader, window: BoundedWindow, groupingKeyOf: (key: unknown) => GroupingKey): Cell {
    const key = this.#key.read(from)
    const cell = newCell(key, groupingKeyOf(key), window)
    cell.persisted = true
    const flags = from.byte()
    if ((flags & 1) !== 0) cell.accumulator = this.#accumulating.coder.read(from)
    cell.pending = from.varint()
    cell.timestamp = from.double()
    cell.panes = from.varint()
    cell.nonSpeculative = from.varint()
    if ((flags & 2) !== 0) {
      const state = this.#machine.initial()
      for (let i = 0; i < state.finished.length; i++) {
        state.finished[i] = from.byte()
        state.data[i] = from.double()
      }
      cell.trigger = state
    }
    return cell
  }
}

export const writeWindow = (window: BoundedWindow, out: ByteWriter): void => {
  out.double(window.start)
  out.double(window.end)
}

export const readWindow = (from: ByteReader): BoundedWindow => {
  const [start, end] = [from.double() as Instant, from.double() as Instant]
  return IntervalWindow.of(start, end)
}
