// What an assertion expects of a collection's elements, and the difference when it is not so.
import { isDeepStrictEqual } from 'node:util'
import { Coder } from '../coders/index.ts'

/** How actual elements differ from what was expected: both sides in an order in which equal elements stand side by side. */
export interface Difference {
  readonly message: string
  readonly actual: ReadonlyArray<unknown>
  readonly expected: ReadonlyArray<unknown>
}

export interface Expectation<in A> {
  readonly describe: string
  readonly expected: ReadonlyArray<unknown>
  readonly check: (as: ReadonlyArray<A>) => Difference | null
}

/**
 * Exactly these elements, each as often as it stands here, in any order. Elements are equal if their encodings are (the order of
 * properties is nothing, -0 is 0), or deeply and strictly where they have none.
 *
 * @example
 * PAssert.that(containsInAnyOrder([['a', 2], ['b', 1]]))
 */
export const containsInAnyOrder = <const A>(as: ReadonlyArray<A>): Expectation<unknown> & { readonly expected: ReadonlyArray<A> } =>
  Object.freeze({
    describe: `${as.length} elements in any order`,
    expected: as,
    check: (actual: ReadonlyArray<unknown>) => differenceOf(as, actual),
  })

/** No element at all. */
export const empty: Expectation<unknown> & { readonly expected: ReadonlyArray<never> } = Object.freeze({
  describe: 'no element',
  expected: Object.freeze([]),
  check: (actual: ReadonlyArray<unknown>) => differenceOf([], actual),
})

const differenceOf = (expected: ReadonlyArray<unknown>, actual: ReadonlyArray<unknown>): Difference | null => {
  const rest = new Bag(actual)
  const found: unknown[] = []
  const missing: unknown[] = []
  for (const element of expected) (rest.take(element) ? found : missing).push(element)
  const unexpected = rest.elements()
  if (missing.length === 0 && unexpected.length === 0) return null
  const counts = [
    missing.length === 0 ? [] : [`${missing.length} of ${expected.length} missing`],
    unexpected.length === 0 ? [] : [`${unexpected.length} unexpected`],
  ].flat()
  return { message: `the elements differ: ${counts.join(', ')}`, actual: [...found, ...unexpected], expected: [...found, ...missing] }
}

/** A multiset: encodable elements by their encodings, others side by side. */
class Bag {
  readonly #encoded = new Map<string, unknown[]>()
  readonly #others: unknown[] = []

  constructor(elements: ReadonlyArray<unknown>) {
    for (const element of elements) {
      const key = encodingOf(element)
      if (key === null) this.#others.push(element)
      else {
        const same = this.#encoded.get(key)
        if (same === undefined) this.#encoded.set(key, [element])
        else same.push(element)
      }
    }
  }

  take(element: unknown): boolean {
    const key = encodingOf(element)
    if (key !== null) {
      const same = this.#encoded.get(key) ?? []
      return same.splice(-1).length > 0
    }
    const at = this.#others.findIndex(other => isDeepStrictEqual(other, element))
    if (at < 0) return false
    this.#others.splice(at, 1)
    return true
  }

  elements(): ReadonlyArray<unknown> {
    return [...[...this.#encoded.values()].flat(), ...this.#others]
  }
}

const structural = Coder.structural<unknown>()

const encodingOf = (element: unknown): string | null => {
  try {
    return Buffer.from(structural.encode(element)).toString('latin1')
  } catch {
    // A class instance or a function: it is compared as it is.
    return null
  }
}
