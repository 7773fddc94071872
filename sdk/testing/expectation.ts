// What an assertion expects of a collection's elements, and the difference when it is not so.
import { inspect, isDeepStrictEqual } from 'node:util'
import { Coder } from '../coders/index.ts'

/**
 * How elements differ from what was expected: a `message`, and the `actual` and `expected` elements, both sorted so that equal elements
 * line up.
 */
export interface Difference {
  readonly message: string
  readonly actual: ReadonlyArray<unknown>
  readonly expected: ReadonlyArray<unknown>
}

/** Carries the type of the `expected` elements: an assertion compares them with a collection of the same type. */
export type Expected<A> = {
  readonly expected: ReadonlyArray<A>
}

/** What is expected of the elements that an assertion looks at: `describe` in words; `check` gives the difference, null where it is so. */
export interface Expectation<in A> {
  readonly describe: string
  readonly check: (as: ReadonlyArray<A>) => Difference | null
}

/**
 * Exactly these elements (Beam's PAssert containsInAnyOrder), each as often as it stands here, in any order. Elements are equal if their
 * encodings are (the order of properties is nothing, -0 is 0), or deeply and strictly where they have none.
 *
 * @example
 * pipe(words, Count.perElement, PAssert.that(containsInAnyOrder([['a', 2], ['b', 1]])))
 */
export const containsInAnyOrder = <const A>(as: ReadonlyArray<A>): Expectation<unknown> & Expected<A> =>
  Object.freeze({
    describe: `${as.length} elements in any order`,
    expected: as,
    check: (actual: ReadonlyArray<unknown>) => differenceOf(as, actual),
  })

/**
 * No element at all (Beam's PAssert empty).
 *
 * @example
 * pipe(orders, PCollection.filter(order => order.total < 0), PAssert.that(empty))
 */
export const empty: Expectation<unknown> & Expected<never> = Object.freeze({
  describe: 'no element',
  expected: Object.freeze([]),
  check: (actual: ReadonlyArray<unknown>) => differenceOf([], actual),
})

/**
 * One element, and this one (Beam's PAssert.thatSingleton).
 *
 * @example
 * pipe(orders, Count.globally, PAssert.that(singleton(4)))
 */
export const singleton = <const A>(a: A): Expectation<unknown> & Expected<A> =>
  Object.freeze({
    describe: 'one element',
    expected: [a],
    check: (actual: ReadonlyArray<unknown>) => differenceOf([a], actual),
  })

/**
 * Whatever `f` does not object to by throwing (Beam's PAssert satisfies). It gets the elements in no order. A promise
 * from it is a TypeError: assertions are checked at once.
 *
 * @example
 * pipe(views, Window.into(FixedWindows.of(minutes(1))), PAssert.inOnTimePane(minute, satisfies(views => assert.lengthOf(views, 2))))
 */
export const satisfies = <A>(f: (as: ReadonlyArray<A>) => void): Expectation<A> & Expected<A> =>
  Object.freeze({
    describe: 'what a function accepts',
    expected: Object.freeze([]),
    check: (actual: ReadonlyArray<A>) => {
      const result: unknown = f(actual)
      if (!(result instanceof Promise)) return null
      // Nobody would look at it.
      result.catch(() => undefined)
      throw new TypeError('its function gave a promise, and assertions are checked at once: make it synchronous')
    },
  })

const differenceOf = (expected: ReadonlyArray<unknown>, actual: ReadonlyArray<unknown>): Difference | null => {
  const rest = new Bag(actual)
  const found: unknown[] = []
  const missing: unknown[] = []
  for (const element of expected) (rest.take(element) ? found : missing).push(element)
  const unexpected = rest.elements()
  if (missing.length === 0 && unexpected.length === 0) return null
  const counts = [
    missing.length === 0 ? [] : [`${missing.length} of ${expected.length} missing (${someOf(missing)})`],
    unexpected.length === 0 ? [] : [`${unexpected.length} unexpected (${someOf(unexpected)})`],
  ].flat()
  return { message: `the elements differ: ${counts.join(', ')}`, actual: [...found, ...unexpected], expected: [...found, ...missing] }
}

const mostShown = 3
const longestShown = 120

/** The first few, short: a test runner shows the whole difference. */
const someOf = (elements: ReadonlyArray<unknown>): string => {
  const texts = elements.slice(0, mostShown).map(element => {
    const text = inspect(element, { depth: 4, breakLength: Infinity })
    return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text
  })
  return [...texts, ...(elements.length > mostShown ? ['…'] : [])].join(', ')
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
