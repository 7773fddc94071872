// Whether an object is what its schema says: all that is wrong with it, at once.
import { editDistance } from '../../sdk/model/edit-distance.ts'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Key, Problem, Schema, Shown } from './schema.ts'

export interface Checked<O> {
  readonly settings: O
  /** The same as texts hold it, in the schema's order. */
  readonly shown: Readonly<Record<string, Shown>>
}

interface CheckOptions {
  /** Goes before a key: `source.`. */
  readonly prefix: string
  /** Keys that belong to code only: functions, coders. */
  readonly inCode: ReadonlyArray<string>
}

/** What is undefined was not said. */
export const check = <O extends object>(
  schema: Schema<O>,
  given: object,
  { prefix, inCode }: CheckOptions,
): Either<ReadonlyArray<Problem>, Checked<O>> => {
  const problems: Problem[] = []
  const settings: Record<string, unknown> = {}
  const shown: Record<string, Shown> = {}
  const said = new Map<string, unknown>(Object.entries(given).filter(([, value]) => value !== undefined))
  const keys = keysOf(schema)
  for (const [name, key] of keys) {
    if (!said.has(name)) {
      if (key.required) problems.push({ path: prefix + name, tag: 'InvalidOptions', reason: `it is missing: this takes ${key.kind.says}` })
      continue
    }
    const accepted = key.kind.accept(said.get(name))
    if (accepted._tag === 'Left') problems.push({ path: prefix + name, ...accepted.left })
    else {
      settings[name] = accepted.right.value
      shown[name] = accepted.right.shown
    }
  }
  const names = keys.map(([name]) => name)
  const known = new Set([...names, ...inCode])
  const unknown = [...said.keys()].filter(name => !known.has(name)).map(name => prefix + name)
  problems.push(
    ...unknownKeys(
      unknown,
      [...known].map(name => prefix + name),
    ),
  )
  // Each key that is there was accepted as what the schema's type says of it.
  problems.push(...schema.rules(settings as Partial<O>).map(problem => ({ ...problem, path: prefix + problem.path })))
  // And without a problem, all that must be there is.
  return problems.length > 0 ? E.left(problems) : E.right({ settings: Object.freeze(settings as O), shown })
}

export const keysOf = <O>(schema: Schema<O>): ReadonlyArray<readonly [string, Key<unknown>]> => Object.entries<Key<unknown>>(schema.keys)

const mostShown = 20

/** One for each of the first, and one for all others: whoever gives thousands has given something else, and each guess takes its time. */
export const unknownKeys = (paths: ReadonlyArray<string>, known: ReadonlyArray<string>): ReadonlyArray<Problem> => {
  const shown = paths.slice(0, mostShown).map(path => unknownKey(path, known))
  const others = paths.length - shown.length
  return others === 0 ? shown : [...shown, { path: '', tag: 'InvalidOptions', reason: `there are ${others} more unknown keys` }]
}

/** The value of an unknown key is not shown: it may be a misspelled secret. */
const unknownKey = (path: string, known: ReadonlyArray<string>): Problem => {
  const nearest = nearestOf(path, known)
  const tight = path
    .split('.')
    .map(part => part.trim())
    .join('.')
  if (tight !== path && known.includes(tight))
    return { path: shownKey(path), tag: 'InvalidOptions', reason: `a space is part of this key. Write ${tight}` }
  const remedy = nearest === null ? `There are ${known.join(', ')}` : `Did you mean ${nearest}?`
  return { path: shownKey(path), tag: 'InvalidOptions', reason: `there is no such key. ${remedy}` }
}

const longestKey = 80

/** `line`: where the second one begins; the first line is 1. */
export const thereTwice = (path: string, line: number): Problem => ({
  path: shownKey(path),
  tag: 'InvalidOptions',
  reason: `this key is there twice, the second time at line ${line}`,
})

/** It may be anything. */
const shownKey = (path: string): string =>
  (path.length > longestKey ? `${path.slice(0, longestKey)}…` : path).replaceAll(/\p{Cc}|\p{Cs}/gu, '�')

const nearestOf = (path: string, known: ReadonlyArray<string>): string | null => {
  if (path.length > longestKey) return null
  const [best] = known
    .map(name => ({ name, distance: editDistance(path.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(2, (name.length - name.lastIndexOf('.')) / 3))
    .sort((a, b) => a.distance - b.distance)
  return best?.name ?? null
}
