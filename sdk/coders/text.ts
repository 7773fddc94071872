// Bytes and text as they are, for sources and sinks.
import * as E from 'fp-ts/lib/Either.js'
import { strictText } from './byte-reader.ts'
import type { Decoder, Encoder } from './coder.ts'
import { attempt } from './malformed.ts'
import { string } from './primitives.ts'

const textEncoder: Encoder<string> = Object.freeze({ urn: string.urn, encode: string.encode })

export const encodeText = <A extends string>(): Encoder<A> => textEncoder

export const decodeText: Decoder<string> = Object.freeze({
  urn: string.urn,
  decode: (bytes: Uint8Array) => attempt(bytes, () => strictText(bytes)),
})

/** A copy: what comes off a socket lies in a larger frame, which would be kept with it, and changed with it. */
export const decodeBytes: Decoder<Uint8Array> = Object.freeze({
  urn: 'beam:coder:bytes:v1',
  decode: (bytes: Uint8Array) => E.right(new Uint8Array(bytes)),
})
