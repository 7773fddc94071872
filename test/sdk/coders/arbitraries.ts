// Values for laws: everything that the structural coder takes, nested.
import fc from 'fast-check'

const anyNumber = fc.oneof(
  fc.integer({ min: -200, max: 200 }),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 53, -(2 ** 53), 1e300, Infinity, -Infinity, NaN),
)
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map(unit => String.fromCharCode(unit)), maxLength: 8 }),
  fc.string({ minLength: 15, maxLength: 80 }),
)

const leaf = fc.oneof(
  anyNumber.map(n => n + 0), // -0 is 0 to a coder
  anyText,
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.bigInt(),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array({ maxLength: 40 }),
)

/** Plain data of every kind, maps and sets with keys of one kind each included. */
export const data: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('__proto__', 'constructor', 'a', 'b', '1', '10')), tie('value'), {
      maxKeys: 5,
      noNullPrototype: true,
    }),
    fc.array(fc.tuple(anyText, tie('value')), { maxLength: 4 }).map(entries => new Map(entries)),
    fc.array(fc.integer(), { maxLength: 4 }).map(members => new Set(members)),
  ),
})).value

/** The same value, with properties, map entries and set members in the opposite order. */
export const reordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reordered)
  if (value instanceof Map) return new Map([...value].reverse().map(([key, part]) => [reordered(key), reordered(part)]))
  if (value instanceof Set) return new Set([...value].reverse().map(reordered))
  if (value instanceof Date || value instanceof Uint8Array || typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, part]) => [key, reordered(part)]),
  )
}
