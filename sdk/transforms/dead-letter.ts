// Lefts into a sink of their own.
import type { Either } from 'fp-ts/lib/Either.js'
import { apply, type PCollection, type PDone } from '../graph/pcollection.ts'
import { sides } from './separate.ts'

/**
 * Sends the Lefts into `sink` and goes on with the Rights: whoever keeps the result keeps the sink.
 *
 * @example
 * pipe(texts, PCollection.tryMap(parse), PCollection.deadLetter(rejected)) // => { id: 'x', size: 2 }
 *
 * @example
 * const views = JetStreamIO.read({ stream: 'VIEWS', coder: viewCoder })
 * pipe(views, PCollection.deadLetter(JetStreamIO.writeUndecodable({ stream: 'REJECTED', subject: 'rejected' })))
 */
export const deadLetter =
  <L, R>(sink: (rejected: PCollection<L>) => PDone) =>
  (pc: PCollection<Either<L, R>>): PCollection<R> => {
    const { left, right } = sides(pc, 'deadLetter')
    return apply({ _tag: 'Along', leaves: [sink(left).node] }, [right], { kind: 'deadLetter.rest' })
  }
