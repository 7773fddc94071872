// DoFns: functions with several outputs and a bundle's life cycle, or with state and timers, ready for ParDo.of.
import type { Windowed } from '../model/pane.ts'
import type { SideValues, Sides } from '../model/side-input.ts'
import type { BundleSpec as ErasedBundleSpec } from './bundle.ts'
import type { AfterCommit, Emit } from './effects.ts'
import type { ErasedStateful } from './erased.ts'
import { stateful } from './stateful-fn.ts'

declare const input: unique symbol
declare const output: unique symbol

/** A function ready for {@link ParDo} (Beam's DoFn). Its elements' types are carried for the compiler alone. */
export interface DoFn<in I, out O> {
  readonly _tag: 'DoFn'
  /** @internal Of DoFn.bundled: one of the two is there. */
  readonly bundle: ErasedBundleSpec | null
  /** @internal Of DoFn.stateful. */
  readonly stateful: ErasedStateful | null
  /** The side inputs that it reads. */
  readonly sides: Sides | null
  readonly [input]?: (i: I) => void
  readonly [output]?: O
}

/** Of a DoFn without side inputs. */
export type NoSides = Readonly<Record<string, never>>

/** What a bundled DoFn's functions return: outputs, and calls for after the commit. */
export type Emits = ReadonlyArray<Emit<unknown> | AfterCommit | false>
type ItemsOf<F> = F extends ReadonlyArray<infer X> ? X : never
/** What the effects `F` emit. */
export type Emitted<F> = ItemsOf<F> extends infer X ? (X extends Emit<infer A> ? A : never) : never

/**
 * A DoFn with a bundle's life cycle: `setup` once a task, `startBundle` and `finishBundle` around each bundle, `teardown` when the task
 * ends (Beam's DoFn without state). A bundle has any size, chosen by the runner: results must not depend on it. `process` and
 * `finishBundle` give an array of `emit(…)`, `afterCommit(…)` or false.
 * What `setup` throws ends the run. What was set up is torn down, also after a failure; what `teardown` throws is logged.
 */
export interface BundleSpec<in A, U, B, S, P, F> {
  /** Side inputs by name: `process` reads their values, those of the element's window, in its context. */
  readonly sides?: S | undefined
  /** Connections and the like; may be asynchronous. */
  readonly setup?: (() => U | Promise<U>) | undefined
  /** Gives what `process` and `finishBundle` see as `bundle`. */
  readonly startBundle?: ((setup: U) => B) | undefined
  /** Called once an element and window. */
  readonly process: (element: Windowed<A>, context: { readonly setup: U; readonly bundle: B; readonly sides: SideValues<S> }) => P
  /** What it emits outside the global window needs `emitAt`: no element is at hand. */
  readonly finishBundle?: ((context: { readonly setup: U; readonly bundle: B }) => F) | undefined
  /** Of what `setup` gave; may be asynchronous. */
  readonly teardown?: ((setup: U) => void | Promise<void>) | undefined
}

const bundled = <A, P extends Emits, S extends Sides = NoSides, U = undefined, B = undefined, F extends Emits = never>(
  spec: BundleSpec<A, U, B, S, P, F>,
): DoFn<A, Emitted<P | F>> => Object.freeze({ _tag: 'DoFn', bundle: spec, stateful: null, sides: spec.sides ?? null })

/**
 * DoFns apart from their ParDo: annotate the element, the rest is inferred.
 *
 * @example
 * const hosts = DoFn.bundled({
 *   setup: async () => new URL('https://example.org'),
 *   process: ({ value }: Windowed<Order>, { setup }) => [emit({ order: value.id, host: setup.host })],
 * })
 * pipe(orders, ParDo.of(hosts))
 */
export const DoFn = Object.freeze({
  /**
   * With state and timers for each key and window. What `process`, `onTimer` and `onWindowExpiration` do is returned as an array of
   * effects (`total.write(x)`, `idle.set(t)`, `emit(y)`, `afterCommit(f)`, or false); reads show what was there when the call began, and the effects apply
   * in order afterwards. So a test calls the functions without a runner, see StatefulTest. Throws a TypeError for a timer without a
   * handler, a handler without a timer, and a timer named as a state is. Semantics: Beam's stateful DoFn.
   *
   * @example
   * const visits = DoFn.stateful({
   *   state: { n: State.value(Coder.varint, 0) },
   *   timers: { idle: Timer.eventTime },
   *   process: ({ timestamp }: KeyedElement<string, PageView>, { n, idle }) => [n.write(n.read + 1), idle.set(pipe(timestamp, Instant.plus(minutes(30))))],
   *   onTimer: { idle: ({ key }, { n }) => [emit({ user: key, visits: n.read }), n.clear] },
   * })
   * pipe(views, PCollection.keyBy(view => view.user), ParDo.of(visits)) // => { user: 'ada', visits: 2 }, { user: 'bob', visits: 1 }
   */
  stateful,
  /** With a bundle's life cycle: `setup`, `startBundle`, `process`, `finishBundle`, `teardown`. */
  bundled,
})
