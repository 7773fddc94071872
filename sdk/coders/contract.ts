// What a coder is: the interfaces alone, so that every coder of this room can name them without naming each other.
import type { Either } from 'fp-ts/lib/Either.js'

/** Why bytes were not understood: `path` leads to the part that was wrong, inside the value they should have given. */
export interface DecodeError {
  readonly _tag: 'DecodeError'
  /** All the bytes that were to be decoded. */
  readonly raw: Uint8Array
  /** What was wrong, in words. */
  readonly reason: string
  readonly path: ReadonlyArray<string | number>
}

/** Values to bytes: enough for a sink. `encode` throws an EncodeError for a value that it cannot write without losing part of it. */
export interface Encoder<in A> {
  readonly urn: string
  readonly encode: (a: A) => Uint8Array
}

/** Bytes to values: enough for a source. `decode` never throws: what is wrong with the bytes is a Left. */
export interface Decoder<out A> {
  readonly urn: string
  readonly decode: (bytes: Uint8Array) => Either<DecodeError, A>
}

/** Both ways: for state, and where a value comes back. A hand-written one needs these four members only, and nests in all others. */
export interface Coder<in out A> extends Encoder<A>, Decoder<A> {
  /** Equal values give equal bytes: what a key needs. */
  readonly deterministic: boolean
}

/**
 * What zod, valibot and arktype schemas are to others: https://standardschema.dev, v1. `I` is what it takes, `A` what it gives. All of it is in
 * `~standard`: its `version`, its `vendor`, `validate` (at once: a promise is refused) and, for the compiler alone, `types`.
 */
export interface StandardSchema<out I, out A> {
  /** See there. */
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => unknown
    readonly types?: { readonly input: I; readonly output: A } | undefined
  }
}
