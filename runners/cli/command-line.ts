// From a program's arguments to what it is asked to do. Nothing is read or run here.
import { parseArgs } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { addressOf } from '../../io/nats/address.ts'
import { withoutSecretsIn } from '../../sdk/model/secret-text.ts'
import { nearest } from './nearest.ts'
import { type GivenOptions, kebab, type OptionsShape } from './pipeline-options.ts'
import { type GivenRunOptions, type RunOptionName, runOptionNames, runOptionSpecs } from './run-options.ts'

export interface CommandLine {
  readonly run: GivenRunOptions
  readonly options: GivenOptions
}

/** A run option's name on the command line: where the pipeline has an option of the same name, that one goes before. */
export const spelling = (name: RunOptionName, { options }: OptionsShape): string =>
  name !== 'help' && options.some(option => option.name === name || kebab(option.name) === name) ? `run-${name}` : name

/** What a name on the command line means. */
type Meaning =
  | { readonly _tag: 'Run'; readonly name: RunOptionName; readonly takesValue: boolean }
  | { readonly _tag: 'Pipeline'; readonly name: string; readonly takesValue: boolean }

const meaningsOf = (shape: OptionsShape): ReadonlyMap<string, Meaning> => {
  const meanings = new Map<string, Meaning>()
  for (const { name, type } of shape.options)
    for (const spelled of [name, kebab(name)]) meanings.set(spelled, { _tag: 'Pipeline', name, takesValue: type !== 'boolean' })
  for (const name of runOptionNames)
    meanings.set(spelling(name, shape), { _tag: 'Run', name, takesValue: runOptionSpecs[name].value !== null })
  return meanings
}

/** A Left says what is wrong and what was probably meant. */
export const parseCommandLine = (args: ReadonlyArray<string>, shape: OptionsShape): Either<string, CommandLine> => {
  const known = meaningsOf(shape)
  const meanings = shape.open ? withUnknown(args, known) : known
  const { tokens } = parseArgs({
    args: plainBooleans(args, meanings),
    options: Object.fromEntries(
      [...meanings].map(([name, { takesValue }]) => [
        name,
        { type: takesValue ? 'string' : 'boolean', ...(name === 'help' ? { short: 'h' } : {}) },
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const run: Partial<Record<RunOptionName, string>> = {}
  const options: Record<string, (string | true)[]> = {}
  for (const token of tokens) {
    if (token.kind === 'positional')
      return E.left(`${JSON.stringify(shownArgument(token.value))} belongs to no option. Options are written --name value`)
    if (token.kind !== 'option') continue
    const meaning = meanings.get(token.name)
    if (meaning === undefined) return E.left(`there is no option ${token.rawName.split('=', 1).join('')}.${suggestion(token.name, known)}`)
    // A value that looks like another option is one whose own value was forgotten; `--name=--value` says that it is meant.
    const forgotten = token.value === undefined || (!token.inlineValue && token.value.startsWith('--'))
    if (meaning.takesValue && forgotten && !(shape.open && meaning._tag === 'Pipeline'))
      return E.left(`${token.rawName} needs a value: ${token.rawName} ${valueName(meaning)}`)
    if (meaning._tag === 'Pipeline') (options[meaning.name] ??= []).push(token.value ?? true)
    else if (!meaning.takesValue && token.value !== undefined) return E.left(`${token.rawName} takes no value`)
    else if (run[meaning.name] !== undefined && meaning.takesValue) return E.left(`${token.rawName} is given twice`)
    else run[meaning.name] = token.value ?? ''
  }
  return E.right({ run, options })
}

/** It may be an address with a login, whose option was forgotten. */
const shownArgument = (text: string): string => withoutSecretsIn(text.includes('@') ? addressOf(text).shown : text).slice(0, 200)

const valueName = (meaning: Meaning): string => (meaning._tag === 'Run' ? (runOptionSpecs[meaning.name].value ?? '') : 'VALUE')

const suggestion = (name: string, known: ReadonlyMap<string, Meaning>): string => {
  const near = nearest(name, [...known.keys()])
  return near === null ? ' --help lists those that there are' : ` Did you mean --${kebab(near)}? --help lists all`
}

const nameIn = (arg: string): string | null => /^--([^=]+)/.exec(arg)?.[1] ?? null

/** parseArgs knows booleans without a value only: `--dry-run false` and `--no-dry-run` are written as one argument first. */
const plainBooleans = (args: ReadonlyArray<string>, meanings: ReadonlyMap<string, Meaning>): string[] => {
  const isFlag = (name: string | null): boolean => {
    const meaning = name === null ? undefined : meanings.get(name)
    return meaning?._tag === 'Pipeline' && !meaning.takesValue
  }
  const plain: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ''
    const next = args[i + 1]
    const name = nameIn(arg)
    if (isFlag(name) && !arg.includes('=') && (next === 'true' || next === 'false')) {
      plain.push(`${arg}=${next}`)
      i++
    } else if (name?.startsWith('no-') === true && !meanings.has(name) && isFlag(name.slice(3))) plain.push(`--${name.slice(3)}=false`)
    else plain.push(arg)
  }
  return plain
}

/** A schema that does not tell its names gets every name; one that is nearly a run option's is a slip all the same. */
const withUnknown = (args: ReadonlyArray<string>, known: ReadonlyMap<string, Meaning>): ReadonlyMap<string, Meaning> => {
  const meanings = new Map(known)
  args.forEach((arg, i) => {
    const name = nameIn(arg)
    if (name === null || known.has(name) || nearest(name, [...known.keys()]) !== null) return
    const next = args[i + 1]
    meanings.set(name, {
      _tag: 'Pipeline',
      name: camel(name),
      takesValue: arg.includes('=') || (next !== undefined && !next.startsWith('--')),
    })
  })
  return meanings
}

const camel = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
