// Elements dealt out anew.
import { apply, type PCollection } from '../graph/pcollection.ts'

/**
 * Spreads elements over all tasks, whatever made them: a few costly elements, or one that became many, are then worked on everywhere.
 * Nothing is fused across it. Windows, timestamps and panes stay as they are; order does not (Beam's Reshuffle.viaRandomKey).
 *
 * @example
 * pipe(folders, PCollection.flatMap(filesIn), Reshuffle.of, PCollection.map(parse))
 */
export const Reshuffle = Object.freeze({
  /** The same elements, on any task. */
  of: <A>(pc: PCollection<A>): PCollection<A> => apply({ _tag: 'Reshuffle' }, [pc], { kind: 'Reshuffle' }),
})
