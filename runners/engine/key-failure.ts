// Keys without an encoding: where grouping fails, which one it was is found out afterwards, so that those that have one pay nothing.
import { ByteWriter, Coder, streamOf } from '../../sdk/coders/index.ts'
import { readable } from '../../sdk/model/error-text.ts'
import type { Batch } from '../harness/batch.ts'
import { UserCodeError } from '../harness/errors.ts'

/** `work` on keys: where it fails for one without an encoding, that is what it throws. */
export const withNamedKeys = <A>(path: string, keyCoder: Coder<unknown> | null, keys: Batch['keys'], work: () => A): A => {
  try {
    return work()
  } catch (cause) {
    throw keyFailure(path, keyCoder, keys, cause)
  }
}

/** What to throw for `cause`, which came up while the batch with these keys was grouped. */
const keyFailure = (path: string, keyCoder: Coder<unknown> | null, keys: Batch['keys'], thrown: unknown): unknown => {
  const cause = readable(thrown)
  if (cause instanceof UserCodeError) return cause
  const coder = streamOf(keyCoder ?? Coder.structural<unknown>())
  for (const key of keys ?? []) {
    try {
      coder.write(key, new ByteWriter())
    } catch (error) {
      return UserCodeError.onElement(path, key, error)
    }
  }
  return cause
}
