// What JSON.stringify would lose or change without a word. Looking at each value first costs about as much as writing it, and is what
// makes an encoder of ours safe to put behind a sink.
import { TooDeep, deepestJson, explainDepth } from './cycle.ts'
import { EncodeError } from './encode-error.ts'
import { within } from './malformed.ts'
import { isPlainPrototype, showValue } from './value-path.ts'

/**
 * Throws an EncodeError, with the path, for what JSON has no form for: functions, symbols, bigints, NaN and infinities, undefined in an
 * array or as the whole value, invalid dates, and objects whose data are not their properties (Map, Set, bytes, Error, Promise ...).
 * Properties that are undefined pass: JSON leaves them out, which is what an optional property means. Objects with `toJSON` pass if
 * what it returns does.
 */
export const requireJson = (value: unknown): void => {
  try {
    check(value, 0)
  } catch (error) {
    throw error instanceof TooDeep ? explainDepth(value, deepestJson) : error
  }
}

const check = (value: unknown, depth: number): void => {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return
    case 'number':
      // Infinity - Infinity and NaN - NaN are NaN: one comparison for all numbers that JSON has.
      if (value - value === 0) return
      throw new EncodeError(showValue(value), 'JSON writes null for it: leave the property out, or map it to null or a string.')
    case 'object':
      return value === null ? undefined : checkObject(value, depth)
    case 'undefined':
      throw new EncodeError('undefined', 'JSON has no undefined here: use null.')
    case 'bigint':
      throw new EncodeError(showValue(value), 'JSON has no bigints: map it to a string, or to a number where it is safe.')
    default:
      throw new EncodeError(showValue(value), 'JSON would leave it out: send data.')
  }
}

const checkObject = (value: object, depth: number): void => {
  if (depth >= deepestJson) throw new TooDeep()
  if (Array.isArray(value)) return checkArray(value, depth)
  const record = value as Readonly<Record<string, unknown>>
  // By what JSON.stringify calls, and how.
  if (typeof record['toJSON'] === 'function') return checkConverted(value, Reflect.apply(record['toJSON'], value, ['']), depth)
  if (!isPlainPrototype(Object.getPrototypeOf(value)) && Object.prototype.toString.call(value) !== '[object Object]') {
    throw new EncodeError(showValue(value), 'JSON would lose what is in it: map it to a record, an array or a string first.')
  }
  let at = ''
  try {
    for (at in record) {
      const part = record[at]
      if (part !== undefined && typeof part !== 'string') check(part, depth + 1)
    }
  } catch (error) {
    throw within(error, at)
  }
}

const checkConverted = (value: object, converted: unknown, depth: number): void => {
  if (value instanceof Date && converted === null)
    throw new EncodeError('an invalid Date', 'JSON writes null for it: check the date where it is made.')
  check(converted, depth + 1)
}

const checkArray = (values: ReadonlyArray<unknown>, depth: number): void => {
  let i = 0
  try {
    for (; i < values.length; i++) check(values[i], depth + 1)
  } catch (error) {
    throw within(error, i)
  }
}
