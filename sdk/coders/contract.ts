// Decode errors and the Standard Schema interface.

/** Why bytes were not understood: `path` leads to the part that was wrong, inside the value they should have given. */
export interface DecodeError {
  readonly _tag: 'DecodeError'
  /** All the bytes that were to be decoded. */
  readonly raw: Uint8Array
  /** What was wrong, in words. */
  readonly reason: string
  readonly path: ReadonlyArray<string | number>
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
