// Assertions about what a pipeline computes, checked when the run ends.
import { AssertionError } from 'node:assert'
import { callSite } from '../graph/call-site.ts'
import type { AssertedElement } from '../graph/node.ts'
import { apply, leaf, type PCollection } from '../graph/pcollection.ts'
import { type BoundedWindow, sameWindow, showWindow } from '../model/window.ts'
import { containsInAnyOrder, type Difference, type Expectation } from './expectation.ts'

type Expected<A> = { readonly expected: ReadonlyArray<A> }
type Elements = ReadonlyArray<AssertedElement>

/** `f` throws for what is wrong. */
const along =
  (kind: string, f: (elements: Elements) => void) =>
  <A>(pc: PCollection<A>): PCollection<A> => {
    const done = leaf({ _tag: 'Assert', check: located(kind, callSite(), f) }, pc, { kind })
    return apply({ _tag: 'Along', leaves: [done.node] }, [pc], { kind: `${kind}.rest` })
  }

/** The place where it was asserted comes first in the message: the stack is a runner's. */
const located =
  (kind: string, place: () => string, check: (elements: Elements) => void) =>
  (elements: Elements): void => {
    try {
      check(elements)
    } catch (error) {
      if (error instanceof Error) error.message = `${kind} at ${place()}: ${error.message}`
      throw error
    }
  }

const matching = <A>(kind: string, x: Expected<A>, where: string, selects: (element: AssertedElement) => boolean) => {
  const expectation = expectationOf(x)
  return along(kind, elements => {
    const difference = expectation.check(elements.filter(selects).map(element => element.value))
    if (difference !== null) throw failureOf(`${where === '' ? '' : `in ${where}, `}${difference.message}`, difference)
  })
}

const isExpectation = (x: Expected<unknown>): x is Expectation<unknown> => 'check' in x
const expectationOf = (x: Expected<unknown>): Expectation<unknown> => (isExpectation(x) ? x : containsInAnyOrder(x.expected))

/** Shown by mocha and its like as a difference. */
const failureOf = (message: string, { actual, expected }: Difference): Error =>
  Object.assign(new AssertionError({ message, actual, expected, operator: 'containsInAnyOrder' }), { showDiff: true })

const inWindow =
  (w: BoundedWindow) =>
  (element: AssertedElement): boolean =>
    sameWindow(element.window as BoundedWindow, w)
const panes = <A>(
  kind: string,
  name: string,
  w: BoundedWindow,
  x: Expected<A>,
  selects: (pane: AssertedElement['pane']) => boolean,
): ((pc: PCollection<A>) => PCollection<A>) =>
  matching(kind, x, `${name} of ${showWindow(w)}`, element => inWindow(w)(element) && selects(element.pane))

/**
 * Assertions pass their input on, so one cannot be written and then forgotten by the pipeline. They are checked when the run ends, over
 * all panes of all windows unless they name some; a failed one is an AssertionError with `actual` and `expected`.
 *
 * @example
 * await pipe(
 *   Create.of(['a', 'b', 'a']),
 *   Count.perElement,
 *   PAssert.that(containsInAnyOrder([['a', 2], ['b', 1]])),
 *   TestPipeline.run(),
 * )
 */
export const PAssert = Object.freeze({
  that: <A>(x: Expected<NoInfer<A>>): ((pc: PCollection<A>) => PCollection<A>) => matching('PAssert.that', x, '', () => true),
  /** `f` gets all elements, in no order, and throws for what is wrong with them. */
  satisfies: <A>(f: (as: ReadonlyArray<A>) => void): ((pc: PCollection<A>) => PCollection<A>) =>
    along('PAssert.satisfies', elements => {
      // A is what the assertion's collection holds: its signature says so. A promise would be looked at by nobody.
      const result: unknown = f(elements.map(element => element.value as A))
      if (result instanceof Promise) {
        result.catch(() => undefined)
        throw new TypeError('its function gave a promise, and assertions are checked at once: make it synchronous')
      }
    }),
  inWindow: <A>(w: BoundedWindow, x: Expected<NoInfer<A>>): ((pc: PCollection<A>) => PCollection<A>) =>
    matching('PAssert.inWindow', x, showWindow(w), inWindow(w)),
  /** What came out before the watermark passed the window's end. */
  inEarlyPanes: <A>(w: BoundedWindow, x: Expected<NoInfer<A>>): ((pc: PCollection<A>) => PCollection<A>) =>
    panes('PAssert.inEarlyPanes', 'the early panes', w, x, pane => pane.timing === 'early'),
  /** What no trigger fired is on time. */
  inOnTimePane: <A>(w: BoundedWindow, x: Expected<NoInfer<A>>): ((pc: PCollection<A>) => PCollection<A>) =>
    panes('PAssert.inOnTimePane', 'the on-time pane', w, x, pane => pane.timing === 'onTime' || pane.timing === 'unknown'),
  inLatePanes: <A>(w: BoundedWindow, x: Expected<NoInfer<A>>): ((pc: PCollection<A>) => PCollection<A>) =>
    panes('PAssert.inLatePanes', 'the late panes', w, x, pane => pane.timing === 'late'),
  /** The pane after which its window is closed for good. */
  inFinalPane: <A>(w: BoundedWindow, x: Expected<NoInfer<A>>): ((pc: PCollection<A>) => PCollection<A>) =>
    panes('PAssert.inFinalPane', 'the final pane', w, x, pane => pane.isLast),
})
