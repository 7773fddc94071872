// The end of every switch over a tagged union.

/** Compiles only where nothing is left; throws where data did not keep to its type. */
export const isNever = (value: never): never => {
  throw new Error(`unexpected variant: ${JSON.stringify(value)}`)
}
