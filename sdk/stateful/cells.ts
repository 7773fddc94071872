// What a stateful DoFn sees of its state and timers: cells, which read what was there when the call began and make effects.
import type { Option } from 'fp-ts/lib/Option.js'
import type { KV } from '../model/kv.ts'
import type { Duration, Instant } from '../model/time.ts'
import type { StateEffect, TimerEffect } from './effects.ts'

/** One value (Beam's ValueState). `read` is what was there when the call began, as in all cells. */
export interface ValueCell<A> {
  readonly read: A
  /** In place of what is there. */
  readonly write: (a: A) => StateEffect
  /** As it was for a new key. */
  readonly clear: StateEffect
}

/** Values in the order in which they were added (Beam's BagState). */
export interface BagCell<A> {
  /** All of them: an array, made when it is asked for. */
  readonly read: ReadonlyArray<A>
  /** Cheaper than `read`. */
  readonly isEmpty: boolean
  /** Behind the others. */
  readonly add: (a: A) => StateEffect
  /** Empties it. */
  readonly clear: StateEffect
}

/** An accumulator: what is added is forgotten once it is combined (Beam's CombiningState). */
export interface CombiningCell<I, O> {
  /** What the function extracts from the accumulator; of nothing where nothing was added. */
  readonly read: O
  /** Into the accumulator. */
  readonly add: (i: I) => StateEffect
  /** Back to a new accumulator. */
  readonly clear: StateEffect
}

/** Values by key (Beam's MapState). Keys are compared by their encoding, so a tuple or record works as one. */
export interface MapCell<K, V> {
  /** None for a key that is not there. */
  readonly get: (k: K) => Option<V>
  /** All keys with their values. */
  readonly entries: Iterable<KV<K, V>>
  /** In place of what the key has. */
  readonly put: (k: K, v: V) => StateEffect
  /** Nothing happens for a key that is not there. */
  readonly remove: (k: K) => StateEffect
  /** Empties it. */
  readonly clear: StateEffect
}

/** A set (Beam's SetState). Elements are compared by their encoding. */
export interface SetCell<A> {
  /** Whether it is there. */
  readonly has: (a: A) => boolean
  /** All elements, each once. */
  readonly read: Iterable<A>
  /** Nothing happens for one that is there. */
  readonly add: (a: A) => StateEffect
  /** Nothing happens for one that is not there. */
  readonly remove: (a: A) => StateEffect
  /** Empties it. */
  readonly clear: StateEffect
}

/** Values by time; those of one instant in the order in which they were added (Beam's OrderedListState). Ranges are half open. */
export interface OrderedListCell<A> {
  /** What lies from `from` up to, not including, `to`, in order. */
  readonly range: (from: Instant, to: Instant) => Iterable<readonly [Instant, A]>
  /** The first of what lies at `from` or behind it: `range` would copy all of that. */
  readonly first: (from: Instant) => Option<readonly [Instant, A]>
  /** Behind others of that instant. */
  readonly add: (at: Instant, a: A) => StateEffect
  /** Removes what `range` gives. */
  readonly clearRange: (from: Instant, to: Instant) => StateEffect
}

/** How a timer is set: see `EventTimer.set` and `ProcessingTimer.after`. */
export interface TimerOptions {
  /** The timestamp that its outputs have unless they say another; it holds the watermark. Neither before the element's timestamp nor after the firing. */
  readonly outputTimestamp?: Instant | undefined
}

/** How `ProcessingTimer.after` sets a timer. */
export interface DelayOptions extends TimerOptions {
  /**
   * The timer fires at the next full multiple of this length since 1970, so that those of all keys fire together (Beam's Timer.align).
   * Default: exactly after its delay.
   */
  readonly alignTo?: Duration | undefined
}

/** Fires when the watermark has passed its time (Beam's TimeDomain.EVENT_TIME). */
export interface EventTimer {
  /** Set again, it fires at the new time alone. */
  readonly set: (at: Instant, o?: TimerOptions) => TimerEffect
  /** It will not fire. */
  readonly clear: TimerEffect
}

/** Fires by the clock (Beam's TimeDomain.PROCESSING_TIME): after a delay, so that the function never asks what time it is, or at a time. */
export interface ProcessingTimer {
  /** Set again, it fires at the new time alone. */
  readonly after: (delay: Duration, o?: DelayOptions) => TimerEffect
  /** At this time of the clock; at once where it has passed. Not for event time, which `Timer.eventTime` waits for. */
  readonly at: (at: Instant, o?: TimerOptions) => TimerEffect
  /** It will not fire. */
  readonly clear: TimerEffect
}

/** Any number of event-time timers, told apart by a tag, which the firing names (Beam's TimerMap). */
export interface EventTimerFamily {
  /** The timer of that tag. */
  readonly set: (tag: string, at: Instant, o?: TimerOptions) => TimerEffect
  /** That of the tag will not fire. */
  readonly clear: (tag: string) => TimerEffect
}

/** Any number of processing-time timers, told apart by a tag (Beam's TimerMap). */
export interface ProcessingTimerFamily {
  /** The timer of that tag. */
  readonly after: (tag: string, delay: Duration, o?: DelayOptions) => TimerEffect
  /** The timer of that tag, at this time of the clock; at once where it has passed. */
  readonly at: (tag: string, at: Instant, o?: TimerOptions) => TimerEffect
  /** That of the tag will not fire. */
  readonly clear: (tag: string) => TimerEffect
}
