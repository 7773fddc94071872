// Rights only.
import type { Either } from 'fp-ts/lib/Either.js'
import { apply, type PCollection } from '../graph/pcollection.ts'

/**
 * A Left ends the run with its error; the Rights go on. For inputs that are never wrong.
 *
 * @example
 * pipe(Create.of([E.right(1), E.right(2)]), PCollection.orFail) // => 1, 2
 */
export const orFail = <L, R>(pc: PCollection<Either<L, R>>): PCollection<R> => apply({ _tag: 'OrFail' }, [pc], { kind: 'orFail' })
