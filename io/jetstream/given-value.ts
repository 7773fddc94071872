// What users' functions gave for an element: JavaScript lets through what the types would refuse. Values are data, and never shown.
import type { Either } from 'fp-ts/lib/Either.js'
import type { DecodeError } from '../../sdk/coders/index.ts'
import { JetStreamIOError } from './errors.ts'

/** A decoder as JavaScript may have written it. */
export interface GivenDecoder<out A> {
  readonly decode: (bytes: Uint8Array) => Either<DecodeError, A> | undefined
}

/** What it gave that is no Either. */
export const refuseDecoded = (label: string, what: string, decoded: unknown): never =>
  refuseGiven(
    label,
    what,
    decoded,
    "It gives an Either: E.right(value), or E.left({ _tag: 'DecodeError', raw: bytes, reason: 'why', path: [] }).",
  )

/** Of what kind it is, in a few words. */
export const givenKind = (value: unknown): string => {
  if (value === undefined || value === null) return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Promise) return 'a promise'
  const name = Object.prototype.toString.call(value).slice(8, -1)
  return name === 'Object' ? 'an object' : `a ${name}`
}

/** Throws InvalidOptions. `what`: the function that gave it. */
export const refuseGiven = (label: string, what: string, value: unknown, wanted: string): never => {
  throw new JetStreamIOError('InvalidOptions', `${label}: ${what} gave ${givenKind(value)} for this element. ${wanted}`)
}

/** What an encoder gave. */
export const givenBytes = (label: string, bytes: Uint8Array, what = 'coder: encode'): Uint8Array => {
  // Arrays of another realm (a vm's, a test runner's) are bytes, too.
  if (bytes instanceof Uint8Array || Object.prototype.toString.call(bytes) === '[object Uint8Array]') return bytes
  return refuseGiven(
    label,
    what,
    bytes,
    'It gives bytes, a Uint8Array: new TextEncoder().encode(text), or use Encoder.json(), Encoder.text(), …',
  )
}
