// Removes secrets from everything that leaves a run as text: logs, events, errors, metrics' labels, the output of the command line.
import { isSecretName, redactedText, shown, withoutSecretsIn } from './secret-text.ts'

/** Objects below this depth are not shown. */
const deepest = 6
/** Fields and items of one record, all objects of it together. */
const mostShown = 2_000

interface Budget {
  left: number
}

const cut = '[cut]'

const field = (object: object, name: string): unknown => {
  try {
    return (object as Readonly<Record<string, unknown>>)[name] // any object can be read by name
  } catch {
    return '[unreadable]'
  }
}

const redacted = (value: unknown, depth: number, budget: Budget): unknown => {
  if (typeof value === 'string') return redactedText(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'function' || typeof value === 'symbol') return `[${typeof value}]`
  if (typeof value !== 'object' || value === null) return value
  if (depth >= deepest) return shown
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (value instanceof Map || value instanceof Set) return `[${value instanceof Map ? 'Map' : 'Set'} of ${value.size}]`
  if (value instanceof Error) return errorFields(value, depth, budget)
  if (Array.isArray(value)) return items(value, depth, budget)
  return fieldsOf(value, depth + 1, budget)
}

const items = (values: ReadonlyArray<unknown>, depth: number, budget: Budget): ReadonlyArray<unknown> => {
  const result: unknown[] = []
  for (const value of values) {
    if (budget.left-- <= 0) return [...result, cut]
    result.push(redacted(value, depth + 1, budget))
  }
  return result
}

const errorFields = (error: Error, depth: number, budget: Budget): Readonly<Record<string, unknown>> => ({
  type: redactedText(error.name),
  message: redactedText(error.message),
  stack: redactedText(error.stack ?? ''),
  ...fieldsOf(error, depth + 1, budget),
  ...(error.cause === undefined ? {} : { cause: redacted(error.cause, depth + 1, budget) }),
})

const fieldsOf = (object: object, depth: number, budget: Budget): Readonly<Record<string, unknown>> => {
  const result: [string, unknown][] = []
  for (const name of Object.keys(object)) {
    if (budget.left-- <= 0) {
      result.push([cut, true])
      break
    }
    const value = field(object, name)
    result.push([redactedText(name), isSecretName(name) && value !== null && value !== undefined ? shown : redacted(value, depth, budget)])
  }
  return Object.fromEntries(result)
}

/** A copy without secrets, of plain data that JSON can hold: the fields of a log record. Its size is bounded. */
export const redactedFields = (fields: object): Readonly<Record<string, unknown>> => fieldsOf(fields, 0, { left: mostShown })

/**
 * The same value where it holds no secret, else a copy without them, of the same class: what an error carries as its `cause`, and what an
 * event carries. What lies deeper than twelve objects, or behind two thousand, is cut.
 */
export const withoutSecrets = <A>(value: A): A => clean(value, 0, new Map()) as A // a copy of the same shape

const clean = (value: unknown, depth: number, known: Map<object, unknown>): unknown => {
  if (typeof value === 'string') return withoutSecretsIn(value)
  if (typeof value !== 'object' || value === null || isOpaque(value)) return value
  if (known.has(value)) return known.get(value)
  if (depth >= 2 * deepest || known.size >= mostShown) return cut
  known.set(value, value)
  if (value instanceof Map || value instanceof Set) return cleanCollection(value, depth, known)
  const changed = changedFields(value, depth, known)
  if (changed.size === 0) return value
  const copy = copyOf(value)
  for (const [name, safe] of changed)
    Object.defineProperty(copy, name, {
      value: safe,
      writable: true,
      configurable: true,
      enumerable: Object.getOwnPropertyDescriptor(value, name)?.enumerable ?? false,
    })
  known.set(value, copy)
  return copy
}

/** It has no fields that hold text. */
const isOpaque = (value: object): boolean =>
  ArrayBuffer.isView(value) ||
  value instanceof ArrayBuffer ||
  value instanceof SharedArrayBuffer ||
  value instanceof Date ||
  value instanceof Promise ||
  value instanceof WeakMap ||
  value instanceof WeakSet ||
  value instanceof WeakRef

const cleanCollection = (
  value: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>,
  depth: number,
  known: Map<object, unknown>,
): unknown => {
  let isSame = true
  const cleaned = <A>(before: A): unknown => {
    const after = clean(before, depth + 1, known)
    isSame &&= after === before
    return after
  }
  const entries: [unknown, unknown][] = []
  for (const [key, held] of value.entries()) {
    if (entries.length >= mostShown) {
      isSame = false
      entries.push([cut, cut])
      break
    }
    const isHidden = value instanceof Map && typeof key === 'string' && isSecretName(key)
    const after = isHidden ? hidden(held) : cleaned(held)
    isSame &&= after === held
    entries.push([cleaned(key), after])
  }
  if (isSame) return value
  const copy = value instanceof Map ? new Map(entries) : new Set(entries.map(([key]) => key))
  known.set(value, copy)
  return copy
}

const copyOf = (value: object): object => {
  if (value instanceof Error) return errorLike(value)
  if (Array.isArray(value)) return [...(value as ReadonlyArray<unknown>)]
  const copy = Object.create(Object.getPrototypeOf(value) as object | null) as object
  for (const name of Object.getOwnPropertyNames(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, name)
    if (descriptor !== undefined) Object.defineProperty(copy, name, { ...descriptor, configurable: true })
  }
  return copy
}

const changedFields = (object: object, depth: number, known: Map<object, unknown>): ReadonlyMap<string, unknown> => {
  const changed = new Map<string, unknown>()
  for (const name of Object.getOwnPropertyNames(object)) {
    const descriptor = Object.getOwnPropertyDescriptor(object, name)
    // `stack` is an accessor in some versions of V8; it is read like a field.
    const before: unknown =
      descriptor !== undefined && 'value' in descriptor ? descriptor.value : name === 'stack' ? field(object, name) : undefined
    const isHidden = !(object instanceof Error) && !Array.isArray(object) && isSecretName(name)
    const after = isHidden ? hidden(before) : clean(before, depth + 1, known)
    if (after !== before) changed.set(name, after)
  }
  return changed
}

/** What a field with a secret's name holds, headers of several values among it. */
const hidden = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(() => shown)
  return typeof value === 'string' || (typeof value === 'object' && value !== null) ? shown : value
}

/** A native error of the same class with the same fields: what clones and prints like one. */
const errorLike = (error: Error): Error => {
  const copy = new Error(error.message)
  Object.setPrototypeOf(copy, Object.getPrototypeOf(error) as object | null)
  for (const name of Object.getOwnPropertyNames(error)) {
    const descriptor = Object.getOwnPropertyDescriptor(error, name)
    if (descriptor !== undefined) Object.defineProperty(copy, name, { ...descriptor, configurable: true })
  }
  return copy
}
