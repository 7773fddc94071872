// Grouping means equality of encoded keys, on every runner; a JavaScript Map compares otherwise. Here keys become values for which the
// two agree: strings and numbers stay themselves, since encoding them would cost more than all the rest of a grouping.
import { type ByteWriter, withWriter } from './byte-writer.ts'
import type { Coder } from './coder.ts'
import { murmur3 } from './murmur3.ts'
import { boolean, double, string, varint } from './primitives.ts'
import { instant } from './instant.ts'
import { outerOf, streamOf } from './stream.ts'
import { isStructural } from './structural.ts'
import { writeStructural } from './structural-write.ts'

/** What a Map can hold in place of a key. */
export type GroupingKey = string | number | bigint | boolean | null | undefined

const encodedMark = '\u0000'

/**
 * How a key is looked up: two keys group together if, and only if, a Map finds their grouping keys the same.
 *
 * With the structural coder, or none, primitives stand for themselves (-0 is 0, NaN is NaN, as a Map has it); records and the like, and
 * strings that begin with U+0000, become U+0000 and a character for each byte of their encoding. With one of the coders of single
 * values every key stands for itself; with any other coder, none does.
 *
 * Throws a TypeError for a coder that is not deterministic; the returned function throws an EncodeError for a key that is no data.
 *
 * @example
 * const keyOf = groupingKey<{ site: string; path: string }>(null)
 * keyOf({ site: 'a', path: '/' }) === keyOf({ path: '/', site: 'a' }) // => true
 */
export const groupingKey = <K>(coder: Coder<K> | null): ((key: K) => GroupingKey) => {
  if (coder === null || isStructural(coder)) return structuralGroupingKey
  if (!coder.deterministic) {
    throw new TypeError(
      `${coder.urn} cannot group: it is not deterministic, so equal keys may have different bytes. Give the keys a Coder.struct, or leave them the default coder.`,
    )
  }
  // The check is by identity: these coders' keys are the primitives they are declared to be.
  if (standsForItself.has(coder)) return key => key as GroupingKey
  const { write } = outerOf(streamOf(coder))
  return key => encoded(key, write)
}

const standsForItself: ReadonlySet<unknown> = new Set([string, varint, double, boolean, instant])

const structuralGroupingKey = (key: unknown): GroupingKey => {
  switch (typeof key) {
    case 'string':
      return key.charCodeAt(0) === 0 ? encoded(key, writeStructural) : key
    case 'number':
    case 'boolean':
    case 'bigint':
    case 'undefined':
      return key
    default:
      return key === null ? key : encoded(key, writeStructural)
  }
}

const encoded = <K>(key: K, write: (key: K, w: ByteWriter) => void): string =>
  withWriter(w => {
    write(key, w)
    return encodedMark + w.finishLatin1()
  })

/** How many key groups a job has unless it says otherwise: the finest that its keyed state can be spread over workers. */
export const defaultKeyGroups = 1024

const keySeed = 0

/** A fixed unsigned 32-bit hash of an encoded key: MurmurHash3_x86_32 with seed 0. Checkpoints depend on it: it never changes. */
export const hashKeyBytes = (bytes: Uint8Array): number => murmur3(bytes, keySeed)

/** The key group, from 0, of an encoded key: the hash modulo the number of groups, which is fixed when a job first starts. */
export const keyGroupOf = (bytes: Uint8Array, groups: number = defaultKeyGroups): number => hashKeyBytes(bytes) % groups
