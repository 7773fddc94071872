// What a Left tells of an input that was refused: first why and where it lies, then a little of its bytes.
import { showPath } from '../../sdk/coders/value-path.ts'
import { showElement } from './errors.ts'

const mostReason = 300
const mostBytes = 16

type Fields = Readonly<Record<string, unknown>>

/** Of a DecodeError, of what holds one as its `error` (a message, an entry), or of a Failure; null for any other Left. */
export const refusalText = (left: unknown): string | null => {
  const refused = fieldsOf(left)
  if (refused === null) return null
  if (refused['_tag'] === 'Failure') return failureText(refused)
  const error = refused['_tag'] === 'DecodeError' ? refused : fieldsOf(refused['error'])
  if (error?.['_tag'] !== 'DecodeError') return null
  const { raw } = error
  const about = [...placeOf(refused), ...(raw instanceof Uint8Array ? [bytesText(raw)] : [])]
  return `${reasonOf(error)}${about.length === 0 ? '' : ` (${about.join(', ')})`}`
}

/** An element in one line: of a refused input what {@link refusalText} says. */
export const shownInput = (element: unknown): string => {
  const fields = fieldsOf(element)
  const refusal = fields?.['_tag'] === 'Left' ? refusalText(fields['left']) : null
  return refusal === null ? showElement(element) : `a Left: ${refusal}`
}

/** null as well where a getter of it throws. */
const fieldsOf = (value: unknown): Fields | null => {
  try {
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}

const failureText = ({ transform, message, element }: Fields): string => `${cut(message)} (${cut(transform)}, for ${showElement(element)})`

const reasonOf = ({ reason, path }: Fields): string => {
  const text = cut(reason)
  const keys = Array.isArray(path) ? path.filter(key => typeof key === 'string' || typeof key === 'number') : []
  // A schema's reason tells the paths of all that it found.
  return keys.length === 0 || text.startsWith('$') ? text : `${showPath(keys)}: ${text}`
}

/** What messages and entries of buckets are found by. */
const places = ['subject', 'stream', 'sequence', 'bucket', 'key', 'revision'] as const
const placeOf = (refused: Fields): ReadonlyArray<string> =>
  places.filter(name => refused[name] !== undefined).map(name => `${name} ${cut(refused[name])}`)

const bytesText = (bytes: Uint8Array): string => {
  const shown = Buffer.from(bytes.subarray(0, mostBytes)).toString('hex')
  return `${bytes.length} bytes${shown === '' ? '' : ` ${shown}`}${bytes.length > mostBytes ? '…' : ''}`
}

const cut = (value: unknown): string => {
  const text = String(value)
  return text.length <= mostReason ? text : `${text.slice(0, mostReason)}… (cut)`
}
