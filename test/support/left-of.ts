// For tests of what fails.
import * as E from 'fp-ts/lib/Either.js'
import type { PipelineError } from 'jetbeam'

/** What it failed with; rejects where it did not. */
export const leftOf = async (run: () => Promise<E.Either<PipelineError, unknown>>): Promise<PipelineError> => {
  const result = await run()
  if (E.isRight(result)) throw new Error(`it did not fail: ${JSON.stringify(result.right)}`)
  return result.left
}
