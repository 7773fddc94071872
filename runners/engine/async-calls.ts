// The head of an asynchronous stage: which elements are being worked on, which wait, and in which order their results go on.
import { ByteReader, ByteWriter, Coder, streamOf, valueCoder } from '../../sdk/coders/index.ts'
import { NO_FIRING, type PaneInfo } from '../../sdk/model/pane.ts'
import { type Batch, emptyBatch, type Windows } from '../harness/batch.ts'
import { readWindow, writeWindow } from './cell.ts'
import { frozenBytes, type FrozenState } from './frozen-state.ts'
import type { CallOutcome } from './messages.ts'

export interface PendingCall {
  readonly id: number
  readonly value: unknown
  readonly timestamp: number
  readonly windows: Windows | null
  readonly pane: PaneInfo | null
  outcome: CallOutcome | null
}

const values = streamOf(valueCoder<unknown>())
const panes = streamOf(Coder.structural<PaneInfo | null>())

export class AsyncCalls {
  readonly #concurrency: number
  readonly #ordered: boolean
  readonly #start: (id: number, element: unknown) => void
  /** In order of arrival: the first `#started` are worked on or wait for one before them, the rest has not begun. */
  readonly #queue: PendingCall[] = []
  #started = 0
  #working = 0
  #ids = 0
  #held = false
  #lowest = Infinity
  /** The newest snapshot that may be durable holds no element. */
  #savedEmpty = true

  constructor(o: { readonly concurrency: number; readonly ordered: boolean }, start: (id: number, element: unknown) => void) {
    this.#concurrency = o.concurrency
    this.#ordered = o.ordered
    this.#start = start
  }

  add(batch: Batch): void {
    for (let i = 0; i < batch.values.length; i++) {
      this.#push(batch.values[i], batch.timestamps[i] ?? 0, batch.windows?.[i] ?? null, batch.panes?.[i] ?? null)
    }
    this.#startMore()
  }

  #push(value: unknown, timestamp: number, windows: Windows | null, pane: PaneInfo | null): void {
    this.#queue.push({ id: this.#ids++, value, timestamp, windows, pane, outcome: null })
    this.#lowest = Math.min(this.#lowest, timestamp)
  }

  #startMore(): void {
    while (!this.#held && this.#working < this.#concurrency && this.#started < this.#queue.length) {
      const call = this.#queue[this.#started++]
      if (call === undefined) return
      this.#working++
      this.#start(call.id, call.value)
    }
  }

  /** What may go on now that one has ended. */
  ended(id: number, outcome: CallOutcome): ReadonlyArray<PendingCall> {
    const at = this.#queue.findIndex(pending => pending.id === id)
    const call = this.#queue[at]
    if (call === undefined || at >= this.#started) throw new Error(`async: no call ${id} is under way`)
    call.outcome = outcome
    this.#working--
    const ready = this.#ordered ? this.#remove(0, this.#endedInFront()) : this.#remove(at, 1)
    this.#startMore()
    return ready
  }

  #endedInFront(): number {
    const end = this.#queue.findIndex(call => call.outcome === null)
    return end < 0 ? this.#queue.length : end
  }

  #remove(at: number, count: number): ReadonlyArray<PendingCall> {
    const removed = this.#queue.splice(at, count)
    this.#started -= count
    if (removed.some(({ timestamp }) => timestamp === this.#lowest)) this.#lowest = this.#findLowest(this.#lowest)
    return removed
  }

  /** Nothing is lower than `before`: the search ends where it meets its like. */
  #findLowest(before: number): number {
    let lowest = Infinity
    for (const { timestamp } of this.#queue) {
      if (timestamp < lowest) lowest = timestamp
      if (lowest === before) break
    }
    return lowest
  }

  /** A point in the order of arrival. */
  mark(): number {
    return this.#ids
  }

  /** Whether the results of all that had come at `mark` have gone on. */
  hasPassed(mark: number): boolean {
    return (this.#queue[0]?.id ?? Infinity) >= mark
  }

  get size(): number {
    return this.#queue.length
  }

  /** Whoever feeds this should wait: it has enough to do for now. */
  get busy(): boolean {
    return this.#queue.length > 2 * this.#concurrency
  }

  /** What a checkpoint held begins once everything is in place. */
  begin(): void {
    this.#held = false
    this.#startMore()
  }

  /** No result will carry an earlier timestamp than this; Infinity for none pending. */
  lowestTimestamp(): number {
    return this.#lowest
  }

  /**
   * All whose results have not gone on, under way or not; null where the snapshot before said the same nothing. Nobody waits for a call:
   * one that is under way has its result behind the barrier, and is made again after a crash.
   */
  snapshot(): FrozenState | null {
    const isEmpty = this.#queue.length === 0
    if (isEmpty && this.#savedEmpty) return null
    this.#savedEmpty = isEmpty
    const out = new ByteWriter()
    out.varint(this.#queue.length)
    for (const { value, timestamp, windows, pane } of this.#queue) {
      out.double(timestamp)
      out.varint(windows === null ? 0 : windows.length + 1)
      for (const window of windows ?? []) writeWindow(window, out)
      panes.write(pane, out)
      values.write(value, out)
    }
    return frozenBytes(out.finish())
  }

  /** The last snapshot came to nothing: the one before it may hold elements. */
  restoreDirty(): void {
    this.#savedEmpty = false
  }

  /** Of several snapshots the newest says all. They start with `begin`. */
  restore(bytes: Uint8Array): void {
    this.#savedEmpty = false
    this.#held = true
    const from = new ByteReader(bytes)
    for (let left = from.varint(); left > 0; left--) {
      const timestamp = from.double()
      const count = from.varint()
      const windows = count === 0 ? null : Array.from({ length: count - 1 }, () => readWindow(from))
      const pane = panes.read(from)
      this.#push(values.read(from), timestamp, windows, pane)
    }
  }
}

/** Snapshots of several tasks as one: those of each in their order, one task's behind another's. */
export const mergedCalls = (snapshots: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = snapshots.map(bytes => new ByteReader(bytes))
  const out = new ByteWriter()
  out.varint(all.reduce((sum, from) => sum + from.varint(), 0))
  for (const from of all) out.raw(from.copy(from.remaining))
  return out.finish()
}

/** What ended calls give, as a batch. */
export const resultsOf = (calls: ReadonlyArray<PendingCall>, outcomeOf: (element: unknown, outcome: CallOutcome) => unknown): Batch => {
  const batch = emptyBatch({ keyed: false, windowed: calls[0]?.windows !== null, panes: true })
  for (const { value, timestamp, windows, pane, outcome } of calls) {
    if (outcome === null) throw new Error('async: a call without an outcome was taken for ended')
    batch.values.push(outcomeOf(value, outcome))
    batch.timestamps.push(timestamp)
    if (windows !== null) batch.windows?.push(windows)
    batch.panes?.push(pane ?? NO_FIRING)
  }
  return batch
}
