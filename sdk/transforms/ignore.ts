// An output dropped on purpose.
import { leaf, type PCollection, type PDone } from '../graph/pcollection.ts'

/**
 * Ends a branch without a write: what flows into it is computed and dropped. A leaf, for `Pipeline.of` or `tee`.
 *
 * @example
 * pipe(orders, PCollection.map(order => order.total), PCollection.ignore)
 */
export const ignore = <A>(pc: PCollection<A>): PDone => leaf({ _tag: 'Ignore' }, pc, { kind: 'ignore' })
