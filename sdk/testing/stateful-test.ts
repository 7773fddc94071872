// What a test hands to a stateful DoFn's functions: cells with contents, elements and firings, and no runner.
import type { Option } from 'fp-ts/lib/Option.js'
import { NO_FIRING, type PaneInfo } from '../model/pane.ts'
import type { Instant } from '../model/time.ts'
import { type BoundedWindow, GlobalWindow } from '../model/window.ts'
import { boundCells } from '../stateful/bound-cells.ts'
import type { Effect, Effects } from '../stateful/effects.ts'
import { type Slot, slotFactory } from '../stateful/slots.ts'
import type { Firing, KeyedElement, StatefulDoFn } from '../stateful/stateful-fn.ts'

/**
 * The initial contents of the cells `C` in a test, by name: what a cell's `read`,
 * a map's `entries` or an ordered list's `range` gives.
 */
export type ContentsOf<C> = {
  readonly [N in keyof C]?: C[N] extends { readonly read: Option<infer A> }
    ? A
    : C[N] extends { readonly read: infer A }
      ? A
      : C[N] extends { readonly entries: infer Entries }
        ? Entries
        : C[N] extends { readonly range: (from: Instant, to: Instant) => infer Items }
          ? Items
          : never
}

const cells = <C>(fn: StatefulDoFn<never, never, C, never, unknown>, contents?: ContentsOf<NoInfer<C>>): C => {
  const states = Object.entries(fn.stateful.state)
  const told: Readonly<Record<string, unknown>> = { ...contents }
  for (const name of Object.keys(told)) {
    if (!Object.hasOwn(fn.stateful.state, name)) throw new TypeError(`StatefulTest.cells: the DoFn has no state ${name}`)
  }
  const slots = states.map(([name, spec]) => {
    const content = told[name]
    if (content === undefined) return slotFactory(spec)()
    // Of an accumulator a test knows what it reads; what it is made of is its function's affair.
    if (spec.combine !== null) return slotFactory({ ...spec, combine: { ...spec.combine, create: () => content, extract: a => a } })()
    const slot = slotFactory(spec)()
    fill(slot, content)
    return slot
  })
  // Believed: the specs are those that `C` was inferred from.
  return boundCells(fn.stateful, slots).cells as C
}

/** The signature has checked what each kind is given. */
const fill = (slot: Slot, content: unknown): void => {
  if (slot.kind === 'value') return slot.write(content)
  for (const item of content as Iterable<unknown>) {
    if (slot.kind === 'map') slot.put(...(item as readonly [unknown, unknown]))
    else if (slot.kind === 'orderedList') slot.add(...(item as readonly [Instant, unknown]))
    else slot.apply({ _tag: 'Add', value: item })
  }
}

type Place = {
  /** The global window unless told. */
  readonly window?: BoundedWindow | undefined
}

/**
 * Tests of stateful DoFns without a runner: make cells, call a function, compare the effects, which are plain data. Cells stay what they
 * are: effects are compared, not applied.
 *
 * @example
 * const visits = DoFn.stateful({
 *   state: { n: State.value(Coder.varint, 0) },
 *   timers: { idle: Timer.eventTime },
 *   process: (_: KeyedElement<string, PageView>, { n }) => [n.write(n.read + 1)],
 *   onTimer: { idle: ({ key }, { n }) => [emit([key, n.read])] },
 * })
 * const cells = StatefulTest.cells(visits, { n: 2 })
 * const view = { user: 'ada', page: '/', millis: 5, at: Instant.ofMillis(0) }
 * const element = StatefulTest.element({ key: 'ada', value: view, timestamp: view.at })
 * StatefulTest.effects(visits.process(element, cells)) // => [cells.n.write(3)]
 * const firing = StatefulTest.firing({ key: 'ada', timestamp: Instant.ofMillis(60_000) })
 * StatefulTest.effects(visits.onTimer.idle(firing, cells)) // => [emit(['ada', 2])]
 */
export const StatefulTest = Object.freeze({
  /** Cells of the DoFn; what `contents` leaves out is as for a new key. Throws a TypeError for a state that it has not. */
  cells,
  /** In the global window and in no pane unless told. */
  element: <K, V>(
    e: Place & { readonly key: K; readonly value: V; readonly timestamp: Instant; readonly pane?: PaneInfo | undefined },
  ): KeyedElement<K, V> => ({
    key: e.key,
    value: e.value,
    timestamp: e.timestamp,
    window: e.window ?? GlobalWindow,
    pane: e.pane ?? NO_FIRING,
  }),
  /** Defaults: the global window, no family, and `timestamp` as the time that the timer was set for. */
  firing: <K>(
    e: Place & {
      readonly key: K
      readonly timestamp: Instant
      readonly fireTimestamp?: Instant | undefined
      readonly tag?: string | undefined
    },
  ): Firing<K> => ({
    key: e.key,
    timestamp: e.timestamp,
    fireTimestamp: e.fireTimestamp ?? e.timestamp,
    window: e.window ?? GlobalWindow,
    tag: e.tag ?? '',
  }),
  /** Effects without the `false`s. */
  effects: (effects: Effects): ReadonlyArray<Effect> => effects.filter(effect => effect !== false),
})
