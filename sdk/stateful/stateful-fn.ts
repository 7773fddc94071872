// DoFns with state and timers for each key and window: what a user writes, and what it becomes.
import type { KV } from '../model/kv.ts'
import type { PaneInfo } from '../model/pane.ts'
import type { Instant } from '../model/time.ts'
import type { BoundedWindow } from '../model/window.ts'
import type { DoFn, Emitted } from './do-fn.ts'
import type { AfterCommit, Effects, Emit, StateEffect, TimerEffect } from './effects.ts'
import type { ErasedStateful } from './erased.ts'
import { erasedState, type StateSpec, type TimerSpec } from './state-specs.ts'

export type StateSpecs = Readonly<Record<string, StateSpec<unknown>>>
export type TimerSpecs = Readonly<Record<string, TimerSpec<unknown>>>
/** What `{}` says, where it says it of nothing else. */
export type NoTimers = { readonly [N in never]: never }
type CellOf<S> = S extends StateSpec<infer C> ? C : S extends TimerSpec<infer C> ? C : never
/** What functions see of the states `S` and the timers `T`, by name. */
export type Cells<S, T> = { readonly [N in keyof S]: CellOf<S[N]> } & { readonly [N in keyof T]: CellOf<T[N]> }

/** A `key` and a `value` as a stateful DoFn sees them, once for each `window`, with their `timestamp` and `pane`. */
export interface KeyedElement<out K, out V> {
  readonly key: K
  readonly value: V
  readonly timestamp: Instant
  readonly window: BoundedWindow
  readonly pane: PaneInfo
}

/** A timer of a `key` and a `window` that fires. */
export interface Firing<out K> {
  readonly key: K
  /** What its outputs carry unless they say another: an event-time timer's time, or the output timestamp that it was set with. */
  readonly timestamp: Instant
  /** The time that it was set for: event time, or the clock's for a processing-time timer (Beam's fireTimestamp). */
  readonly fireTimestamp: Instant
  readonly window: BoundedWindow
  /** Which of a family's timers; '' where there is but one. */
  readonly tag: string
}

/** A `window` whose end and allowed lateness the watermark has passed, for a `key` that has state or timers in it (Beam's OnWindowExpiration). */
export interface Expiration<out K> {
  readonly key: K
  readonly window: BoundedWindow
}

/** The handlers of a stateful DoFn's timers, by the timers' names. */
export type OnTimer<K, S, T> = { readonly [N in keyof T]: (firing: Firing<K>, cells: Cells<S, T>) => Effects }

/** What the timer handlers `H` return. */
// Per handler and then looked up: without handlers, `H[keyof H] extends … infer R` would infer unknown.
export type HandlerResult<H> = { readonly [N in keyof H]: H[N] extends (...a: never) => infer R ? R : never }[keyof H]
type Flat<A> = { readonly [N in keyof A]: A[N] }

/** What a user writes. Each function sees its cells as they were when the call began; what it returns is applied after it, in order. */
export interface StatefulSpec<in K, in V, S extends StateSpecs, T extends TimerSpecs, P, H, X> {
  /** By the names under which functions see them. */
  readonly state: S
  /** By the names under which functions see them; none unless told. */
  readonly timers?: T | undefined
  /** Called once an element and window. What is too late for its window (its end and allowed lateness have passed) is dropped and counted. */
  readonly process: (element: KeyedElement<K, V>, cells: Cells<S, T>) => P
  /** One handler a timer. */
  readonly onTimer?: H | undefined
  /** Behind all timers of the window; then its state is gone. Outputs carry the window's last instant. */
  readonly onWindowExpiration?: ((expiration: Expiration<K>, cells: Cells<S, T>) => X) | undefined
}

/** A timer without a handler, a handler without a timer, a timer named as a state is: none compiles. */
export type Wellformed<S, T, H> = ([keyof T] extends [never]
  ? unknown
  : { readonly onTimer: { readonly [N in Exclude<keyof H, keyof T>]: never } }) & { readonly timers?: { readonly [N in keyof S]?: never } }

type Does<O> = ReadonlyArray<Emit<O> | StateEffect | TimerEffect | AfterCommit | false>

/** What a StatefulSpec becomes: plain functions that a test calls (see StatefulTest), in a type that a reader can read. `C`: its cells by name. */
export interface StatefulDoFn<K, V, C, TimerName extends string, out O> extends DoFn<KV<K, V>, O> {
  /** @internal For runners. */
  readonly stateful: ErasedStateful
  /** As it was written. */
  readonly process: (element: KeyedElement<K, V>, cells: C) => Does<O>
  /** As they were written. */
  readonly onTimer: { readonly [N in TimerName]: (firing: Firing<K>, cells: C) => Does<O> }
  /** As it was written; gives no effects where there is none. */
  readonly onWindowExpiration: (expiration: Expiration<K>, cells: C) => Does<O>
}

type Handler = (event: never, cells: never) => Effects

/** See {@link DoFn}. */
export const stateful = <
  K,
  V,
  S extends StateSpecs,
  P extends Effects,
  T extends TimerSpecs = NoTimers,
  H extends OnTimer<K, S, T> = OnTimer<K, S, T>,
  X extends Effects = never,
>(
  spec: StatefulSpec<K, V, S, T, P, H, X> & Wellformed<S, T, H>,
): StatefulDoFn<K, V, Flat<Cells<S, T>>, keyof T & string, Emitted<P | HandlerResult<H> | X>> => {
  const states = Object.entries(spec.state).map(([name, state]) => [name, erasedState(state)] as const)
  const timers: TimerSpecs = spec.timers ?? {}
  const onTimer: Readonly<Record<string, Handler>> = { ...(spec.onTimer as Readonly<Record<string, Handler>> | undefined) }
  refuseNames(Object.keys(spec.state), Object.keys(timers), Object.keys(onTimer))
  const fn = {
    _tag: 'DoFn',
    bundle: null,
    sides: null,
    stateful: Object.freeze({
      state: Object.freeze(Object.fromEntries(states)),
      timers,
      process: spec.process,
      onTimer,
      onWindowExpiration: spec.onWindowExpiration ?? null,
    }),
    process: spec.process,
    onTimer: Object.freeze(onTimer),
    onWindowExpiration: spec.onWindowExpiration ?? (() => []),
  }
  // Believed: what the three functions emit is what the result's type says, since it was inferred from them.
  return Object.freeze(fn) as unknown as StatefulDoFn<K, V, Flat<Cells<S, T>>, keyof T & string, Emitted<P | HandlerResult<H> | X>>
}

/** What the compiler refuses, said to programs that it has not seen. */
const refuseNames = (states: ReadonlyArray<string>, timers: ReadonlyArray<string>, handlers: ReadonlyArray<string>): void => {
  const refuse = (why: string): never => {
    throw new TypeError(`DoFn.stateful: ${why}`)
  }
  for (const name of timers) {
    if (states.includes(name)) refuse(`the timer ${name} is named as a state is: a function sees both by name, so give each its own`)
    if (!handlers.includes(name)) refuse(`the timer ${name} has no handler: add one to onTimer`)
  }
  for (const name of handlers) if (!timers.includes(name)) refuse(`onTimer.${name} handles no timer: declare it in timers`)
}
