// The timers of all keys: when each fires, what each holds, and what may not be set.
//
// As in Beam's Java runners (SimpleDoFnRunner, InMemoryTimerInternals): an event-time timer fires when the watermark is past its time, not
// when it stands there; its outputs carry its time unless it was set with an output timestamp, those of a processing-time timer the
// timestamp of what set it; outputs that a timer may still give hold the watermark; and no event-time timer outlives its window.
import { requireTimestamp } from '../../../sdk/model/timestamp-error.ts'
import { Instant } from '../../../sdk/model/time.ts'
import { showWindow } from '../../../sdk/model/window.ts'
import type { TimerChange } from '../../../sdk/stateful/effects.ts'
import type { ErasedStateful } from '../../../sdk/stateful/erased.ts'
import type { Watermarks } from '../firing.ts'
import type { Entries } from '../head.ts'
import { type Keys, type KeyState, type KeyTimer, newTimer, timerId, type TimerPlace, timersOf } from './key-state.ts'
import type { TimerRecord } from './records.ts'
import { TimerQueue } from './timer-queue.ts'

/** The call whose effects are applied. */
export interface Calling {
  /** Of the element, or what the firing timer's outputs carry. */
  timestamp: number
  /** The timer that fires; null for an element. */
  firing: KeyTimer | null
  /** Where `firing` stood. */
  firedAt: number
  /** Its window's state is about to be removed. */
  expiring: boolean
  processingTime: number
}

/** A key's timer that is set again this often in one sweep without event time getting ahead would go on for ever. */
const mostRepeats = 100_000

export class Timers {
  readonly #watermarks: Watermarks
  readonly #byName: ReadonlyMap<string, TimerPlace>
  readonly #byOrder: ReadonlyArray<TimerPlace>
  readonly #events: TimerQueue
  readonly #clocks: TimerQueue
  /** Those whose outputs lie before their firing. Other event-time timers hold the watermark where they fire. */
  readonly #holds: TimerQueue
  #sweep = 1

  constructor(spec: ErasedStateful, keys: Keys, watermarks: Watermarks) {
    this.#watermarks = watermarks
    this.#byOrder = Object.entries(spec.timers)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { domain, family }], order) => ({ name, order, domain, family }))
    this.#byName = new Map(this.#byOrder.map(place => [place.name, place]))
    this.#events = new TimerQueue(keys.compareTimers, 'queued', timer => timer.at)
    this.#clocks = new TimerQueue(keys.compareTimers, 'queued', timer => timer.at)
    this.#holds = new TimerQueue(keys.compareTimers, 'held', timer => timer.output)
  }

  // ---- effects

  apply(state: KeyState, name: string, change: TimerChange, calling: Calling): void {
    const place = this.#byName.get(name)
    if (place === undefined) throw new TypeError(`there is no timer ${name}: an effect is made by a cell of the same DoFn`)
    if (change._tag === 'Clear') {
      const timer = state.timers.get(timerId(place, change.tag))
      if (timer !== undefined) this.unset(timer)
      return
    }
    if (calling.expiring) {
      throw new RangeError(`onWindowExpiration sets the timer ${name}, and its window is over. Emit what is left, and set no timer`)
    }
    const at = this.#timeOf(state, place, change, calling)
    const output = this.#outputOf(state, place, at, change.outputTimestamp, calling)
    this.#refuseEndless(state, place, at, calling)
    this.#set(state, place, change.tag, at, output)
  }

  #timeOf(state: KeyState, place: TimerPlace, change: Exclude<TimerChange, { readonly _tag: 'Clear' }>, calling: Calling): number {
    if (change._tag === 'After') return this.#afterDelay(place, change.delay, change.alignTo, calling)
    if (place.domain === 'eventTime') return this.#eventTime(state, place, change.at)
    requireTimestamp(`the time of the timer ${place.name}`, change.at)
    return Math.max(change.at, calling.processingTime)
  }

  #eventTime({ of }: KeyState, { name }: TimerPlace, at: number): number {
    requireTimestamp(`the time of the timer ${name}`, at)
    if (at > of.expiry) {
      throw new RangeError(
        `the timer ${name} is set to ${shown(at)}, and the state of its window ${showWindow(of.window)} is removed at ${shown(of.expiry)}, ` +
          'so it would never fire. Set it to window.end at the latest, use onWindowExpiration, or give the windows a longer allowedLateness',
      )
    }
    // The window's end is no part of it: a timer set there fires at the last instant.
    return at === of.expiry ? at - 1 : at
  }

  #afterDelay({ name }: TimerPlace, delay: unknown, alignTo: number | null, { processingTime }: Calling): number {
    if (typeof delay !== 'number' || Number.isNaN(delay))
      throw new TypeError(`the timer ${name} is set to fire after ${String(delay)}, which is no length of time`)
    const at = processingTime + Math.max(0, delay)
    if (alignTo === null) return at
    if (alignTo > 0) return Math.ceil(at / alignTo) * alignTo
    throw new RangeError(`the timer ${name} is aligned to ${String(alignTo)} ms: give alignTo a length of time above 0`)
  }

  #outputOf({ of }: KeyState, { name, domain }: TimerPlace, at: number, told: number | null, { timestamp }: Calling): number {
    if (told === null) return domain === 'eventTime' ? at : timestamp
    const last = domain === 'eventTime' ? at : of.expiry - 1
    if (told >= timestamp && told <= last) return told
    const why =
      told < timestamp
        ? `lies before ${shown(timestamp)}, the timestamp of what set it: the watermark may have passed it. Give it that timestamp or a later one`
        : `lies behind ${shown(last)}, ${domain === 'eventTime' ? 'when it fires' : 'the last instant of its window'}. Give it that or an earlier one`
    throw new RangeError(`the output timestamp ${shown(told)} of the timer ${name} ${why}`)
  }

  // Set to its own time or before it, or at the end of time, a timer that fires would be due again at once, and again.
  #refuseEndless(state: KeyState, { name, domain }: TimerPlace, at: number, { firing, firedAt }: Calling): void {
    if (firing?.spec.domain !== 'eventTime' || domain !== 'eventTime' || at >= this.#watermarks.input) return
    if (at > firedAt && this.#watermarks.input < Instant.max) return
    if (state.sweep !== this.#sweep) state.repeats = 0
    state.sweep = this.#sweep
    if (++state.repeats <= mostRepeats) return
    throw new RangeError(
      `the timer ${name} was set ${mostRepeats} times for one key while timers that are due already fired, and would go on for ever: ` +
        (this.#watermarks.input < Instant.max
          ? 'each was set to the time of the firing one or before it. Set it to a later time'
          : 'the input is over, so every time has passed. Set it again only while there is something left to wait for'),
    )
  }

  // ---- setting

  #set(state: KeyState, place: TimerPlace, tag: string, at: number, output: number): void {
    const id = timerId(place, tag)
    const known = state.timers.get(id)
    const timer = known ?? newTimer(state, id, place, tag)
    if (known === undefined) timersOf(state).set(id, timer)
    if (Number.isNaN(timer.at)) state.pending++
    timer.at = at
    timer.output = output
    timer.setting++
    this.#queueOf(timer).put(timer)
    if (place.domain === 'processingTime' || output < at) this.#holds.put(timer)
    else this.#holds.remove(timer)
  }

  #queueOf({ spec }: KeyTimer): TimerQueue {
    return spec.domain === 'eventTime' ? this.#events : this.#clocks
  }

  /** It fires no more. */
  unset(timer: KeyTimer): void {
    if (Number.isNaN(timer.at)) return
    timer.at = Number.NaN
    timer.state.pending--
    timer.state.timers.delete(timer.id)
    this.#queueOf(timer).remove(timer)
    this.#holds.remove(timer)
  }

  /** All of a key that is gone. */
  forget(state: KeyState): void {
    for (const timer of state.timers.values()) this.unset(timer)
  }

  restore(state: KeyState, records: ReadonlyArray<TimerRecord>): void {
    for (const timer of state.timers.values()) this.unset(timer)
    for (const { order, tag, at, output } of records) {
      const place = this.#byOrder[order]
      if (place === undefined) throw new Error(`a record speaks of timer ${order}, and there are ${this.#byOrder.length}`)
      this.#set(state, place, tag, at, output)
    }
  }

  // ---- what is due

  entries(): Entries {
    return { timers: this.#events.size + this.#clocks.size, holds: this.#holds.size }
  }

  /** Settings are counted anew. */
  beginSweep(): void {
    this.#sweep++
  }

  nextEvent(): number {
    return this.#events.next()
  }

  takeEvent(): KeyTimer | undefined {
    return this.#events.take()
  }

  nextClock(): number {
    return this.#clocks.next()
  }

  /** Those that are due now, in order; what is set while they fire waits for the next time, so that none keeps the others waiting. */
  takeClocks(now: number): ReadonlyArray<{ readonly timer: KeyTimer; readonly setting: number }> {
    const due: { readonly timer: KeyTimer; readonly setting: number }[] = []
    while (this.#clocks.next() <= now) {
      const timer = this.#clocks.take()
      if (timer !== undefined) due.push({ timer, setting: timer.setting })
    }
    return due
  }

  /** The earliest timestamp that an output of a timer may carry; Infinity for none. */
  hold(): number {
    // What is behind the watermark that was handed on is late whatever happens: waiting for it would help nobody.
    while (this.#holds.next() < this.#watermarks.output) this.#holds.take()
    return Math.min(this.#holds.next(), this.#events.next())
  }
}

const shown = (at: number): string => Instant.toIso(Instant.ofMillis(at))
