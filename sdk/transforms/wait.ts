// Elements that go on only when something else is done.
import { apply, outputIn, type PCollection } from '../graph/pcollection.ts'
import { sideInputOf } from '../graph/view.ts'
import type { Sides } from '../model/side-input.ts'
import { filter } from './filter.ts'
import { withSides } from './map-with.ts'

/**
 * Holds elements back until other collections are done with their window (Beam's Wait.on).
 *
 * A signal's window is done when the signal's watermark has passed its end by the allowed lateness: nothing more can come in it. An
 * element waits for the signals' windows that hold its own window's end, in memory and in checkpoints, with the output's watermark held.
 * What the signals contain does not matter. A pipeline with an unbounded signal in the global window is refused: it is never done.
 *
 * @example
 * const cleared = pipe(oldRows, PCollection.mapAsync(row => table.delete(row)))
 * pipe(newRows, Wait.on(cleared), PCollection.mapAsync(row => table.insert(row)))
 */
export const Wait = Object.freeze({
  /** Until all of `signals` are done with the window. */
  on: (...signals: ReadonlyArray<PCollection<unknown>>) => {
    const nothing = filter(() => false)
    return <A>(pc: PCollection<A>): PCollection<A> => {
      const sides: Sides = Object.fromEntries(
        signals.map((signal, i) => [`signal${i}`, sideInputOf<never>({ _tag: 'Signal' }, outputIn(signal).node, nothing(signal))]),
      )
      return apply({ _tag: 'WithoutSides' }, [withSides('Wait.on', sides, pc)], { kind: 'Wait.on' })
    }
  },
})
