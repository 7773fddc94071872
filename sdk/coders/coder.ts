// The names that users write: Coder, Encoder and Decoder, each a type and the module of its values.
import type { Either } from 'fp-ts/lib/Either.js'
import { imap, either, kv, nullable, option } from './composites.ts'
import type { DecodeError } from './contract.ts'
import { instant } from './instant.ts'
import { iterable } from './iterable.ts'
import { decodeJson, encodeJson, json } from './json.ts'
import { boolean, bytes, double, string, varint } from './primitives.ts'
import { struct } from './struct.ts'
import { structural } from './structural.ts'
import { decodeBytes, decodeText, encodeText } from './text.ts'

// Each interface is declared beside its value, under one name: an emitted declaration can then name the type from the package's entry.

/**
 * Encodes values to bytes: the half of Beam's Coder that a sink needs. `encode` throws an EncodeError for a value that it cannot write
 * without losing part of it.
 */
export interface Encoder<in A> {
  /** Identifies the format in checkpoints and error messages. */
  readonly urn: string
  /** Throws an EncodeError. */
  readonly encode: (a: A) => Uint8Array
}

/** Decodes bytes to values: the half of Beam's Coder that a source needs. `decode` never throws: an error is a Left. */
export interface Decoder<out A> {
  /** Identifies the format in checkpoints and error messages. */
  readonly urn: string
  /** Returns a Left for bytes that are not a whole encoding. */
  readonly decode: (bytes: Uint8Array) => Either<DecodeError, A>
}

/**
 * Encodes and decodes: for state, keys and accumulators, and where a value is read back (Beam's Coder). A coder of your own needs these
 * four members only, and nests in all others.
 */
export interface Coder<in out A> extends Encoder<A>, Decoder<A> {
  /** Whether equal values give equal bytes, which a key needs. */
  readonly deterministic: boolean
}

/**
 * Coders of standard values, in Beam's wire formats where Beam has one, and coders made of coders.
 *
 * `encode` throws an EncodeError for a value of another kind; `decode` gives a Left for bytes that are no whole encoding, with the
 * reason and the path. A coder of one's own, with `urn`, `deterministic`, `encode` and `decode`, nests in all of them.
 *
 * @example
 * const total = Coder.struct({ views: Coder.varint, millis: Coder.double, last: Coder.nullable(Coder.instant) })
 * total.decode(total.encode({ views: 1, millis: 0.5, last: null })) // => E.right({ views: 1, millis: 0.5, last: null })
 * const path = Coder.imap((s: string) => E.right(s.split('/')), (p: string[]) => p.join('/'))(Coder.string)
 * const answers = Coder.kv(Coder.string, Coder.iterable(Coder.either(Coder.bytes, Coder.option(Coder.boolean))))
 * const order = Coder.json(z.object({ id: z.string(), total: z.number() }))
 */
export const Coder = {
  /** Bytes as they are. */
  bytes,
  /** UTF-8. */
  string,
  /** Whole numbers within ±(2^53 - 1). Small ones take a byte or two, negative ones ten. */
  varint,
  /** Eight bytes. -0 becomes 0, and every NaN the same one. */
  double,
  /** One byte. */
  boolean,
  /** Eight bytes, in the order of time, as Beam has it. */
  instant,
  /**
   * The default everywhere inside a pipeline: self-describing, deterministic, structural. Not for the outside world.
   *
   * Takes undefined, null, booleans, numbers, bigints, strings, Date, Uint8Array, arrays, plain records, Map and Set; refuses class
   * instances, functions, symbols, promises and cycles. Equal values have equal bytes whatever the order of their properties; a
   * property that is undefined differs from one that is missing.
   */
  structural,
  /**
   * JSON with a guard or a Standard Schema (zod, valibot, arktype). What a schema gives must be what it takes, or it could not be read
   * back: a schema that turns text into a Date is a Decoder. Not deterministic. Writes what {@link Encoder} `json` writes.
   */
  json,
  /** A value, or null (Beam's NullableCoder). */
  nullable,
  /** An Option: Some or None. */
  option,
  /** An Either: of a Left's coder and a Right's. */
  either,
  /** A pair: of a key's coder and a value's (Beam's KvCoder). */
  kv,
  /** An array of any length (Beam's IterableCoder). */
  iterable,
  /** A record of known fields: smaller and faster than the default, and deterministic where its fields are. */
  struct,
  /** A view of another coder; `to` may refuse. */
  imap,
} as const

/**
 * Encoders for sinks: one half of Beam's Coder.
 *
 * @example
 * const utf8 = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
 * utf8(Encoder.json<KV<string, number>>().encode(['page', 1])) // => '["page",1]'
 * utf8(Encoder.text().encode('é')) // => 'é'
 */
export const Encoder = {
  /**
   * JSON of whatever type the sink takes. Throws an EncodeError for what JSON would lose without a word: functions, symbols, bigints,
   * NaN, infinities, undefined except as a property, Map, Set, bytes, invalid dates. Properties that are undefined are left out.
   */
  json: encodeJson,
  /** UTF-8. Throws an EncodeError for half a surrogate pair. */
  text: encodeText,
} as const

/**
 * Decoders for sources: the other half of Beam's Coder.
 *
 * @example
 * const clicks = Decoder.json(z.object({ page: z.string(), at: z.number().transform(Instant.ofMillis) }))
 * const utf8 = (text: string) => new TextEncoder().encode(text)
 * clicks.decode(utf8('{ "page": "/", "at": 1 }')) // => E.right({ page: '/', at: Instant.ofMillis(1) })
 * Decoder.text.decode(utf8('é')) // => E.right('é')
 * Decoder.bytes.decode(utf8('é')) // => E.right(Uint8Array.of(195, 169))
 */
export const Decoder = {
  /** The bytes themselves, not a copy. */
  bytes: decodeBytes,
  /** UTF-8, strictly: other bytes are a Left. */
  text: decodeText,
  /**
   * JSON, validated by a guard or by any Standard Schema, one with transforms too: nothing has to be written back. An asynchronous
   * schema gives a Left that says so.
   */
  json: decodeJson,
} as const
