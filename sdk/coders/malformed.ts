// Bytes that cannot be read. Readers throw inside, where an Either a field would cost more than the field, and the outermost
// decode turns it into a Left: it never leaves this room through a public decode.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { DecodeError } from './contract.ts'
import { EncodeError } from './encode-error.ts'
import type { PathKey } from './value-path.ts'
import { errorText } from '../model/error-text.ts'

export class Malformed extends Error {
  override readonly name = 'Malformed'
  readonly reason: string
  readonly path: ReadonlyArray<PathKey>

  constructor(reason: string, path: ReadonlyArray<PathKey> = []) {
    super(reason)
    this.reason = reason
    this.path = path
  }

  within(key: PathKey): Malformed {
    return new Malformed(this.reason, [key, ...this.path])
  }
}

/** What a composite coder rethrows when its part `key` failed: the same error, one step further out. */
export const within = (error: unknown, key: PathKey): unknown =>
  error instanceof EncodeError || error instanceof Malformed ? error.within(key) : error

export const decodeError = (raw: Uint8Array, reason: string, path: ReadonlyArray<PathKey> = []): DecodeError => ({
  _tag: 'DecodeError',
  raw,
  reason,
  path,
})

/** Runs a reader to its end; what it finds malformed becomes a Left. Anything else it throws is a broken invariant and stays one. */
export const attempt = <A>(raw: Uint8Array, read: () => A): Either<DecodeError, A> => {
  try {
    return E.right(read())
  } catch (error) {
    if (error instanceof Malformed) return E.left(decodeError(raw, error.reason, error.path))
    throw error
  }
}

/** The first line of what a user's function threw. */
export const thrownText = (error: unknown): string => {
  const text = errorText(error)
  return (text.split('\n', 1)[0] ?? '').slice(0, 200)
}
