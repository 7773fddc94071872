// JSON and YAML as plain data. What is wrong with a text is told by key and place, never by quoting it: it may hold a secret.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { CST, type Document, Lexer, type Pair, isPair, isScalar, parseDocument, stringify, visit } from 'yaml'
import { thereTwice } from './check.ts'
import { type RepeatedKey, repeatedKeyIn } from './json-keys.ts'
import type { Problem, Shown } from './schema.ts'

/** Sections by name. */
export type SectionTexts = Readonly<Record<string, Readonly<Record<string, Shown | Readonly<Record<string, Shown>>>>>>

const broken = (reason: string): Either<Problem, never> => E.left({ path: '', tag: 'InvalidOptions', reason })

const twice = (text: string, { path, at }: RepeatedKey): Either<Problem, never> => E.left(thereTwice(path.join('.'), lineAt(text, at)))

/** A Left says what is wrong, and where. */
export const parseJson = (text: string): Either<Problem, unknown> => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Node's own message quotes the text.
    return broken(`this is no JSON${jsonPlace(text)}`)
  }
  // JSON takes the last of two values for one key without a word.
  const repeated = repeatedKeyIn(text)
  return repeated === null ? E.right(value) : twice(text, repeated)
}

export const parseYaml = (text: string): Either<Problem, unknown> => {
  const document = parsed(text)
  if (document === null) return broken('it is nested too deeply')
  const [error] = document.errors
  if (error !== undefined) return broken(problemOf(text, error))
  let unusual = document.warnings.length > 0 ? 'a tag' : null
  let repeated: RepeatedKey | null = null
  visit(document, {
    Alias: () => void (unusual = 'an alias'),
    Map: (_, { items }, around) => void (repeated ??= repeatedIn(items, around)),
  })
  if (repeated !== null) return twice(text, repeated)
  if (unusual !== null) return broken(`it has ${unusual}, which configurations do not use`)
  const root = document.contents
  return root === null || (isScalar(root) && root.value === null) ? E.right({}) : E.right(document.toJS())
}

/** The parser would compare each key with all before it. */
const repeatedIn = (pairs: ReadonlyArray<Pair>, around: ReadonlyArray<unknown>): RepeatedKey | null => {
  const known = new Set<unknown>()
  for (const { key } of pairs) {
    if (!isScalar(key)) continue
    if (known.has(key.value))
      return {
        path: [...around.flatMap(node => (isPair(node) && isScalar(node.key) ? String(node.key.value) : [])), String(key.value)],
        at: key.range?.[0] ?? 0,
      }
    known.add(key.value)
  }
  return null
}

const mostNested = 500

// Where its stack ends, the parser ends the process: V8 has no room left to compile a regular expression, and no error is thrown. Its lexer
// has no stack, and knows brackets and marks from those in a text.
const isTooDeep = (text: string): boolean => {
  let open = 0
  let onLine = 0
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token)
    if (type === 'flow-map-start' || type === 'flow-seq-start') open++
    else if (type === 'flow-map-end' || type === 'flow-seq-end') open--
    else if (type === 'seq-item-ind' || type === 'explicit-key-ind' || type === 'map-value-ind') onLine++
    else if (type === 'newline') onLine = 0
    if (open > mostNested || onLine > mostNested) return true
  }
  return false
}

/** Null: it is nested deeper than any configuration. */
const parsed = (text: string): Document.Parsed | null =>
  isTooDeep(text) ? null : parseDocument(text, { prettyErrors: false, logLevel: 'error', stringKeys: true, uniqueKeys: false })

const problemOf = (text: string, { code, pos }: { readonly code: string; readonly pos: readonly [number, number] }): string =>
  `this is no YAML (${code.toLowerCase().replaceAll('_', ' ')}), at line ${lineAt(text, pos[0])}`

const lineAt = (text: string, position: number): number => text.slice(0, position).split('\n').length

/** Whether something could follow that makes it JSON. */
const isBeginning = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    const message = error instanceof Error ? error.message : ''
    return message.endsWith('end of JSON input') || Number(/at position (\d+)/.exec(message)?.[1]) >= text.length
  }
}

/** Node does not always say where: the longest beginning that could still become JSON does. */
const jsonPlace = (text: string): string => {
  let [good, bad] = [0, text.length + 1]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (isBeginning(text.slice(0, middle))) good = middle
    else bad = middle
  }
  return `, at line ${lineAt(text, good)}, column ${good - text.lastIndexOf('\n', good - 1)}`
}

export const jsonText = (sections: SectionTexts): string => `${JSON.stringify(sections, null, 2)}\n`

export const yamlText = (sections: SectionTexts): string => stringify(sections, { lineWidth: 0 })
