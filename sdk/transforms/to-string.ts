// Elements as text.
import { apply, type PCollection } from '../graph/pcollection.ts'
import type { KV } from '../model/kv.ts'

/** Text is itself; a date is ISO 8601; other objects are JSON, since what String makes of them says nothing. */
const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value
  if (value instanceof Date) return value.toISOString()
  // Of an object, JSON.stringify gives a text, or throws.
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}

/**
 * Elements as text (Beam's ToString): strings as they are, numbers and the like as String has them, dates in ISO 8601, other objects in
 * JSON; what JSON refuses ends the run. `kvs` puts key and value side by side, `iterables` all items of an element, with a delimiter
 * between them: a comma unless told.
 *
 * @example
 * pipe(counts, ToString.kvs(': ')) // => 'a: 2', 'b: 1'
 * pipe(counts, ToString.iterables('/')) // => 'a/2', 'b/1'
 * pipe(counts, ToString.elements) // => '["a",2]', '["b",1]'
 */
export const ToString = Object.freeze({
  /** Each element by itself. */
  elements: (pc: PCollection<unknown>): PCollection<string> => apply({ _tag: 'Map', f: textOf }, [pc], { kind: 'ToString.elements' }),
  kvs:
    (delimiter = ',') =>
    (pc: PCollection<KV<unknown, unknown>>): PCollection<string> =>
      apply({ _tag: 'Map', f: ([key, value]: KV<unknown, unknown>) => textOf(key) + delimiter + textOf(value) }, [pc], {
        kind: 'ToString.kvs',
      }),
  iterables:
    (delimiter = ',') =>
    (pc: PCollection<Iterable<unknown>>): PCollection<string> =>
      apply({ _tag: 'Map', f: (items: Iterable<unknown>) => Array.from(items, textOf).join(delimiter) }, [pc], {
        kind: 'ToString.iterables',
      }),
})
