// Where an element is in event time, as part of its value.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { Windowed } from '../model/pane.ts'

/**
 * Makes window, pane and timestamp part of the value (Beam's Reify): ask for it only where you read it, since it costs an object an
 * element. An element of several windows comes out once for each.
 *
 * @example
 * pipe(totals, Reify.windowed, PCollection.map(({ value, window }) => ({ total: value, minute: window.start })))
 */
export const Reify = Object.freeze({
  /** { value, timestamp, window, pane } in place of the value. */
  windowed: <A>(pc: PCollection<A>): PCollection<Windowed<A>> => apply({ _tag: 'ReifyWindowed' }, [pc], { kind: 'Reify.windowed' }),
})
