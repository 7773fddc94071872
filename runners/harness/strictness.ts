// The direct runner's strict checks: a DoFn leaves its input as it was, and an element survives the coder that another runner would
// send it through. Each costs an encoding, so they are for tests.
import * as E from 'fp-ts/lib/Either.js'
import { Coder, valueCoder } from '../../sdk/coders/index.ts'
import type { UserFunction } from '../../sdk/graph/node.ts'
import { showElement } from './errors.ts'

export interface Strictness {
  readonly guard: (f: UserFunction, path: string) => UserFunction
  readonly survive: (value: unknown) => unknown
}

const structural = Coder.structural<unknown>()

/** null for what has no encoding: it is checked where it must cross, not where it passes. */
const bytesOf = (value: unknown): Uint8Array | null => {
  const bytes = E.tryCatch(
    () => structural.encode(value),
    () => null,
  )
  return E.isRight(bytes) ? bytes.right : null
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i])

export const strictness: Strictness = {
  guard: (f, path) => {
    const call = f as (...input: ReadonlyArray<unknown>) => unknown
    const guarded = (...input: ReadonlyArray<unknown>): unknown => {
      const before = typeof input[0] === 'object' ? bytesOf(input[0]) : null
      const result = call(...input)
      if (before !== null) {
        const after = bytesOf(input[0])
        if (after === null || !same(before, after)) {
          throw new TypeError(
            `${path} changed its input, which other transforms and retries still see; it is now ${showElement(input[0])}. Build a new value instead`,
          )
        }
      }
      return result
    }
    return guarded
  },
  survive: value => {
    const decoded = valueCoder<unknown>().decode(valueCoder<unknown>().encode(value))
    if (E.isLeft(decoded)) throw new TypeError(`${showElement(value)} does not survive its coder: ${decoded.left.reason}`)
    return decoded.right
  },
}
