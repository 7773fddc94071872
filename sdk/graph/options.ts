// A definition's options: what a caller gave, checked by the definition's schema, and as plain data for the journey to another thread.
import type { StandardSchema } from '../coders/index.ts'
import { InvalidPipelineError } from './invalid-pipeline.ts'
import { errorText } from '../model/error-text.ts'

export interface ValidOptions {
  /** What the schema made of them. */
  readonly options: unknown
  /** A copy of what was given: another thread validates it anew. */
  readonly travelling: unknown
}

/** Throws an InvalidPipelineError that names the path of each issue. */
export const validOptions = (pipelineName: string, schema: StandardSchema<unknown, unknown> | null, given: unknown): ValidOptions => {
  if (schema === null) {
    if (given !== undefined)
      throw new InvalidPipelineError(pipelineName, [
        'it takes no options: give Pipeline.define a schema for them, before the function that builds it',
      ])
    return { options: undefined, travelling: undefined }
  }
  // Of the Standard Schema's result: https://standardschema.dev
  const result = schema['~standard'].validate(given) as Result | Promise<Result>
  if (result instanceof Promise) {
    result.catch(() => undefined)
    throw new InvalidPipelineError(pipelineName, [
      'its schema validates asynchronously, and a pipeline is built at once: take asynchronous checks out of the schema',
    ])
  }
  if (result.issues !== undefined) throw new InvalidPipelineError(pipelineName, result.issues.map(shown))
  return { options: result.value, travelling: copied(pipelineName, given) }
}

interface Issue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}
type Result = { readonly value: unknown; readonly issues?: undefined } | { readonly issues: ReadonlyArray<Issue> }

const shown = ({ message, path }: Issue): string => {
  const keys = (path ?? []).map(part => String(typeof part === 'object' ? part.key : part))
  return keys.length === 0 ? `its options are not what its schema asks for: ${message}` : `option ${keys.join('.')}: ${message}`
}

const copied = (pipelineName: string, given: unknown): unknown => {
  try {
    return structuredClone(given)
  } catch (error) {
    throw new InvalidPipelineError(pipelineName, [
      `its options must be plain data, which another thread can be given: ${errorText(error)}. Make live objects inside the definition, from data`,
    ])
  }
}
