// Why a value is too deep to write: looked into only after a writer has given up, so that no value pays for it.
import { EncodeError } from './encode-error.ts'
import { type PathKey, showPath } from './value-path.ts'

/** How deep values may nest. Deeper ones are nearly always cyclic, and the stack of a worker thread is small. */
export const deepest = 600

/** How deep a structural value may be where it is the whole encoding. A pipeline wraps it: in a message, a pair, a window, a state. */
export const deepestWhole = 550

/** How deep JSON may be, read or written: what a decoder gives, and a pipeline wraps, still has a structural encoding. */
export const deepestJson = 500

/** Thrown by writers at their limit; their outermost call replaces it by {@link explainDepth}. */
export class TooDeep extends Error {
  override readonly name = 'TooDeep'
}

/** The refusal of a value that nests deeper than `limit`: a cycle, with where it closes, if that is the reason. */
export const explainDepth = (root: unknown, limit: number): EncodeError => {
  const path: Array<PathKey> = []
  const closes = findCycle(root, path, new Map(), new Set())
  return closes === null
    ? new EncodeError(`a value nested deeper than ${limit} levels`, 'Flatten it: a long chain is an array.')
    : new EncodeError(`a cycle: it is ${showPath(path.slice(0, closes))} again`, 'Refer to it by a key instead.', path)
}

/** How many steps of `path` lead to the object that its end is again; null where no cycle shows itself within {@link deepest} steps. */
const findCycle = (value: unknown, path: Array<PathKey>, above: Map<object, number>, done: Set<object>): number | null => {
  if (typeof value !== 'object' || value === null || path.length > deepest) return null
  const seenAt = above.get(value)
  if (seenAt !== undefined) return seenAt
  // What many places share is looked at once.
  if (done.has(value)) return null
  above.set(value, path.length)
  for (const [key, part] of partsOf(value)) {
    path.push(key)
    const found = findCycle(part, path, above, done)
    if (found !== null) return found
    path.pop()
  }
  above.delete(value)
  done.add(value)
  return null
}

/** How many levels of objects a value has, counted up to `most`. */
export const depthOf = (root: unknown, most: number): number => {
  let level: ReadonlyArray<unknown> = [root]
  for (let depth = 0; ; depth++) {
    const objects = level.filter(value => typeof value === 'object' && value !== null)
    if (objects.length === 0 || depth === most) return depth
    level = objects.flatMap(value => partsOf(value).map(([, part]) => part))
  }
}

const partsOf = (value: object): ReadonlyArray<readonly [PathKey, unknown]> => {
  if (Array.isArray(value)) return value.map((part, i) => [i, part])
  if (value instanceof Set) return [...value].map((part, i) => [i, part])
  if (value instanceof Map) return [...value].map(([key, part], i) => [typeof key === 'string' ? key : i, part])
  return Object.entries(value)
}
