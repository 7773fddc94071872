// A DoFn over each element.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'
import type { Sides } from '../model/side-input.ts'
import { DoFn, type BundleSpec, type Emits, type Emitted, type NoSides } from '../stateful/do-fn.ts'
import type { Effects } from '../stateful/effects.ts'
import type { HandlerResult, NoTimers, OnTimer, StatefulSpec, StateSpecs, TimerSpecs, Wellformed } from '../stateful/stateful-fn.ts'
import { withSides } from './map-with.ts'

/** As ParDo.of, under another transform's name. */
export const runAs =
  (kind: string) =>
  <I, O>(fn: DoFn<I, O>) =>
  (pc: PCollection<I>): PCollection<O> => {
    const { stateful, bundle, sides } = fn
    if (stateful !== null) return apply({ _tag: 'Stateful', spec: stateful }, [pc], { kind })
    if (bundle === null) throw new TypeError('ParDo.of takes what DoFn.stateful or DoFn.bundled gave')
    const input = sides === null ? pc : withSides(kind, sides, pc)
    return apply({ _tag: 'Bundled', spec: bundle, sided: sides !== null }, [input], { kind })
  }

const of: <I, O>(fn: DoFn<I, O>) => (pc: PCollection<I>) => PCollection<O> = runAs('ParDo')

/**
 * Runs a DoFn: `of` one that was made apart, `stateful` and `bundled` one in place, where nothing is annotated (Beam's ParDo).
 *
 * @example
 * pipe(orders, ParDo.bundled({
 *   setup: () => openIndex(),
 *   process: ({ value }, { setup: index }) => [index.has(value.id) && emit(value)],
 *   teardown: index => index.close(),
 * }))
 * const total = ParDo.stateful({
 *   state: { sum: State.value(Coder.double, 0) },
 *   process: ({ key, value }: KeyedElement<string, Order>, { sum }) => [sum.write(sum.read + value.total)],
 *   onWindowExpiration: ({ key }, { sum }) => [emit([key, sum.read])],
 * })
 * pipe(orders, PCollection.keyBy(order => order.shop), total) // => ['north', 50], ['south', 5]
 */
export const ParDo = Object.freeze({
  /** Runs a DoFn that was made apart. */
  of,
  /** ParDo.of of DoFn.stateful, in place, over keyed elements: nothing is annotated. */
  stateful: <
    K,
    V,
    S extends StateSpecs,
    P extends Effects,
    T extends TimerSpecs = NoTimers,
    H extends OnTimer<K, S, T> = OnTimer<K, S, T>,
    X extends Effects = never,
  >(
    spec: StatefulSpec<K, V, S, T, P, H, X> & Wellformed<S, T, H>,
  ): ((pc: PCollection<KV<K, V>>) => PCollection<Emitted<P | HandlerResult<H> | X>>) => of(DoFn.stateful<K, V, S, P, T, H, X>(spec)),
  /** ParDo.of of DoFn.bundled, in place: nothing is annotated. */
  bundled: <A, P extends Emits, S extends Sides = NoSides, U = undefined, B = undefined, F extends Emits = never>(
    spec: BundleSpec<A, U, B, S, P, F>,
  ): ((pc: PCollection<A>) => PCollection<Emitted<P | F>>) => of(DoFn.bundled(spec)),
})
