// Coders made of coders. In each, the last part is in the outer context where the whole is, as in Beam: only what something follows
// needs a length.
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { KV } from '../model/kv.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { Coder } from './coder.ts'
import { EncodeError } from './encode-error.ts'
import { Malformed, thrownText, within } from './malformed.ts'
import { coderOf, outerOf, streamOf } from './stream.ts'
import { showValue } from './value-path.ts'

type Write<A> = (value: A, w: ByteWriter) => void
type Read<A> = (r: ByteReader) => A

/**
 * The name of a composite says what it is made of: that is what tells two coders apart when a pipeline's new version restores old
 * state.
 */
export const urnOf = (name: string, ...parts: ReadonlyArray<{ readonly urn: string }>): string =>
  `${name}(${parts.map(part => part.urn).join(',')})`

const marker = (r: ByteReader, what: string): boolean => {
  const byte = r.byte()
  if (byte > 1) throw new Malformed(`the byte ${byte}, where 0 or 1 says ${what}`)
  return byte === 1
}

export const nullable = <A>(c: Coder<A>): Coder<A | null> => {
  const part = streamOf(c)
  const write =
    (inner: Write<A>): Write<A | null> =>
    (value, w) => {
      w.byte(value === null ? 0 : 1)
      if (value !== null) inner(value, w)
    }
  const read =
    (inner: Read<A>): Read<A | null> =>
    r =>
      marker(r, 'whether there is a value') ? inner(r) : null
  const outer = outerOf(part)
  return coderOf(urnOf('beam:coder:nullable:v1', c), c.deterministic, {
    write: write(part.write),
    read: read(part.read),
    outer: { write: write(outer.write), read: read(outer.read) },
  })
}

export const option = <A>(c: Coder<A>): Coder<Option<A>> => {
  const part = streamOf(c)
  return coderOf(urnOf('jetbeam:coder:option:v1', c), c.deterministic, {
    write: (value, w) => {
      w.byte(O.isSome(value) ? 1 : 0)
      if (O.isSome(value)) part.write(value.value, w)
    },
    read: r => (marker(r, 'none or some') ? O.some(part.read(r)) : O.none),
  })
}

export const either = <L, A>(l: Coder<L>, a: Coder<A>): Coder<Either<L, A>> => {
  const [left, right] = [streamOf(l), streamOf(a)]
  return coderOf(urnOf('jetbeam:coder:either:v1', l, a), l.deterministic && a.deterministic, {
    write: (value, w) => {
      w.byte(E.isRight(value) ? 1 : 0)
      if (E.isRight(value)) right.write(value.right, w)
      else left.write(value.left, w)
    },
    read: (r): Either<L, A> => (marker(r, 'left or right') ? E.right(right.read(r)) : E.left(left.read(r))),
  })
}

/** It shows its key's coder: a collection that has this one is grouped by the key's encoding. */
interface PairCoder<in out K, in out V> extends Coder<KV<K, V>> {
  readonly keyCoder: Coder<K>
}

export const kv = <K, V>(k: Coder<K>, v: Coder<V>): Coder<KV<K, V>> => {
  const [key, value] = [streamOf(k), streamOf(v)]
  const write =
    (last: Write<V>): Write<KV<K, V>> =>
    (pair, w) => {
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw new EncodeError(`${showValue(pair)}, where a pair of key and value belongs`, 'Make it with KV.of, or PCollection.keyBy.')
      }
      let at = 0
      try {
        key.write(pair[0], w)
        at = 1
        last(pair[1], w)
      } catch (error) {
        throw within(error, at)
      }
    }
  const read =
    (last: Read<V>): Read<KV<K, V>> =>
    r => {
      let at = 0
      try {
        const first = key.read(r)
        at = 1
        return [first, last(r)]
      } catch (error) {
        throw within(error, at)
      }
    }
  const outer = outerOf(value)
  const coder: PairCoder<K, V> = {
    ...coderOf(urnOf('beam:coder:kv:v1', k, v), k.deterministic && v.deterministic, {
      write: write(value.write),
      read: read(value.read),
      outer: { write: write(outer.write), read: read(outer.read) },
    }),
    keyCoder: k,
  }
  return Object.freeze(coder)
}

/** A view of another coder; a `to` that throws counts as one that refuses. */
export const imap =
  <A, B>(to: (a: A) => Either<string, B>, from: (b: B) => A) =>
  (c: Coder<A>): Coder<B> => {
    const part = streamOf(c)
    const seen = (a: A): B => {
      let b: Either<string, B>
      try {
        b = to(a)
      } catch (error) {
        throw new Malformed(`imap's \`to\` threw: ${thrownText(error)}`)
      }
      if (E.isLeft(b)) throw new Malformed(b.left)
      return b.right
    }
    const outer = outerOf(part)
    return coderOf(urnOf('jetbeam:coder:imap:v1', c), c.deterministic, {
      write: (b, w) => part.write(from(b), w),
      read: r => seen(part.read(r)),
      outer: { write: (b, w) => outer.write(from(b), w), read: r => seen(outer.read(r)) },
    })
  }
