// What the tests of this room share.
import { assert } from 'chai'
import type { Either } from 'fp-ts/lib/Either.js'
import type { DecodeError } from '../../../sdk/coders/index.ts'
import { EncodeError } from '../../../sdk/coders/index.ts'

export { NO_FIRING } from '../../../sdk/model/pane.ts'
export { Instant } from '../../../sdk/model/time.ts'
export { GlobalWindow } from '../../../sdk/model/window.ts'

/** The value of a Right; fails the test with a Left's reason. */
export const right = <A>(decoded: Either<DecodeError, A>): A => {
  if (decoded._tag === 'Left') assert.fail(`not decoded: ${decoded.left.reason} at ${JSON.stringify(decoded.left.path)}`)
  return decoded.right
}

/** The error of a Left. */
export const left = (decoded: Either<DecodeError, unknown>): DecodeError => {
  if (decoded._tag === 'Right') assert.fail('decoded, where a Left belongs')
  return decoded.left
}

/** The EncodeError that a call throws. */
export const refusal = (call: () => unknown): EncodeError => {
  try {
    call()
  } catch (error) {
    if (error instanceof EncodeError) return error
    throw error
  }
  assert.fail('encoded, where an EncodeError belongs')
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
