// What a stateful DoFn declares: its states and timers by name. A spec is plain data; a runner makes cells of it.
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import { none, type Option } from 'fp-ts/lib/Option.js'
import type { Coder } from '../coders/index.ts'
import type {
  BagCell,
  CombiningCell,
  EventTimer,
  EventTimerFamily,
  MapCell,
  OrderedListCell,
  ProcessingTimer,
  ProcessingTimerFamily,
  SetCell,
  ValueCell,
} from './cells.ts'
import type { Combining, ErasedState, ErasedTimer, StateKind } from './erased.ts'

declare const cell: unique symbol
const state: unique symbol = Symbol('state')

/** One state by its `kind` and coder; `C` is the cell that functions see. {@link State} makes them (Beam's StateSpec). */
export interface StateSpec<out C> {
  readonly kind: StateKind
  /** @internal */
  readonly [state]: ErasedState
  readonly [cell]?: C
}

/** One timer, or a family of them; `C` is the cell that functions see. {@link Timer} has them (Beam's TimerSpec). */
export interface TimerSpec<out C> extends ErasedTimer {
  readonly [cell]?: C
}

/** Beam's four functions; a CombineFn is one. */
type Combine<I, A, O> = {
  readonly create: () => A
  readonly add: (accumulator: A, input: I) => A
  readonly merge: (a: A, b: A) => A
  readonly extract: (accumulator: A) => O
}

export const erasedState = (spec: StateSpec<unknown>): ErasedState => spec[state]

/** Believed from here on: the signatures below have checked that coders and functions fit the cell. */
const specOf = <C>(kind: StateKind, coder: Coder<unknown>, o: Partial<Omit<ErasedState, 'kind' | 'coder'>> = {}): StateSpec<C> =>
  Object.freeze({
    kind,
    [state]: Object.freeze({ kind, coder, keyCoder: null, initial: undefined, optional: false, combine: null, ...o }),
  })
const erased = <A>(coder: Coder<A>): Coder<unknown> => coder as unknown as Coder<unknown>

function value<A>(coder: Coder<A>): StateSpec<ValueCell<Option<A>>>
function value<A>(coder: Coder<A>, initial: NoInfer<A>): StateSpec<ValueCell<A>>
function value<A>(coder: Coder<A>, ...initial: ReadonlyArray<A>): StateSpec<ValueCell<A> | ValueCell<Option<A>>> {
  const o = initial.length === 0 ? { initial: none, optional: true } : { initial: initial[0] }
  return specOf('value', erased(coder), o)
}

function combining<A>(coder: Coder<A>, m: Monoid<NoInfer<A>>): StateSpec<CombiningCell<A, A>>
function combining<I, A, O>(coder: Coder<A>, fn: Combine<I, A, O>): StateSpec<CombiningCell<I, O>>
function combining<I, A, O>(coder: Coder<A>, fn: Monoid<A> | Combine<I, A, O>): StateSpec<CombiningCell<I, O> | CombiningCell<A, A>> {
  const combine = 'create' in fn ? fn : { create: () => fn.empty, add: fn.concat, merge: fn.concat, extract: (a: A) => a }
  return specOf('combining', erased(coder), { combine: combine as unknown as Combining })
}

/**
 * The states of a stateful DoFn, each by key and window (Beam's StateSpecs). Coders write them into checkpoints: what one refuses ends the
 * run there, with the state and the key; in strict runs (TestPipeline) at once, with the element.
 *
 * @example
 * const states = {
 *   total: State.value(Coder.varint, 0),
 *   sum: State.combining(Coder.double, N.MonoidSum),
 *   recent: State.bag(viewCoder),
 *   perPage: State.map(Coder.string, Coder.varint),
 *   users: State.set(Coder.string),
 *   history: State.orderedList(viewCoder),
 * }
 */
export const State = Object.freeze({
  /** One value. With `initial` it is read and written as `A`; without, as an Option, and `none` clears it. */
  value,
  /** Values in the order of their coming. */
  bag: <A>(coder: Coder<A>): StateSpec<BagCell<A>> => specOf('bag', erased(coder)),
  /** An accumulator of a Monoid or a CombineFn; `coder` is the accumulator's. */
  combining,
  /** Values by key. Throws a TypeError for a coder of keys that is not deterministic. */
  map: <K, V>(key: Coder<K>, value: Coder<V>): StateSpec<MapCell<K, V>> =>
    specOf('map', erased(value), { keyCoder: deterministic('State.map', key) }),
  /** A set. Throws a TypeError for a coder that is not deterministic. */
  set: <A>(coder: Coder<A>): StateSpec<SetCell<A>> => specOf('set', erased(coder), { keyCoder: deterministic('State.set', coder) }),
  /** Values by time. */
  orderedList: <A>(coder: Coder<A>): StateSpec<OrderedListCell<A>> => specOf('orderedList', erased(coder)),
})

const deterministic = <A>(verb: string, coder: Coder<A>): Coder<unknown> => {
  if (coder.deterministic) return erased(coder)
  throw new TypeError(
    `${verb}: ${coder.urn} is not deterministic, so equal keys may have different bytes. Give it a Coder.struct or Coder.structural()`,
  )
}

/**
 * The timers of a stateful DoFn, each by key and window (Beam's TimerSpecs). An event-time timer fires when the watermark has passed its
 * time; a processing-time timer fires by the clock, and what its window left pending is dropped when the window expires, and counted as the
 * metric `droppedProcessingTimers` of its transform. A firing has the time that its timer was set for, `fireTimestamp`.
 *
 * @example
 * const timers = { idle: Timer.eventTime, flush: Timer.processingTime, perPage: Timer.eventTimeFamily, calls: Timer.processingTimeFamily }
 */
export const Timer: {
  /** One, by the watermark. */
  readonly eventTime: TimerSpec<EventTimer>
  /** One, by the clock. */
  readonly processingTime: TimerSpec<ProcessingTimer>
  /** Any number by tag, by the watermark. */
  readonly eventTimeFamily: TimerSpec<EventTimerFamily>
  /** Any number by tag, by the clock. */
  readonly processingTimeFamily: TimerSpec<ProcessingTimerFamily>
} = Object.freeze({
  eventTime: Object.freeze({ domain: 'eventTime', family: false }),
  processingTime: Object.freeze({ domain: 'processingTime', family: false }),
  eventTimeFamily: Object.freeze({ domain: 'eventTime', family: true }),
  processingTimeFamily: Object.freeze({ domain: 'processingTime', family: true }),
})
