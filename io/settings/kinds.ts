// Kinds of values that any section may have.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { type Duration, millis } from '../../sdk/model/time.ts'
import type { Accepted, Kind, ProblemTag, Refusal, Shown } from './schema.ts'

export const refuse = (reason: string, tag: ProblemTag = 'InvalidOptions'): Either<Refusal, never> => E.left({ tag, reason })

export const accept = <A>(value: A, shown: Shown): Either<Refusal, Accepted<A>> => E.right({ value, shown })

const longestShown = 60

// A quotation mark or a line's end that is missing makes the lines behind it a part of the value.
const mayHoldSecret = /password|token|nkeyseed|secret/i

/** For messages: never for what may be a secret. */
export const quoted = (value: unknown): string => {
  if (typeof value === 'string' && mayHoldSecret.test(value)) return 'a text that may hold a secret'
  if (typeof value === 'string') return JSON.stringify(value.length > longestShown ? `${value.slice(0, longestShown)}…` : value)
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a value of type ${typeof value}`
}

const notA = (value: unknown, says: string): Either<Refusal, never> => refuse(`${quoted(value)} is not ${says}`)

/** Controls and halves of characters survive no file. */
const unwritable = /\p{Cc}|\p{Cs}/u

/** One line of text. `refused` says why one of them is not taken, or null. */
export const text = (says: string, refused: (text: string) => string | null = () => null): Kind<string> => ({
  says,
  accept: value => {
    if (typeof value !== 'string') return refuse(`${quoted(value)} is not ${says}: write it in quotes`)
    if (value === '') return refuse(`it is empty: this takes ${says}`)
    if (unwritable.test(value)) return refuse(`${quoted(value)} holds a control character`)
    const why = refused(value)
    return why === null ? accept(value, value) : refuse(`${quoted(value)} is not ${says}: ${why}`)
  },
})

export const wholeNumber = (least: number): Kind<number> => {
  const says = `a whole number from ${least}`
  return {
    says,
    accept: value => {
      const n = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
      return typeof n === 'number' && Number.isSafeInteger(n) && n >= least ? accept(n, n) : notA(value, says)
    },
  }
}

export const between = (least: number, most: number): Kind<number> => {
  const [from, says] = [wholeNumber(least), `a whole number from ${least} to ${most}`]
  return {
    says,
    accept: value => {
      const accepted = from.accept(value)
      return accepted._tag === 'Right' && accepted.right.value <= most ? accepted : notA(value, says)
    },
  }
}

export const flag: Kind<boolean> = {
  says: 'true or false',
  accept: value => {
    const known = value === 'true' ? true : value === 'false' ? false : value
    return typeof known === 'boolean' ? accept(known, known) : notA(value, 'true or false')
  },
}

const units: ReadonlyArray<readonly [string, number]> = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
]

const short = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/
const iso = /^P(?=[\dT])(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/

const millisOf = (value: unknown): number | null => {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return null
  const [, amount, unit] = short.exec(value) ?? []
  const factor = units.find(([name]) => name === unit)?.[1]
  if (amount !== undefined && factor !== undefined) return rounded(Number(amount) * factor)
  const parts = iso.exec(value)
  if (parts === null) return null
  return rounded(parts.slice(1).reduce((sum, part, i) => sum + Number((part as string | undefined) ?? 0) * (units[i]?.[1] ?? 0), 0))
}

/** 1.1 s is 1,100.0000000000002 ms to a double. */
const rounded = (ms: number): number => (Math.abs(ms - Math.round(ms)) < 1e-6 ? Math.round(ms) : ms)

/** `5s`: in the largest unit that leaves no rest. */
export const durationText = (ms: number): string => {
  const [unit, factor] = units.find(([, size]) => ms % size === 0 && ms > 0) ?? ['ms', 1]
  return `${ms / factor}${unit}`
}

/** `5s`, `1.5h`, `PT5S`, or a number of milliseconds. */
export const duration = (least: Duration, most: Duration): Kind<Duration> => {
  const says = `a duration from ${durationText(least)} to ${durationText(most)} (5s, 250ms, PT1M30S)`
  return {
    says,
    accept: value => {
      const ms = millisOf(value)
      return ms !== null && Number.isSafeInteger(ms) && ms >= least && ms <= most ? accept(millis(ms), durationText(ms)) : notA(value, says)
    },
  }
}

/** One of a few values, each under its name. `nameOf` tells the name of a value that code gives. */
export const choice = <A extends string>(...names: ReadonlyArray<A>): Kind<A> => {
  const says = names.join(' or ')
  return {
    says,
    accept: value => {
      const found = names.find(name => name === value)
      return found === undefined ? notA(value, says) : accept(found, found)
    },
  }
}

/** Several of one kind: a list, or a text with commas between them. A comma or backslash inside one has a backslash before it. */
export const listOf = (
  kind: Kind<string>,
  says: string,
  rule: (items: ReadonlyArray<string>) => Refusal | null,
): Kind<ReadonlyArray<string>> => ({
  says,
  accept: value => {
    const items: unknown = typeof value === 'string' ? (value === '' ? [] : itemsIn(value)) : value
    if (!Array.isArray(items)) return notA(value, says)
    const accepted: string[] = []
    for (const [i, item] of items.entries()) {
      const one = kind.accept(item)
      if (one._tag === 'Left') return E.left({ ...one.left, reason: `number ${i + 1}: ${one.left.reason}` })
      accepted.push(one.right.value)
    }
    const broken = rule(accepted)
    return broken === null ? accept(Object.freeze(accepted), accepted) : E.left(broken)
  },
})

const itemsIn = (value: string): ReadonlyArray<string> =>
  [...value.matchAll(/(?:^|,)((?:\\[\s\S]|[^,\\])*\\?)/g)].map(([, item = '']) => unindented(item).replaceAll(/\\([\s\S])/g, '$1'))

/** An expression would look at each row of spaces from each of its places. */
const unindented = (item: string): string => {
  const isSpace = (i: number): boolean => item[i] === ' ' || item[i] === '\t'
  let [from, to] = [0, item.length]
  while (from < to && isSpace(from)) from++
  while (to > from && isSpace(to - 1)) to--
  return item.slice(from, to)
}

/** The reverse, for texts that have no lists. */
export const listText = (items: ReadonlyArray<string>): string => items.map(item => item.replaceAll(/[\\,]/g, '\\$&')).join(',')

/** Where a secret is, instead of the secret: `${env:NAME}` or `${file:PATH}`. */
export const secretReference = /^\$\{(env|file):([^{}]+)\}$/

/** Refused without being shown, whatever it is. */
export const secret: Kind<string> = {
  says: 'a secret by reference: ${env:NAME} or ${file:PATH}',
  accept: value => {
    if (typeof value !== 'string' || !secretReference.test(value) || unwritable.test(value))
      return refuse('a secret is not written out: put it in a variable or a file, and write ${env:NAME} or ${file:PATH}')
    return accept(value, value)
  },
}
