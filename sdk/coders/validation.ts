// What came from outside becomes typed: by a guard, or by any library that speaks Standard Schema.
import type { Refinement } from 'fp-ts/lib/Refinement.js'
import type { StandardSchema } from './contract.ts'
import { deepestJson, depthOf } from './cycle.ts'
import { Malformed, thrownText } from './malformed.ts'
import { type PathKey, showPath, showValue } from './value-path.ts'

/** Gives the typed value, or throws Malformed. */
export type Validate<A> = (value: unknown) => A

export const validateBy = <I, A>(rule: Refinement<unknown, A> | StandardSchema<I, A>): Validate<A> => {
  const given: unknown = rule
  // Arktype's are functions.
  if ((typeof given !== 'object' && typeof given !== 'function') || given === null)
    throw new TypeError(
      `a JSON coder takes a guard or a Standard Schema, and was given ${showValue(given)}: what comes from outside is checked. Write Decoder.json(schema), or Decoder.json((value): value is Order => …)`,
    )
  if ('~standard' in rule) return bySchema(rule)
  if (typeof given === 'function') return byGuard(rule)
  throw new TypeError(`a JSON coder takes a guard or a Standard Schema, and was given ${showValue(given)}, which is neither`)
}

const guarded = <A>(value: unknown, call: () => A): A => {
  try {
    return call()
  } catch (error) {
    throw isOverflow(error) ? overflowed(value) : new Malformed(`the validator threw: ${thrownText(error)}`)
  }
}

const isOverflow = (error: unknown): boolean => error instanceof RangeError && /call stack/i.test(error.message)

const overflowed = (value: unknown): Malformed =>
  new Malformed(`the schema overflowed the stack: the value nests ${depthOf(value, deepestJson)} levels deep`)

const byGuard =
  <A>(guard: Refinement<unknown, A>): Validate<A> =>
  value => {
    if (guarded(value, () => guard(value))) return value as A // what a refinement says
    throw new Malformed(`the guard${guard.name === '' ? '' : ` ${guard.name}`} refused the value`)
  }

const bySchema = <I, A>(schema: StandardSchema<I, A>): Validate<A> => {
  const { validate } = schema['~standard']
  // Some libraries try again asynchronously whatever was thrown: a promise from a schema that has given a value at once is such a retry.
  let hasAnswered = false
  return value => {
    const result = guarded(value, () => validate(value))
    if (result instanceof Promise || isThenable(result)) throw asynchronous(result, value, hasAnswered)
    if (!isRecord(result)) throw new Malformed('the schema gave no result: it does not follow Standard Schema v1')
    const { issues } = result
    if (issues === undefined) {
      hasAnswered = true
      return result['value'] as A // Standard Schema: no issues, so `value` is the output
    }
    throw issuesAsError(Array.isArray(issues) ? issues : [])
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null

const isThenable = (value: unknown): value is PromiseLike<unknown> => isRecord(value) && typeof value['then'] === 'function'

/** From this depth on, a recursive schema may need more stack than there is. */
const deepValue = 50

const asynchronous = (result: PromiseLike<unknown>, value: unknown, hasAnswered: boolean): Malformed => {
  // Nobody waits for it: without a handler its rejection would end the process.
  result.then(
    () => undefined,
    () => undefined,
  )
  const depth = depthOf(value, deepestJson)
  if (depth >= deepValue && hasAnswered) return overflowed(value)
  if (depth >= deepValue)
    return new Malformed(
      `the schema overflowed the stack on a value that nests ${depth} levels deep, or it is asynchronous, and decoding is not`,
    )
  return new Malformed(
    'the schema is asynchronous, and decoding is not: take async checks and transforms out of it, and do them in PCollection.mapAsync',
  )
}

const shownIssues = 3
/** In characters: a schema may name each of a million keys. */
const longestIssue = 300

const issuesAsError = (issues: ReadonlyArray<unknown>): Malformed => {
  const found = issues.filter(isRecord).map(issue => ({
    message: typeof issue['message'] === 'string' ? issue['message'].slice(0, longestIssue) : 'invalid',
    path: pathOf(issue['path']),
  }))
  const told = found.slice(0, shownIssues).map(({ message, path }) => (path.length === 0 ? message : `${showPath(path)}: ${message}`))
  const more = found.length - told.length
  const reason = told.length === 0 ? 'the schema refused the value' : `${told.join('; ')}${more > 0 ? `; and ${more} more` : ''}`
  return new Malformed(reason, found[0]?.path ?? [])
}

// A segment is a key, or an object that holds one.
const pathOf = (path: unknown): ReadonlyArray<PathKey> =>
  Array.isArray(path)
    ? path.map((segment: unknown) => {
        const key = isRecord(segment) ? segment['key'] : segment
        return typeof key === 'number' || typeof key === 'string' ? key : String(key)
      })
    : []
