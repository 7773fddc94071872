// The head of an asynchronous stage: which elements are being worked on, and in which order their results go on.
import type { PaneInfo } from '../../sdk/model/pane.ts'
import type { Batch, Windows } from '../harness/batch.ts'
import type { CallOutcome } from './messages.ts'

export interface PendingCall {
  readonly id: number
  readonly value: unknown
  readonly timestamp: number
  readonly windows: Windows | null
  readonly pane: PaneInfo | null
  outcome: CallOutcome | null
}

export class AsyncCalls {
  readonly #concurrency: number
  readonly #ordered: boolean
  readonly #start: (id: number, element: unknown) => void
  /** In order of arrival: working or worked on first, waiting behind `#started`. */
  readonly #queue: PendingCall[] = []
  #started = 0
  #ids = 0

  constructor(o: { readonly concurrency: number; readonly ordered: boolean }, start: (id: number, element: unknown) => void) {
    this.#concurrency = o.concurrency
    this.#ordered = o.ordered
    this.#start = start
  }

  add({ values, timestamps, windows, panes }: Batch): void {
    for (let i = 0; i < values.length; i++) {
      this.#queue.push({ id: this.#ids++, value: values[i], timestamp: timestamps[i] ?? 0, windows: windows?.[i] ?? null, pane: panes?.[i] ?? null, outcome: null })
    }
    this.#startMore()
  }

  #startMore(): void {
    let working = 0
    for (let i = 0; i < this.#started; i++) if (this.#queue[i]?.outcome === null) working++
    while (working < this.#concurrency && this.#started < this.#queue.length) {
      const call = this.#queue[this.#started++]
      if (call === undefined) return
      working++
      this.#start(call.id, call.value)
    }
  }

  /** What may go on now that one has ended. */
  ended(id: number, outcome: CallOutcome): ReadonlyArray<PendingCall> {
    const call = this.#queue.find(pending => pending.id === id)
    if (call === undefined) throw new Error(`async: no call ${id} is pending`)
    call.outcome = outcome
    const ready = this.#ordered ? this.#takeFirst() : this.#take(call)
    this.#startMore()
    return ready
  }

  #takeFirst(): ReadonlyArray<PendingCall> {
    const end = this.#queue.findIndex(call => call.outcome === null)
    return this.#shift(end < 0 ? this.#queue.length : end)
  }

  #take(call: PendingCall): ReadonlyArray<PendingCall> {
    this.#queue.splice(this.#queue.indexOf(call), 1)
    this.#started--
    return [call]
  }

  #shift(count: number): ReadonlyArray<PendingCall> {
    this.#started -= count
    return this.#queue.splice(0, count)
  }

  get size(): number {
    return this.#queue.length
  }

  /** No result will carry an earlier timestamp than this; Infinity for none pending. */
  hold(): number {
    return this.#queue.reduce((lowest, { timestamp }) => Math.min(lowest, timestamp), Infinity)
  }
}
