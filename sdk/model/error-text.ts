// The message of whatever was thrown: a program may throw any value, and reading its message may throw as well.

/** Never throws. `thrown`: an Error gives its message, any other value its text. */
export const errorText = (thrown: unknown): string => {
  try {
    // A getter may give anything, whatever its type says.
    const message: unknown = thrown instanceof Error ? thrown.message : thrown
    return String(message)
  } catch {
    return 'an error whose message cannot be read'
  }
}

/** Never throws: the name of the error's class, or `fallback` where it is no Error or its name is no text. */
export const errorName = (thrown: unknown, fallback: string): string => {
  try {
    const name: unknown = thrown instanceof Error ? thrown.name : null
    return typeof name === 'string' ? name : fallback
  } catch {
    return fallback
  }
}

/** `thrown`, or an Error in its place where reading it throws: a getter of its own, a revoked proxy. */
export const readable = (thrown: unknown): unknown => {
  if (typeof thrown !== 'object' || thrown === null) return thrown
  try {
    if (thrown instanceof Error) structureOf([thrown.name, thrown.message, thrown.stack, thrown.cause])
    structureOf(Object.values(thrown))
    return thrown
  } catch (cause) {
    return new Error(`${errorText(thrown)} (${errorText(cause)})`)
  }
}

/** Reading the values was the point: a getter among them has been called. */
const structureOf = (values: ReadonlyArray<unknown>): number => values.length
