// The head of a stateful stage: calls the DoFn for elements, timers and expiring windows, and does what it returns.
import { requireTimestamp } from '../../../sdk/model/timestamp-error.ts'
import type { Coder } from '../../../sdk/coders/index.ts'
import { Metrics } from '../../../sdk/model/metrics.ts'
import { Instant } from '../../../sdk/model/time.ts'
import { NO_FIRING, type PaneInfo } from '../../../sdk/model/pane.ts'
import { type BoundedWindow, GlobalWindow, maxTimestamp, showWindow } from '../../../sdk/model/window.ts'
import type { WindowingStrategy } from '../../../sdk/model/windowing-strategy.ts'
import { type BoundCells, boundCells } from '../../../sdk/stateful/bound-cells.ts'
import type { AfterCommit, Effect } from '../../../sdk/stateful/effects.ts'
import type { ErasedStateful } from '../../../sdk/stateful/erased.ts'
import { type Batch, emptyBatch, type FillingBatch } from '../../harness/batch.ts'
import { showElement, UserCodeError } from '../../harness/errors.ts'
import type { Watermarks } from '../firing.ts'
import type { FrozenState } from '../frozen-state.ts'
import type { Entries, TaskHead } from '../head.ts'
import type { SnapshotScope } from '../messages.ts'
import { isEmpty, Keys, type KeyState, type KeyTimer, type WindowState } from './key-state.ts'
import { KeyTable } from './key-table.ts'
import { type Calling, Timers } from './timers.ts'

export interface StatefulHeadSpec {
  /** The transform's path: what errors name. */
  readonly path: string
  readonly fn: ErasedStateful
  readonly strategy: WindowingStrategy
  readonly keyCoder: Coder<unknown> | null
  readonly watermarks: Watermarks
  readonly emit: (batch: Batch) => void
  readonly afterCommit: (effect: AfterCommit) => void
  /** The strict checks around a user's function. */
  readonly guard: (f: ErasedStateful['process']) => unknown
  /** What is put into a state is encoded at once, so that the call which did it gets the error. */
  readonly strict: boolean
}

type Handler = (event: unknown, cells: unknown) => unknown

const largestBatch = 2_048

/** Of the clock: still to fire when their window expired, and not cleared by onWindowExpiration. */
const droppedTimers = Metrics.counter('droppedProcessingTimers')

const countDroppedTimers = (of: WindowState): void => {
  for (const { timers } of of.keys.values())
    for (const { spec, at } of timers.values()) if (spec.domain === 'processingTime' && !Number.isNaN(at)) droppedTimers.inc()
}

export class StatefulHead implements TaskHead {
  readonly #spec: StatefulHeadSpec
  readonly #timers: Timers
  readonly #table: KeyTable
  readonly #bound: BoundCells
  readonly #stateAt: ReadonlyMap<string, number>
  readonly #process: Handler
  readonly #onTimer: ReadonlyMap<string, Handler>
  readonly #onWindowExpiration: Handler | null
  readonly #calling: Calling = { timestamp: 0, firing: null, firedAt: 0, expiring: false, processingTime: 0 }
  readonly #hasClocks: boolean
  #pane: PaneInfo = NO_FIRING
  #out: FillingBatch
  #late = 0

  constructor(spec: StatefulHeadSpec) {
    const { fn, keyCoder, watermarks, guard } = spec
    const keys = new Keys(keyCoder)
    this.#spec = spec
    this.#timers = new Timers(fn, keys, watermarks)
    this.#hasClocks = Object.values(fn.timers).some(({ domain }) => domain === 'processingTime')
    this.#table = new KeyTable(spec, keys, this.#timers)
    this.#bound = boundCells(fn, this.#table.newSlots())
    this.#stateAt = new Map(Object.keys(fn.state).map((name, i) => [name, i]))
    // The verb that made the DoFn has checked what each function takes.
    this.#process = guard(fn.process) as Handler
    this.#onTimer = new Map(Object.entries(fn.onTimer).map(([name, f]) => [name, guard(f) as Handler]))
    this.#onWindowExpiration = fn.onWindowExpiration === null ? null : (guard(fn.onWindowExpiration) as Handler)
    this.#out = this.#fresh()
  }

  #fresh(): FillingBatch {
    return emptyBatch({ keyed: false, windowed: this.#spec.strategy.windowFn.kind._tag !== 'Global', panes: true })
  }

  // ---- elements

  add({ keys, values, timestamps, windows, panes }: Batch, processingTime: number): void {
    if (keys === null) throw new Error(`${this.#spec.path}: the batch has no keys`)
    this.#calling.processingTime = processingTime
    for (let i = 0; i < values.length; i++) {
      const timestamp = timestamps[i] ?? Instant.min
      const pane = panes === null ? NO_FIRING : (panes[i] ?? NO_FIRING)
      const of = windows === null ? undefined : windows[i]
      if (of === undefined) this.#addTo(GlobalWindow, keys[i], values[i], timestamp, pane)
      else for (let w = 0; w < of.length; w++) this.#addTo(of[w] ?? GlobalWindow, keys[i], values[i], timestamp, pane)
    }
    // What elements set for a time that has passed is due now, behind the bundle.
    if (this.#timers.nextEvent() < this.#spec.watermarks.input) this.#sweep()
    this.#flush()
  }

  #addTo(window: BoundedWindow, key: unknown, value: unknown, timestamp: number, pane: PaneInfo): void {
    const of = this.#table.find(window)
    if (of === null) {
      this.#late++
      return
    }
    this.#about(timestamp, null, pane)
    try {
      const state = this.#table.keyIn(of, key)
      this.#call(this.#process, state, { key: state.key, value, timestamp, window: of.window, pane }, false)
    } catch (cause) {
      throw UserCodeError.onElement(this.#spec.path, [key, value], cause)
    }
    if (this.#out.values.length >= largestBatch) this.#flush()
  }

  #about(timestamp: number, firing: KeyTimer | null, pane: PaneInfo): void {
    this.#calling.timestamp = timestamp
    this.#calling.firing = firing
    this.#calling.firedAt = firing?.at ?? 0
    this.#pane = pane
  }

  // ---- time

  onWatermark(processingTime: number): void {
    this.#calling.processingTime = processingTime
    this.#sweep()
    this.#flush()
  }

  /** In order of time: timers that the watermark has passed, and windows that end behind theirs. */
  #sweep(): void {
    const { input } = this.#spec.watermarks
    this.#timers.beginSweep()
    for (;;) {
      const timer = this.#timers.nextEvent()
      const expiry = this.#table.nextExpiry()
      if (timer < input && timer < expiry) this.#fire(this.#timers.takeEvent())
      else if (expiry <= input) this.#expire(this.#table.takeExpired())
      else return
    }
  }

  onProcessingTime(now: number): void {
    this.#calling.processingTime = now
    this.#timers.beginSweep()
    for (const { timer, setting } of this.#timers.takeClocks(now)) {
      // Another one that fired may have cleared it, or set it again.
      if (timer.setting === setting && !Number.isNaN(timer.at)) this.#fire(timer)
    }
    // An event-time timer that was set for a time that has passed.
    if (this.#timers.nextEvent() < this.#spec.watermarks.input) this.#sweep()
    this.#flush()
  }

  #fire(timer: KeyTimer | undefined): void {
    if (timer === undefined) return
    const { state, spec, tag, at, output } = timer
    const { window } = state.of
    this.#about(output, timer, NO_FIRING)
    this.#table.mark(state)
    this.#timers.unset(timer)
    try {
      const handler = this.#onTimer.get(spec.name)
      if (handler === undefined) throw new TypeError(`the timer ${spec.name} has no handler`)
      this.#call(handler, state, { key: state.key, timestamp: output, fireTimestamp: at, window, tag }, true)
    } catch (cause) {
      throw UserCodeError.onElement(this.#spec.path, { timer: spec.name, tag, key: state.key, at, window: showWindow(window) }, cause)
    }
    if (this.#out.values.length >= largestBatch) this.#flush()
  }

  #expire(of: WindowState | undefined): void {
    // One that was restored and dropped again has nothing left.
    if (of === undefined || of.keys.size === 0) return of === undefined ? undefined : this.#table.drop(of)
    if (this.#onWindowExpiration !== null) {
      for (const state of this.#table.keysOf(of)) this.#expireKey(this.#onWindowExpiration, state)
    }
    if (this.#hasClocks) countDroppedTimers(of)
    this.#table.drop(of)
  }

  #expireKey(handler: Handler, state: KeyState): void {
    const { window } = state.of
    this.#about(maxTimestamp(window), null, NO_FIRING)
    this.#calling.expiring = true
    try {
      this.#call(handler, state, { key: state.key, window }, false)
    } catch (cause) {
      throw UserCodeError.onElement(this.#spec.path, { expired: showWindow(window), key: state.key }, cause)
    }
    this.#calling.expiring = false
    if (this.#out.values.length >= largestBatch) this.#flush()
  }

  // ---- calls

  /** `shrunk`: the key may have nothing left. */
  #call(f: Handler, state: KeyState, event: unknown, shrunk: boolean): void {
    this.#bound.bind(state.slots)
    const effects = f(event, this.#bound.cells)
    if (!Array.isArray(effects)) return refuseResult(effects)
    // A key that was never marked has been made for this call, which may leave it as empty as it is.
    let mayBeEmpty = shrunk || (!this.#table.isMarked(state) && !state.persisted)
    for (let i = 0; i < effects.length; i++) {
      const effect: unknown = effects[i]
      if (effect === false) continue
      if (!isEffect(effect)) return refuseEffect(effect)
      switch (effect._tag) {
        case 'Emit':
          this.#emit(state.of, effect.value, effect.timestamp)
          break
        case 'State': {
          const at = this.#stateAt.get(effect.state) ?? -1
          const slot = state.slots[at]
          if (slot === undefined) throw new TypeError(`there is no state ${effect.state}: an effect is made by a cell of the same DoFn`)
          this.#table.mark(state)
          slot.apply(effect.change)
          if (this.#spec.strict) this.#table.check(state, at, effect.change)
          mayBeEmpty ||= slot.isEmpty
          break
        }
        case 'Timer':
          this.#table.mark(state)
          this.#timers.apply(state, effect.timer, effect.change, this.#calling)
          mayBeEmpty ||= effect.change._tag === 'Clear'
          break
        case 'AfterCommit':
          this.#spec.afterCommit(effect)
          break
      }
    }
    if (mayBeEmpty && !this.#calling.expiring && isEmpty(state)) this.#table.remove(state)
  }

  #emit(of: WindowState, value: unknown, at: number | null): void {
    const { timestamp } = this.#calling
    if (at !== null && !Number.isSafeInteger(at)) requireTimestamp('the timestamp of emitAt', at)
    if (at !== null && !(at >= timestamp)) {
      throw new RangeError(
        `emitAt(${at}) lies before ${timestamp}, the timestamp of what is being processed: the watermark may have passed it. Use emit, or a timer with an outputTimestamp, which holds the watermark until it fires`,
      )
    }
    const { values, timestamps, windows, panes } = this.#out
    values.push(value)
    timestamps.push(at ?? timestamp)
    windows?.push(of.alone)
    panes?.push(this.#pane)
  }

  #flush(): void {
    if (this.#out.values.length === 0) return
    const batch = this.#out
    this.#out = this.#fresh()
    this.#spec.emit(batch)
  }

  // ---- what the task asks

  hold(): number {
    return Math.min(this.#timers.hold(), this.#table.hold())
  }

  wakeAt(): number {
    return this.#timers.nextClock()
  }

  droppedLate(): number {
    return this.#late
  }

  size(): number {
    return this.#table.size
  }

  entries(): Entries {
    return { ...this.#table.entries(), ...this.#timers.entries() }
  }

  snapshot(scope: SnapshotScope): FrozenState | null {
    return this.#table.snapshot(scope)
  }

  restoreDirty(): void {
    this.#table.restoreDirty()
  }

  restore(bytes: Uint8Array, mine: (keyBytes: Uint8Array) => boolean): void {
    this.#table.restore(bytes, mine)
  }
}

const isEffect = (effect: unknown): effect is Effect => {
  if (typeof effect !== 'object' || effect === null || !('_tag' in effect)) return false
  return effect._tag === 'Emit' || effect._tag === 'State' || effect._tag === 'Timer' || effect._tag === 'AfterCommit'
}

const refuseResult = (result: unknown): never => {
  if (result instanceof Promise) {
    // Nobody will look at it: a rejection later must not bring the process down.
    result.catch(() => undefined)
    throw new TypeError('the DoFn gave a promise: use PCollection.mapAsync for asynchronous work')
  }
  throw new TypeError(`a DoFn gives an array of effects or false, and gave ${showElement(result)}`)
}

const refuseEffect = (effect: unknown): never => {
  if (effect instanceof Promise) return refuseResult(effect)
  throw new TypeError(
    `a DoFn gives an array of effects (emit(…), total.write(…), idle.set(…)) or false, and the array holds ${showElement(effect)}: wrap an output in emit`,
  )
}
