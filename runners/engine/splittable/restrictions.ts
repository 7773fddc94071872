// The head of a splittable stage: which restrictions there are, which are read, and what follows from what their generators give.
import * as O from 'fp-ts/lib/Option.js'
import { Instant } from '../../../sdk/model/time.ts'
import type { ErasedSplittable } from '../../../sdk/splittable/erased.ts'
import { LiveTracker } from '../../../sdk/splittable/tracker.ts'
import type { Batch } from '../../harness/batch.ts'
import { showElement, UserCodeError } from '../../harness/errors.ts'
import type { Passage } from '../catching-up.ts'
import type { Entries, TaskHead } from '../head.ts'
import { Heap } from '../heap.ts'
import { isNever } from '../exhaustive.ts'
import type { FrozenState } from '../frozen-state.ts'
import type { SnapshotScope } from '../messages.ts'
import { type Entry, leftOf, type Live, liveOf } from './entry.ts'
import { Fifo } from './fifo.ts'
import type { RestrictionCommand, RestrictionEvent, RestrictionState } from './messages.ts'
import { batchOf, continuationIn } from './outputs.ts'
import { partsOf, truncated } from './parts.ts'
import { RestrictionSet } from './restriction-set.ts'
import { leftBehind, leftIn, remainingOf, stateOf, statesOf } from './shown.ts'

/** How many restrictions are read at once, and how many are asked for. */
const mostActive = 16
/** More than this waits: whoever feeds this should wait as well. */
const mostWaiting = 1_024
/** Where others wait, a restriction gives up its place after so many yields, or so long. */
const turnYields = 64
const turnMs = 1_000

export interface RestrictionsSpec {
  /** The transform's path, for errors. */
  readonly path: string
  readonly fn: ErasedSplittable
  readonly emit: (batch: Batch) => void
  readonly command: (command: RestrictionCommand) => void
}

export class Restrictions implements TaskHead, Passage {
  readonly #spec: RestrictionsSpec
  readonly #all: RestrictionSet
  readonly #news = new Fifo<Entry>()
  readonly #queue = new Fifo<Entry>()
  readonly #delayed = new Heap<Entry>((a, b) => a.id - b.id)
  #asking = 0
  #active = 0
  /** Nothing begins before everything is in place. */
  #begun = false
  #draining = false
  readonly #ended: RestrictionState[] = []

  constructor(spec: RestrictionsSpec) {
    this.#spec = spec
    this.#all = new RestrictionSet(spec.fn)
  }

  // ---- events

  /** Restrictions that a checkpoint held are read from now on. */
  begin(nowMs: number): void {
    this.#begun = true
    for (const entry of [...this.#all.values()].sort((a, b) => a.id - b.id)) {
      if (entry.status === 'new') this.#news.push(entry)
      else if (entry.status === 'delayed') this.#delayed.push(entry.resumeAt, entry)
      else this.#queue.push(entry)
    }
    this.onProcessingTime(nowMs)
  }

  add({ values, timestamps, windows, panes }: Batch, nowMs: number): void {
    for (const [i, element] of values.entries()) {
      const timestamp = timestamps[i] ?? 0
      this.#news.push(this.#all.make({ element, timestamp, windows: windows?.[i] ?? null, pane: panes?.[i] ?? null }, timestamp))
    }
    this.#startMore(nowMs)
  }

  onWatermark(): void {
    // What is read does not depend on it.
  }

  onProcessingTime(nowMs: number): void {
    for (let next = this.#delayed.peek(); next !== undefined; next = this.#delayed.peek()) {
      const waits = next.status === 'delayed' && !next.gone
      if (waits && next.resumeAt > nowMs) break
      this.#delayed.pop()
      if (waits) this.#enqueue(next)
    }
    this.#startMore(nowMs)
  }

  on(event: RestrictionEvent, nowMs: number): void {
    const entry = this.#all.get(event.id)
    if (entry === undefined) throw new Error(`${this.#spec.path}: there is no restriction ${event.id}`)
    switch (event._tag) {
      case 'Asked':
        this.#onAsked(entry, event.restriction, event.desired)
        break
      case 'Yielded':
        this.#onYielded(entry, liveOf(entry), event.outputs, nowMs)
        break
      case 'Returned':
        this.#user(entry, () => this.#onReturned(entry, liveOf(entry), event.continuation, nowMs))
        break
      default:
        return isNever(event)
    }
    this.#startMore(nowMs)
  }

  /** What a user's functions throw belongs to the element that is read. */
  #user<A>(entry: Entry, work: () => A): A {
    try {
      return work()
    } catch (cause) {
      throw UserCodeError.onElement(this.#spec.path, entry.origin.element, cause)
    }
  }

  #onAsked(entry: Entry, restriction: unknown, desired: number): void {
    const { fn } = this.#spec
    this.#asking--
    const parts = this.#user(entry, () => partsOf(fn, entry.origin, restriction, desired, this.#draining))
    if (parts.length === 0) return this.#remove(entry)
    for (const [i, part] of parts.entries()) {
      // All begin where the element stands.
      const queued = i === 0 ? entry : this.#all.make(entry.origin, entry.watermark)
      queued.restriction = part
      queued.state = this.#user(entry, () => fn.watermark.initial(entry.origin.timestamp as Instant)) // an element's timestamp is one
      this.#enqueue(queued)
    }
  }

  #onYielded(entry: Entry, live: Live, outputs: unknown, nowMs: number): void {
    const batch = this.#user(entry, () => batchOf(outputs, entry.origin))
    if (batch.values.length > 0) this.#spec.emit(batch)
    this.#user(entry, () => {
      const { observe } = this.#spec.fn.watermark
      // All timestamps in a batch have been looked at.
      if (observe !== null) for (const t of batch.timestamps) live.cell.state = observe(live.cell.state, t as Instant)
      this.#commit(entry, live, nowMs)
    })
    if (live.leaving) return this.#abandon(entry)
    live.yields++
    const itsTurnIsOver = live.yields >= turnYields || nowMs - live.sinceMs >= turnMs
    if (itsTurnIsOver && this.#active >= mostActive && this.#queue.size > 0) this.#user(entry, () => this.#park(entry))
  }

  /** What was claimed until now has been handed on. */
  #commit(entry: Entry, live: Live, nowMs: number): void {
    live.committed = live.tracker.last
    entry.state = live.cell.state
    const watermark: unknown = this.#spec.fn.watermark.current(entry.state, nowMs as Instant) // the host's clock gives instants
    if (typeof watermark !== 'number' || Number.isNaN(watermark))
      throw new RangeError(`the watermark estimator says ${showElement(watermark)}, which is no instant: use Instant.ofMillis`)
    this.#all.raise(entry, watermark)
    this.#all.touch(entry)
  }

  #onReturned(entry: Entry, live: Live, result: unknown, nowMs: number): void {
    const continuation = continuationIn(result)
    const { tracker } = live
    this.#commit(entry, live, nowMs)
    if (continuation._tag === 'Stop') {
      if (!tracker.refused && !tracker.isDone()) throw new RangeError(leftBehind(tracker))
      return this.#remove(entry)
    }
    const left = tracker.left()
    if (O.isNone(left) || live.leaving) return this.#remove(entry)
    this.#release(entry)
    entry.restriction = left.value
    if (continuation.after === 0 || this.#draining) return this.#enqueue(entry)
    entry.status = 'delayed'
    entry.resumeAt = nowMs + continuation.after
    this.#delayed.push(entry.resumeAt, entry)
  }

  /** Others wait: the rest of this one goes to the end of the queue. Whatever was claimed has been handed on. */
  #park(entry: Entry): void {
    const left = leftOf(entry)
    if (O.isNone(left)) return
    this.#spec.command({ _tag: 'Stop', id: entry.id })
    this.#release(entry)
    entry.restriction = left.value
    this.#enqueue(entry)
  }

  #abandon(entry: Entry): void {
    this.#spec.command({ _tag: 'Stop', id: entry.id })
    this.#remove(entry)
  }

  // ---- what the host asks

  /** Gives away what an active one has not claimed, but for `fraction` of it; false where there is nothing to give. */
  trySplit(id: number, fraction: number, nowMs: number): boolean {
    const entry = this.#all.get(id)
    if (entry === undefined || entry.live === null) return false
    const { tracker } = entry.live
    const residual = this.#user(entry, () => tracker.trySplit(fraction))
    if (O.isNone(residual)) return false
    this.#all.touch(entry)
    this.#makeResidual(entry, residual.value)
    this.#startMore(nowMs)
    return true
  }

  #makeResidual(entry: Entry, restriction: unknown): void {
    this.#enqueue(this.#residual(entry, restriction))
  }

  #residual(entry: Entry, restriction: unknown): Entry {
    const part = this.#all.make(entry.origin, entry.watermark)
    part.restriction = restriction
    part.state = entry.state
    return part
  }

  /** About how much is left that has an end, in the restrictions' own unit. */
  remaining(): number {
    return remainingOf(this.#all, this.#leftIn)
  }

  readonly #leftIn = (entry: Entry): number => this.#user(entry, () => leftIn(this.#spec.fn, entry))

  /** Takes out what another task is to read: one that waits, or half of an active one. */
  give(): { readonly bytes: Uint8Array; readonly watermark: number } | null {
    if (this.#draining) return null
    for (const entry of this.#all.values()) if (entry.status === 'queued' && this.#leftIn(entry) > 0) return this.#giveAway(entry)
    for (const entry of this.#all.values()) {
      const { live } = entry
      const residual = live === null || this.#leftIn(entry) === 0 ? O.none : this.#user(entry, () => live.tracker.trySplit(0.5))
      if (O.isNone(residual)) continue
      this.#all.touch(entry)
      return this.#giveAway(Object.assign(this.#residual(entry, residual.value), { status: 'queued' as const }))
    }
    return null
  }

  #giveAway(entry: Entry): { readonly bytes: Uint8Array; readonly watermark: number } {
    const bytes = this.#all.encoded(entry, entry.restriction)
    this.#all.remove(entry)
    return { bytes, watermark: entry.watermark }
  }

  /** One that another task has given. */
  take(bytes: Uint8Array, nowMs: number): void {
    const entry = this.#all.adopt(this.#all.decoded(bytes))
    this.#enqueue(entry)
    if (this.#draining) this.#user(entry, () => this.#drainOne(entry))
    this.#startMore(nowMs)
  }

  /** Nothing new is to be read: what `truncate` leaves of each restriction is finished. */
  drain(nowMs: number): void {
    if (this.#draining) return
    this.#draining = true
    for (const entry of [...this.#all.values()]) this.#user(entry, () => this.#drainOne(entry))
    this.#startMore(nowMs)
  }

  #drainOne(entry: Entry): void {
    switch (entry.status) {
      // Truncated when it is known.
      case 'new':
      case 'asking':
        return
      case 'queued':
      case 'delayed': {
        const kept = truncated(this.#spec.fn, entry.origin, entry.restriction)
        if (O.isNone(kept)) return this.#remove(entry)
        entry.restriction = kept.value
        if (entry.status === 'delayed') return this.#enqueue(entry)
        return this.#all.touch(entry)
      }
      case 'active':
        return this.#drainActive(entry, liveOf(entry))
    }
  }

  /** What was claimed is finished; the rest is truncated. */
  #drainActive(entry: Entry, live: Live): void {
    const { tracker } = live
    // A checkpoint before its outputs are here holds what was claimed alone: the rest is in the residual.
    const left = tracker.giveUp()
    const kept = O.isNone(left) ? O.none : truncated(this.#spec.fn, entry.origin, left.value)
    if (O.isSome(kept)) this.#makeResidual(entry, kept.value)
    live.leaving = true
    if (live.committed === tracker.last) return this.#abandon(entry)
    this.#all.touch(entry)
  }

  hold(): number {
    // A restriction is still to come to its end, whatever its estimator says.
    return this.#all.size === 0 ? Infinity : Math.min(this.#all.lowestWatermark(), Instant.max - 2)
  }

  wakeAt(): number {
    return this.#delayed.next()
  }

  droppedLate(): number {
    return 0
  }

  entries(): Entries {
    return { restrictions: this.#all.size, delayed: this.#delayed.size, changes: this.#all.changes }
  }

  size(): number {
    return this.#all.size
  }

  /** Whoever feeds this should wait: it has enough to do. */
  busy(): boolean {
    return this.#news.size + this.#queue.size > mostWaiting
  }

  /** Nothing is read, and nothing is about to be; delayed ones wait. */
  quiescent(): boolean {
    return this.#active + this.#asking + this.#queue.size + this.#news.size === 0
  }

  /** All that was there has been read once nothing more is: whoever comes back later has seen the end. */
  mark(): number {
    return 0
  }

  hasPassed(): boolean {
    return this.quiescent()
  }

  /** Those that are there, as far as they are worth showing, and the last that were done. */
  states(): ReadonlyArray<RestrictionState> {
    return statesOf(this.#ended, this.#all.values(), entry => this.#user(entry, () => stateOf(this.#spec.fn, entry)))
  }

  // ---- checkpoints

  snapshot(scope: SnapshotScope): FrozenState | null {
    return this.#all.snapshot(scope)
  }

  restoreDirty(): void {
    this.#all.restoreDirty()
  }

  /** They belong to this task whatever their keys: they have none. */
  restore(bytes: Uint8Array): void {
    this.#all.restore(bytes)
  }

  // ---- inside

  #enqueue(entry: Entry): void {
    entry.status = 'queued'
    this.#queue.push(entry)
    this.#all.touch(entry)
  }

  #startMore(nowMs: number): void {
    if (!this.#begun) return
    while (this.#asking < mostActive && this.#news.size > 0) {
      const entry = this.#news.shift()
      if (entry === undefined) return
      entry.status = 'asking'
      this.#asking++
      this.#spec.command({ _tag: 'Ask', id: entry.id, element: entry.origin.element })
    }
    while (this.#active < mostActive && this.#queue.size > 0) {
      const entry = this.#queue.shift()
      if (entry === undefined) return
      if (!entry.gone) this.#start(entry, nowMs)
    }
  }

  #start(entry: Entry, nowMs: number): void {
    const tracker = new LiveTracker(this.#spec.fn.restriction, entry.restriction)
    const cell = { state: entry.state }
    entry.status = 'active'
    entry.live = { tracker, cell, committed: O.none, leaving: false, yields: 0, sinceMs: nowMs }
    this.#active++
    this.#spec.command({ _tag: 'Start', id: entry.id, element: entry.origin.element, tracker, cell })
  }

  #release(entry: Entry): void {
    entry.live?.tracker.stop()
    entry.live = null
    this.#active--
  }

  #remove(entry: Entry): void {
    if (entry.live !== null) {
      this.#ended.push({ ...stateOf(this.#spec.fn, entry), status: 'done', remaining: 0 })
      if (this.#ended.length > mostActive) this.#ended.shift()
      this.#release(entry)
    }
    this.#all.remove(entry)
  }
}
