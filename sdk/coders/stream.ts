// How coders nest: each one writes into and reads from one shared buffer. Public coders carry such a stream form under a private
// symbol; a hand-written coder, which has encode and decode only, is nested by a length before its bytes.
import type { Coder } from './coder.ts'
import { ByteReader } from './byte-reader.ts'
import { type ByteWriter, withWriter } from './byte-writer.ts'
import { Malformed, attempt } from './malformed.ts'

/** A coder's form for engines: values one after another in one buffer, each of which says itself where it ends (Beam's nested context). */
export interface StreamCoder<in out A> {
  /** Throws an EncodeError. */
  readonly write: (value: A, w: ByteWriter) => void
  /** Throws when the bytes are malformed: wrap the whole read in {@link attempt}. */
  readonly read: (r: ByteReader) => A
  /** The form of a value that nothing follows (Beam's outer context), where it differs: text and bytes then need no length. */
  readonly outer?: { readonly write: (value: A, w: ByteWriter) => void; readonly read: (r: ByteReader) => A } | undefined
}

const streamForm: unique symbol = Symbol('jetbeam stream coder')

interface Streaming<in out A> extends Coder<A> {
  readonly [streamForm]: StreamCoder<A>
}

const isStreaming = <A>(coder: Coder<A>): coder is Streaming<A> => streamForm in coder

/** The public coder of a stream form. */
export const coderOf = <A>(urn: string, deterministic: boolean, stream: StreamCoder<A>): Coder<A> => {
  const outer = stream.outer ?? stream
  const coder: Streaming<A> = {
    urn,
    deterministic,
    encode: value =>
      withWriter(w => {
        outer.write(value, w)
        return w.finish()
      }),
    decode: bytes => attempt(bytes, () => readWhole(outer, bytes)),
    [streamForm]: stream,
  }
  return Object.freeze(coder)
}

const readWhole = <A>(outer: { readonly read: (r: ByteReader) => A }, bytes: Uint8Array): A => {
  const reader = new ByteReader(bytes)
  const value = outer.read(reader)
  if (reader.remaining > 0) throw new Malformed(`${reader.remaining} bytes are left over after the value`)
  return value
}

/** The stream form of any coder, for engines that put many values into one buffer. Ask once, not an element. */
export const streamOf = <A>(coder: Coder<A>): StreamCoder<A> => (isStreaming(coder) ? coder[streamForm] : prefixed(coder))

const prefixed = <A>(coder: Coder<A>): StreamCoder<A> => {
  const valueOf = (bytes: Uint8Array): A => {
    const decoded = coder.decode(bytes)
    if (decoded._tag === 'Left') throw new Malformed(decoded.left.reason, decoded.left.path)
    return decoded.right
  }
  return {
    write: (value, w) => w.prefixed(coder.encode(value)),
    read: r => valueOf(r.copy(r.count())),
    outer: { write: (value, w) => w.raw(coder.encode(value)), read: r => valueOf(r.copy(r.remaining)) },
  }
}

/** The form for a value that nothing follows. */
export const outerOf = <A>(stream: StreamCoder<A>): Pick<StreamCoder<A>, 'write' | 'read'> => stream.outer ?? stream
