// Records of known fields. The fields are written by name, in the order of their names, so that reordering the declaration does not
// change what was stored.
import type { Coder } from './coder.ts'
import { EncodeError } from './encode-error.ts'
import { within } from './malformed.ts'
import { type StreamCoder, coderOf, streamOf } from './stream.ts'
import { showValue } from './value-path.ts'

export const struct = <R extends Readonly<Record<string, unknown>>>(fields: { readonly [N in keyof R]: Coder<R[N]> }): Coder<
  Readonly<R>
> => {
  const names = Object.keys(fields).sort()
  // A field's coder takes that field's type only: the pairing of name and coder is the mapped type's, and is erased here.
  const coders = names.map(name => fields[name] as Coder<unknown>)
  const streams: ReadonlyArray<StreamCoder<unknown>> = coders.map(coder => streamOf(coder))
  const urn = `jetbeam:coder:struct:v1(${names.map((name, i) => `${name}:${coders[i]?.urn ?? ''}`).join(',')})`
  return coderOf<Readonly<R>>(
    urn,
    coders.every(coder => coder.deterministic),
    {
      write: (record, w) => {
        if (typeof record !== 'object' || record === null) {
          throw new EncodeError(
            `${showValue(record)}, where a record of ${names.join(', ')} belongs`,
            'Build the record, or choose the coder of its type.',
          )
        }
        let i = 0
        try {
          for (; i < streams.length; i++) streams[i]?.write(record[names[i] ?? ''], w)
        } catch (error) {
          throw within(error, names[i] ?? i)
        }
      },
      read: r => {
        const record: Record<string, unknown> = {}
        let i = 0
        try {
          for (; i < streams.length; i++) setOwn(record, names[i] ?? '', streams[i]?.read(r))
        } catch (error) {
          throw within(error, names[i] ?? i)
        }
        return record as R // every field of R, from the coder of its type
      },
    },
  )
}

/** Sets a property as data: assigning to `__proto__` would set the prototype. */
export const setOwn = (record: Record<string, unknown>, name: string, value: unknown): void => {
  if (name === '__proto__') Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true })
  else record[name] = value
}
