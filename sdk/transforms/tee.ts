// A branch beside the main path.
import { apply, type PCollection, type PDone } from '../graph/pcollection.ts'

/**
 * Runs `branch` beside the main path and passes its input on: whoever keeps the result keeps the branch.
 *
 * @example
 * pipe(orders, PCollection.tee(flow(PCollection.map(order => order.id), TextIO.write('ids.txt'))), Count.globally)
 */
export const tee =
  <A>(branch: (pc: PCollection<A>) => PDone) =>
  (pc: PCollection<A>): PCollection<A> =>
    apply({ _tag: 'Along', leaves: [branch(pc).node] }, [pc], { kind: 'tee' })
