// What a stateful DoFn sees of its state and timers: cells, which read what was there when the call began and make effects.
import type { Option } from 'fp-ts/lib/Option.js'
import type { KV } from '../model/kv.ts'
import type { Duration, Instant } from '../model/time.ts'
import type { StateEffect, TimerEffect } from './effects.ts'

/** One value (Beam's ValueState). */
export interface ValueCell<A> {
  readonly read: A
  readonly write: (a: A) => StateEffect
  readonly clear: StateEffect
}

/** Values in the order in which they were added (Beam's BagState). */
export interface BagCell<A> {
  readonly read: ReadonlyArray<A>
  readonly isEmpty: boolean
  readonly add: (a: A) => StateEffect
  readonly clear: StateEffect
}

/** An accumulator: what is added is forgotten once it is combined (Beam's CombiningState). */
export interface CombiningCell<I, O> {
  readonly read: O
  readonly add: (i: I) => StateEffect
  readonly clear: StateEffect
}

/** Keys are compared by their encoding, so a tuple or record works as a key (Beam's MapState). */
export interface MapCell<K, V> {
  readonly get: (k: K) => Option<V>
  readonly entries: Iterable<KV<K, V>>
  readonly put: (k: K, v: V) => StateEffect
  readonly remove: (k: K) => StateEffect
  readonly clear: StateEffect
}

/** Elements are compared by their encoding (Beam's SetState). */
export interface SetCell<A> {
  readonly has: (a: A) => boolean
  readonly read: Iterable<A>
  readonly add: (a: A) => StateEffect
  readonly remove: (a: A) => StateEffect
  readonly clear: StateEffect
}

/** Values by time; those of one instant in the order in which they were added (Beam's OrderedListState). Ranges are half open. */
export interface OrderedListCell<A> {
  readonly range: (from: Instant, to: Instant) => Iterable<readonly [Instant, A]>
  readonly add: (at: Instant, a: A) => StateEffect
  readonly clearRange: (from: Instant, to: Instant) => StateEffect
}

export interface TimerOptions {
  /** The timestamp that its outputs have unless they say another; it holds the watermark. Neither before the element's timestamp nor after the firing. */
  readonly outputTimestamp?: Instant | undefined
}

/** Fires when the watermark has passed `at`; one that is set again fires at the new time alone. */
export interface EventTimer {
  readonly set: (at: Instant, o?: TimerOptions) => TimerEffect
  readonly clear: TimerEffect
}

/** From now on: the function never asks what time it is. */
export interface ProcessingTimer {
  readonly after: (delay: Duration, o?: TimerOptions) => TimerEffect
  readonly clear: TimerEffect
}

/** Any number of timers, told apart by a tag, which its firing names. */
export interface EventTimerFamily {
  readonly set: (tag: string, at: Instant, o?: TimerOptions) => TimerEffect
  readonly clear: (tag: string) => TimerEffect
}

/** The same from now on. */
export interface ProcessingTimerFamily {
  readonly after: (tag: string, delay: Duration, o?: TimerOptions) => TimerEffect
  readonly clear: (tag: string) => TimerEffect
}
