// JSON, for the outside world: strict about what it writes, and validated where it is read.
import type { Refinement } from 'fp-ts/lib/Refinement.js'
import { strictText } from './byte-reader.ts'
import { withWriter } from './byte-writer.ts'
import type { Coder, Decoder, Encoder } from './coder.ts'
import type { StandardSchema } from './contract.ts'
import { deepestJson } from './cycle.ts'
import { isTooDeep } from './json-depth.ts'
import { requireJson } from './json-safety.ts'
import { Malformed, attempt, thrownText } from './malformed.ts'
import { coderOf } from './stream.ts'
import { validateBy } from './validation.ts'

const urn = 'jetbeam:coder:json:v1'

const jsonText = (value: unknown): string => {
  requireJson(value)
  return JSON.stringify(value)
}

const parse = (text: string): unknown => {
  if (isTooDeep(text, deepestJson)) throw new Malformed(`JSON nested deeper than ${deepestJson} levels, which could not be written again`)
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
  } catch (error) {
    throw new Malformed(`not JSON: ${withoutQuotation(thrownText(error))}`)
  }
}

/** V8 quotes what lies around the place; that may be a secret, and a dead letter holds all of it. */
const withoutQuotation = (message: string): string => {
  const quotation = message.search(/, (?:\.\.\.)?"/)
  return quotation < 0 ? message : message.slice(0, quotation)
}

const jsonEncoder: Encoder<unknown> = Object.freeze({
  urn,
  encode: (value: unknown) =>
    withWriter(w => {
      w.text(jsonText(value))
      return w.finish()
    }),
})

export const encodeJson = <A>(): Encoder<A> => jsonEncoder

/** `Decoder.json`: takes a guard, or any Standard Schema. */
export type JsonDecoder = {
  <A>(guard: Refinement<unknown, A>): Decoder<A>
  <I, A>(schema: StandardSchema<I, A>): Decoder<A>
}

export const decodeJson: JsonDecoder = <I, A>(rule: Refinement<unknown, A> | StandardSchema<I, A>): Decoder<A> => {
  const validate = validateBy(rule)
  return Object.freeze({ urn, decode: (bytes: Uint8Array) => attempt(bytes, () => validate(parse(strictText(bytes)))) })
}

/** `Coder.json`: takes a guard, or a Standard Schema whose output is a valid input. */
export type JsonCoder = {
  <A>(guard: Refinement<unknown, A>): Coder<A>
  <I, A extends I>(schema: StandardSchema<I, A>): Coder<A>
}

// Not deterministic: the order of properties is the value's own. A key needs Coder.struct, or the default.
export const json: JsonCoder = <I, A>(rule: Refinement<unknown, A> | StandardSchema<I, A>): Coder<A> => {
  const validate = validateBy(rule)
  return coderOf<A>(urn, false, {
    write: (value, w) => w.prefixedText(jsonText(value)),
    read: r => validate(parse(r.prefixedText())),
    outer: { write: (value, w) => w.text(jsonText(value)), read: r => validate(parse(r.restText())) },
  })
}
