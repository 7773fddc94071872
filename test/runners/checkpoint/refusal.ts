// Asserts that a store refuses, with which kind of error, and that the message helps.
import { assert } from 'chai'
import { CheckpointError, type CheckpointErrorKind } from '../../../runners/checkpoint/index.ts'

export const refuses = async (
  kind: CheckpointErrorKind,
  work: Promise<unknown>,
  ...mentions: ReadonlyArray<string>
): Promise<CheckpointError> => {
  const error = await work.then(
    () => assert.fail(`expected ${kind}, and it was done`),
    (reason: unknown) => reason,
  )
  if (!(error instanceof CheckpointError)) throw error
  assert.strictEqual(error.kind, kind, error.message)
  assert.strictEqual(error.name, kind)
  for (const mention of mentions) assert.include(error.message, mention)
  return error
}
