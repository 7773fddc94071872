// Errors of a user's code, with the transform's path and the element that it was given.
import { errorName, errorText, readable } from '../../sdk/model/error-text.ts'
import { isSecretName } from '../../sdk/model/secret-text.ts'

/** Thrown by a stage when a user's function throws: the pipeline ends with it. */
export class UserCodeError extends Error {
  readonly _tag = 'UserCodeFailed'
  readonly transform: string
  /** Shown short: a long element is cut, and what a key calls secret is left out. */
  readonly element: string
  /** Where the element lies in its source; null: it does not come straight from one. */
  readonly position: number | null
  /** In which split; null: that is not known, or there is none. */
  readonly split: string | null
  private constructor(o: {
    readonly transform: string
    readonly element: string
    readonly doing: string
    readonly cause: unknown
    readonly position?: number | null
    readonly split?: string | null
  }) {
    const { transform, element, doing, position = null, split = null } = o
    const cause = readable(o.cause)
    const place = position === null || split === null ? '' : `, at position ${position} of the split ${split}`
    super(`${transform}: ${messageOf(cause)}\n  while it ${doing}${place}`, { cause })
    this.name = 'UserCodeFailed'
    this.transform = transform
    this.element = element
    this.position = position
    this.split = split
    // The user's own frames are what helps: they stand first.
    if (cause instanceof Error && cause.stack !== undefined) this.stack = `${this.name}: ${this.message}\n${framesOf(cause.stack)}`
  }

  /** `shown` in place of the element; `position`: where it lies, straight from a source. */
  static onElement(
    transform: string,
    element: unknown,
    cause: unknown,
    { shown = showElement(element), position = null }: { readonly shown?: string; readonly position?: number | null } = {},
  ): UserCodeError {
    return new UserCodeError({ transform, element: shown, doing: `processed ${shown}`, cause, position })
  }

  /** The same, of what was read from this split. */
  readFrom(split: string): UserCodeError {
    const { transform, element, cause, position } = this
    return position === null ? this : new UserCodeError({ transform, element, doing: `processed ${element}`, cause, position, split })
  }

  /** `doing`: "was set up", where no element is at hand. */
  static meanwhile(transform: string, doing: string, cause: unknown): UserCodeError {
    return new UserCodeError({ transform, element: '', doing, cause })
  }

  /** What a transform keeps has no encoding: a checkpoint cannot hold it. */
  static onState(transform: string, cause: unknown): UserCodeError {
    return new UserCodeError({ transform, element: '', doing: 'wrote what it keeps into a checkpoint', cause })
  }
}

/** `cause`: one that is readable. */
export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : `threw ${showElement(cause)}`)

const framesOf = (stack: string): string =>
  stack
    .split('\n')
    .filter(line => /^\s+at /.test(line))
    .join('\n')

const longest = 200
/** Elements end up in logs, so rather too much is hidden than too little. */
const isHidden = (key: string): boolean => isSecretName(key) || /token|credential|api_?key|private_?key/i.test(key)

/** One line, at most 200 characters. Never throws: getters and proxies of the element may. */
export const showElement = (element: unknown): string => {
  const shown = shownSafely(element)
  return shown.length <= longest ? shown : `${shown.slice(0, longest)}… (cut)`
}

const shownSafely = (element: unknown): string => {
  try {
    return show(element, 0)
  } catch (error) {
    return `a value that cannot be shown (${errorText(error)})`
  }
}

const show = (value: unknown, depth: number): string => {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > longest ? value.slice(0, longest) : value)
    case 'bigint':
      return `${value}n`
    case 'function':
      return 'a function'
    case 'object':
      return value === null ? 'null' : showObject(value, depth)
    default:
      return String(value)
  }
}

const showObject = (value: object, depth: number): string => {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : value.toISOString()
  if (value instanceof Uint8Array) return `${value.length} bytes ${Buffer.from(value.subarray(0, 32)).toString('hex')}`
  if (value instanceof Error) return `${errorName(value, 'Error')}: ${errorText(value)}`
  if (depth >= 3) return Array.isArray(value) ? '[…]' : '{…}'
  if (Array.isArray(value))
    return `[${value
      .slice(0, 20)
      .map(item => show(item, depth + 1))
      .join(', ')}${value.length > 20 ? ', …' : ''}]`
  if (value instanceof Map || value instanceof Set) return `${value instanceof Map ? 'Map' : 'Set'}(${value.size})`
  const entries = Object.entries(value).slice(0, 20)
  return `{ ${entries.map(([key, item]) => `${key}: ${isHidden(key) ? '(hidden)' : show(item, depth + 1)}`).join(', ')} }`
}
