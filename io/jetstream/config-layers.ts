// What one place says of a configuration: values by their paths, unchecked, and what is wrong with its text.
import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { thereTwice, unknownKeys } from '../settings/check.ts'
import { parseJson, parseYaml } from '../settings/documents.ts'
import { parseProperties } from '../settings/properties.ts'
import type { Problem } from '../settings/schema.ts'
import { errorText } from '../../sdk/model/error-text.ts'

export interface ConfigLayer {
  /** `source.stream`; whether there is such a key is seen when all is together. */
  readonly values: ReadonlyMap<string, unknown>
  readonly problems: ReadonlyArray<Problem>
  /** What was read, for messages. */
  readonly files?: ReadonlyArray<string> | undefined
}

export const emptyLayer: ConfigLayer = { values: new Map(), problems: [] }

export const sectionNames = ['connection', 'source', 'sink', 'deadLetter', 'kv'] as const

/** Several sections of one kind, by name: `sources: { views: { stream: VIEWS } }`. */
export const pluralOf = {
  connection: 'connections',
  source: 'sources',
  sink: 'sinks',
  deadLetter: 'deadLetters',
  kv: 'kvs',
} as const satisfies Readonly<Record<(typeof sectionNames)[number], string>>

const plurals: ReadonlyArray<string> = Object.values(pluralOf)
const sections: ReadonlyArray<string> = [...sectionNames, ...plurals]

/** A point would end it in a path. */
const isName = (name: string): boolean => /^[\w-]{1,64}$/.test(name)

const problem = (path: string, reason: string): Problem => ({ path, tag: 'InvalidOptions', reason })

const broken = (reason: string): ConfigLayer => ({ values: new Map(), problems: [problem('', reason)] })

/** A Map, say, has no keys that could be looked at: it would be taken for an empty section. */
const isObject = (value: unknown): value is object => {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** Editors of some systems begin a file with a mark of its byte order. */
const withoutMark = (text: string): string => text.replace(/^\uFEFF/, '')

export const layerOfObject = (given: unknown): ConfigLayer => {
  if (!isObject(given)) return broken('it is no object with sections')
  const values = new Map<string, unknown>()
  const problems: Problem[] = []
  const unknown: string[] = []
  const take = (path: string, section: unknown): void => {
    if (!isObject(section)) problems.push(problem(path, 'it is no plain object with keys'))
    else for (const [key, value] of Object.entries<unknown>({ ...section })) if (value !== undefined) values.set(`${path}.${key}`, value)
  }
  for (const [name, section] of Object.entries<unknown>({ ...given })) {
    if (section === undefined) continue
    if (!sections.includes(name)) unknown.push(name)
    else if (!plurals.includes(name)) take(name, section)
    else if (!isObject(section)) problems.push(problem(name, 'it is no plain object with sections by name'))
    else
      for (const [each, its] of Object.entries<unknown>({ ...section }))
        if (its !== undefined && isName(each)) take(`${name}.${each}`, its)
        else if (its !== undefined) problems.push(problem(name, 'a name in it is not one: letters, digits, _ and -, at most 64'))
  }
  return { values, problems: [...unknownKeys(unknown, sections), ...problems] }
}

/** In characters: no configuration is as long, and what is longer is not even looked at. */
const longestText = 262_144

const tooLong = broken(`it is longer than ${longestText} characters`)

const prefix = 'jetbeam.'

export const layerOfProperties = (text: string): ConfigLayer => {
  if (text.length > longestText) return tooLong
  const values = new Map<string, unknown>()
  const problems: Problem[] = []
  const unknown: string[] = []
  for (const [i, { key, value, line }] of parseProperties(withoutMark(text)).entries()) {
    const path = key.startsWith(prefix) ? key.slice(prefix.length) : key
    // A value that was broken over two lines has its second half where a key would be.
    if (path === key) unknown.push(sections.some(section => key.startsWith(`${section}.`)) ? key : `key number ${i + 1}`)
    else if (values.has(path)) problems.push(thereTwice(path, line))
    else values.set(path, value)
  }
  const known = sections.map(section => `${prefix}${section}.…`)
  return { values, problems: [...unknownKeys(unknown, known), ...problems] }
}

export const layerOfDocument = (format: 'json' | 'yaml', text: string): ConfigLayer => {
  if (text.length > longestText) return tooLong
  const parsed = format === 'json' ? parseJson(withoutMark(text)) : parseYaml(withoutMark(text))
  return parsed._tag === 'Left' ? { values: new Map(), problems: [parsed.left] } : layerOfObject(parsed.right)
}

export const layerOfFile = (path: string): ConfigLayer => {
  const format = extname(path).toLowerCase()
  if (!['.properties', '.json', '.yaml', '.yml'].includes(format))
    return broken(`the file ${path} is neither .properties nor .json, .yaml or .yml`)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return broken(`the file ${path} cannot be read: ${errorText(error)}`)
  }
  const layer = format === '.properties' ? layerOfProperties(text) : layerOfDocument(format === '.json' ? 'json' : 'yaml', text)
  return { ...layer, files: [path] }
}
