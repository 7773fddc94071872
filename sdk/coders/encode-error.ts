// The error of a value that has no bytes. Encoding fails by throwing: a value that cannot be written is a mistake in the program,
// and an Either around every encoded byte would be paid for by all the values that can.
import { showPath } from './value-path.ts'

/**
 * A value that a coder refuses, with where in the value it is and what to do. Thrown by `encode`; never holds the value
 * itself (Beam's CoderException).
 *
 * @example
 * const encoded = E.tryCatch(() => Coder.structural().encode({ order: { when: () => 1 } }), E.toError)
 * pipe(encoded, E.mapLeft(error => error instanceof EncodeError && error.path)) // => E.left(['order', 'when'])
 */
export class EncodeError extends Error {
  /** `EncodeError`. */
  override readonly name = 'EncodeError'
  /** What was refused, in words. */
  readonly what: string
  /** Where it is in the value that was encoded; empty for the value itself. */
  readonly path: ReadonlyArray<string | number>
  /** What to do about it. */
  readonly fix: string

  constructor(what: string, fix: string, path: ReadonlyArray<string | number> = []) {
    super(`cannot encode ${showPath(path)}: ${what}. ${fix}`)
    this.what = what
    this.fix = fix
    this.path = path
  }

  /** The same refusal, seen from the value that holds this one under `key`. */
  within(key: string | number): EncodeError {
    return new EncodeError(this.what, this.fix, [key, ...this.path])
  }
}
