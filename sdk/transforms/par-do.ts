// A DoFn over each element.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { Sides } from '../model/side-input.ts'
import { DoFn, type BundleSpec, type Emits, type Emitted, type NoSides } from '../stateful/do-fn.ts'
import { withSides } from './map-with.ts'

const of =
  <I, O>(fn: DoFn<I, O>) =>
  (pc: PCollection<I>): PCollection<O> =>
    apply({ _tag: 'Bundled', spec: fn.bundle, sided: fn.sides !== null }, [fn.sides === null ? pc : withSides('ParDo', fn.sides, pc)], {
      kind: 'ParDo',
    })

/**
 * Runs a DoFn: `of` one that was made apart, `bundled` one in place, where nothing is annotated (Beam's ParDo).
 *
 * @example
 * pipe(orders, ParDo.bundled({
 *   setup: () => openIndex(),
 *   process: ({ value }, { setup: index }) => [index.has(value.id) && emit(value)],
 *   teardown: index => index.close(),
 * }))
 */
export const ParDo = Object.freeze({
  /** Runs a DoFn that was made apart. */
  of,
  /** ParDo.of of DoFn.bundled, in place: nothing is annotated. */
  bundled: <A, P extends Emits, S extends Sides = NoSides, U = undefined, B = undefined, F extends Emits = never>(
    spec: BundleSpec<A, U, B, S, P, F>,
  ): ((pc: PCollection<A>) => PCollection<Emitted<P | F>>) => of(DoFn.bundled(spec)),
})
