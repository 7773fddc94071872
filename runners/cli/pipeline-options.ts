// The options of a pipeline on the command line: which there are, as far as their schema tells, and texts made into what it asks for.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { StandardSchema } from '../../sdk/coders/index.ts'

export interface PipelineOption {
  readonly name: string
  /** The JSON type, or null where the schema does not say. */
  readonly type: string | null
  readonly required: boolean
  readonly description: string | null
  /** As JSON. */
  readonly default: string | null
  readonly choices: ReadonlyArray<string>
}

export interface OptionsShape {
  readonly options: ReadonlyArray<PipelineOption>
  /** The schema may take names that are not among these: it alone can refuse one. */
  readonly open: boolean
}

type Schema = StandardSchema<unknown, unknown>

/** Of the Standard JSON Schema that zod and others have; else the names of an object schema's fields; else nothing is known. */
export const optionsShape = (schema: Schema | null): OptionsShape => {
  if (schema === null) return { options: [], open: false }
  const json = inputSchema(schema)
  const properties = record(json['properties'])
  if (properties !== null) {
    const required = Array.isArray(json['required']) ? json['required'] : []
    const additional = json['additionalProperties']
    return {
      options: Object.entries(properties).map(([name, property]) => optionOf(name, record(property) ?? {}, required.includes(name))),
      open: additional !== undefined && additional !== false,
    }
  }
  const fields = fieldsOf(schema)
  return {
    options: (fields ?? []).map(name => ({ name, type: null, required: false, description: null, default: null, choices: [] })),
    open: fields === null,
  }
}

/** https://standardschema.dev/json-schema; it throws for what JSON Schema has no word for, such as a Date. */
const inputSchema = (schema: Schema): Readonly<Record<string, unknown>> => {
  const converter = record(record(schema['~standard'])?.['jsonSchema'])
  const input = converter?.['input']
  if (typeof input !== 'function') return {}
  try {
    return record(input.call(converter, { target: 'draft-2020-12' })) ?? {}
  } catch {
    return {}
  }
}

/** zod calls the fields of an object its shape, valibot its entries. */
const fieldsOf = (schema: Schema): ReadonlyArray<string> | null => {
  const fields = record('shape' in schema ? schema.shape : 'entries' in schema ? schema.entries : undefined)
  return fields === null ? null : Object.keys(fields)
}

const optionOf = (name: string, property: Readonly<Record<string, unknown>>, required: boolean): PipelineOption => {
  const { type, description, default: fallback, enum: choices } = property
  return {
    name,
    type: typeof type === 'string' ? type : null,
    required,
    description: typeof description === 'string' ? description : null,
    default: fallback === undefined ? null : JSON.stringify(fallback),
    choices: Array.isArray(choices) ? choices.map(String) : [],
  }
}

const record = (value: unknown): Readonly<Record<string, unknown>> | null =>
  (typeof value === 'object' || typeof value === 'function') && value !== null ? (value as Readonly<Record<string, unknown>>) : null // read only, and every value is unknown

/** Texts, in the order they were given; true for a name without a value. */
export type GivenOptions = Readonly<Record<string, ReadonlyArray<string | true>>>

/**
 * `base` (a file's content) under `given`. A text stays a text where the schema takes it, and becomes the JSON it spells where not: `3`,
 * `true`, `{"a":1}`. A Left has one line for each thing that the schema refuses.
 */
export const optionsValue = (schema: Schema | null, base: unknown, given: GivenOptions): Either<ReadonlyArray<string>, unknown> => {
  if (schema === null) return E.right(undefined)
  if (Object.keys(given).length === 0) return refusedBy(schema, base)
  const object = record(base)
  if (object === null || Array.isArray(base)) return E.left(['the file of --options must hold an object, if options are given beside it'])
  const lists = new Set(optionsShape(schema).options.flatMap(({ name, type }) => (type === 'array' ? [name] : [])))
  const value: Record<string, unknown> = { ...object }
  for (const [name, texts] of Object.entries(given)) value[name] = lists.has(name) || texts.length > 1 ? texts : texts[0]
  const asJson = new Set(Object.keys(given))
  for (;;) {
    const issues = issuesOf(schema, value)
    const name = issues.map(({ path }) => path[0]).find(key => key !== undefined && asJson.delete(key))
    if (name === undefined) return issues.length === 0 ? E.right(value) : E.left(issues.map(shown))
    value[name] = spelled(value[name])
  }
}

const refusedBy = (schema: Schema, value: unknown): Either<ReadonlyArray<string>, unknown> => {
  const issues = issuesOf(schema, value)
  return issues.length === 0 ? E.right(value) : E.left(issues.map(shown))
}

const spelled = (text: unknown): unknown => {
  if (Array.isArray(text)) return text.map(spelled)
  if (typeof text !== 'string') return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

interface Issue {
  readonly path: ReadonlyArray<string>
  readonly message: string
}

/** None for a schema that answers later: the definition itself refuses that one, and says why. */
const issuesOf = (schema: Schema, value: unknown): ReadonlyArray<Issue> => {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) {
    result.catch(() => undefined)
    return []
  }
  const issues = record(result)?.['issues']
  if (!Array.isArray(issues)) return []
  return issues.map(issue => {
    const { message, path } = record(issue) ?? {}
    const keys: ReadonlyArray<unknown> = Array.isArray(path) ? path : []
    return { message: String(message), path: keys.map(key => String(record(key)?.['key'] ?? key)) }
  })
}

const shown = ({ path, message }: Issue): string => {
  const [name, ...rest] = path
  return name === undefined ? message : `--${kebab(name)}${rest.length === 0 ? '' : ` (at ${rest.join('.')})`}: ${message}`
}

/** @example kebab('maxRate') // 'max-rate' */
export const kebab = (name: string): string =>
  name.replace(/[A-Z]/g, (letter, at: number) => `${at === 0 ? '' : '-'}${letter.toLowerCase()}`)
