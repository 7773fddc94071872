// Lefts to one side, Rights to the other.
import type { Either } from 'fp-ts/lib/Either.js'
import { applyTagged, collectionOf, type PCollection } from '../graph/pcollection.ts'

/**
 * Both sides as collections. A pipeline that leaves one of them unread is refused: `PCollection.ignore` drops one on purpose.
 *
 * @example
 * const { left, right } = pipe(texts, PCollection.tryMap(parse), PCollection.separate)
 * Flatten.of(pipe(left, PCollection.map(failure => failure.element)), pipe(right, PCollection.map(({ id }) => id))) // => 'x', 'x'
 */
export const separate = <L, R>(pc: PCollection<Either<L, R>>): { readonly left: PCollection<L>; readonly right: PCollection<R> } =>
  sides(pc, 'separate')

/** As `separate`, under another verb's name. */
export const sides = <L, R>(
  pc: PCollection<Either<L, R>>,
  kind: string,
): { readonly left: PCollection<L>; readonly right: PCollection<R> } => {
  const node = applyTagged({ _tag: 'Separate' }, pc, { kind })
  return Object.freeze({ left: collectionOf<L>(node, 'left'), right: collectionOf<R>(node, 'right') })
}
