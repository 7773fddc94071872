// Where inside a value something is wrong, and what is there, in a line that fits a log: values may be large, or secret.

export type PathKey = string | number

const longest = 80

const cut = (text: string): string => (text.length <= longest ? text : `${text.slice(0, longest - 1)}…`)

/** `$.order.items[2]["unit price"]`, cut to 80 characters. */
export const showPath = (path: ReadonlyArray<PathKey>): string => cut(`$${path.slice(0, longest).map(showKey).join('')}`)

const showKey = (key: PathKey): string =>
  typeof key === 'number' ? `[${key}]` : /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`

/** What a value is, with primitives shown and anything larger only named: at most 80 characters. */
export const showValue = (value: unknown): string => {
  switch (typeof value) {
    case 'string':
      return cut(`the string ${JSON.stringify(value.slice(0, longest))}`)
    case 'number':
      return `the number ${Object.is(value, -0) ? '-0' : String(value)}`
    case 'bigint':
      return cut(`the bigint ${value}`)
    case 'function':
      return cut(`a function${value.name === '' ? '' : ` (${value.name})`}`)
    case 'symbol':
      return cut(`a symbol (${value.description ?? ''})`)
    case 'object':
      return value === null ? 'null' : cut(showObject(value))
    default:
      return String(value)
  }
}

const showObject = (value: object): string => {
  if (Array.isArray(value)) return `an array of ${value.length}`
  const name = className(value)
  if (name !== null) return value instanceof Promise ? 'a Promise' : `an instance of ${name}`
  return `a record with the properties ${Object.keys(value).slice(0, 8).join(', ')}`
}

/** The name of the class that a value is an instance of; null for plain records. */
export const className = (value: object): string | null => {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (isPlainPrototype(prototype)) return null
  const made: unknown = (value as { readonly constructor?: unknown }).constructor
  return typeof made === 'function' && made.name !== '' ? made.name : 'a nameless class'
}

/** Object.prototype of this realm or of another (a test runner's, a vm's), or no prototype at all: what literals and JSON have. */
export const isPlainPrototype = (prototype: unknown): boolean =>
  prototype === Object.prototype || prototype === null || (typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null)
