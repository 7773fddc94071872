// Assertions about what a pipeline computes, checked when the run ends.
import { AssertionError } from 'node:assert'
import { callSite } from '../graph/call-site.ts'
import type { AssertedElement } from '../graph/node.ts'
import { apply, leaf, type PCollection } from '../graph/pcollection.ts'
import type { PaneInfo } from '../model/pane.ts'
import { type BoundedWindow, sameWindow, showWindow } from '../model/window.ts'
import { containsInAnyOrder, type Difference, type Expectation, type Expected, satisfies } from './expectation.ts'

type Assertion<A> = (pc: PCollection<A>) => PCollection<A>

/** `where`: for messages; `selects`: which elements it looks at. */
const asserting = <A>(
  kind: string,
  x: Expected<A>,
  where = '',
  selects: (element: AssertedElement) => boolean = () => true,
): Assertion<A> => {
  const expectation = expectationOf(x)
  return pc => {
    const place = callSite()
    const check = (elements: ReadonlyArray<AssertedElement>, path: string): void => {
      try {
        // Of type A: its collection's elements, as the signature says.
        const difference = expectation.check(elements.filter(selects).map(element => element.value as A))
        if (difference !== null) throw failureOf(difference)
      } catch (error) {
        // The place where it was asserted comes first in the message: the stack is a runner's.
        if (error instanceof Error)
          error.message = `${kind} at ${place()} (${path}): ${where === '' ? '' : `in ${where}, `}${error.message}`
        throw error
      }
    }
    const done = leaf({ _tag: 'Assert', check }, pc, { kind })
    return apply({ _tag: 'Along', leaves: [done.node] }, [pc], { kind: `${kind}.rest` })
  }
}

const isExpectation = <A>(x: Expected<A>): x is Expected<A> & Expectation<A> => 'check' in x
const expectationOf = <A>(x: Expected<A>): Expectation<A> => (isExpectation(x) ? x : containsInAnyOrder(x.expected))

/** Shown by mocha and its like as a difference. */
const failureOf = ({ message, actual, expected }: Difference): Error =>
  Object.assign(new AssertionError({ message, actual, expected, operator: 'containsInAnyOrder' }), { showDiff: true })

const inPanes = <A>(kind: string, which: string, w: BoundedWindow, x: Expected<A>, selects: (pane: PaneInfo) => boolean): Assertion<A> =>
  asserting(
    kind,
    x,
    which === '' ? showWindow(w) : `${which} of ${showWindow(w)}`,
    ({ window, pane }) => sameWindow(window, w) && selects(pane),
  )

/**
 * Assertions pass their input on: go on with what they give, or the pipeline refuses to be built. They are checked when the run ends, over
 * all panes of all windows unless they name some; a failed one is an AssertionError with `actual` and `expected`, whose message names the
 * place of the assertion, its path in the pipeline and what differs. What is expected: `containsInAnyOrder`, `empty`, `singleton` or
 * `satisfies` (Beam's PAssert).
 *
 * @example
 * await pipe(
 *   Create.of(['a', 'b', 'a']),
 *   Count.perElement,
 *   PAssert.that(containsInAnyOrder([['a', 2], ['b', 1]])),
 *   TestPipeline.run(),
 * )
 *
 * @example
 * const firings = { trigger: AfterWatermark.pastEndOfWindow({ early: AfterCount.of(1), late: AfterCount.of(1) }) }
 * const counted = pipe(
 *   TestStream.of(
 *     Coder.string,
 *     TestStream.elements([1_000, 'a']),
 *     TestStream.advanceWatermarkTo(60_000),
 *     TestStream.elements([2_000, 'late']),
 *     TestStream.advanceWatermarkToInfinity,
 *   ),
 *   Window.into(FixedWindows.of(minutes(1)), { ...firings, allowedLateness: minutes(1), accumulation: 'accumulating', closingBehavior: 'fireAlways' }),
 *   Count.globally,
 * )
 * await pipe(
 *   counted,
 *   PAssert.inEarlyPanes(minute, containsInAnyOrder([1])),
 *   PAssert.inOnTimePane(minute, containsInAnyOrder([1])),
 *   PAssert.inLatePanes(minute, containsInAnyOrder([2, 2])),
 *   PAssert.inPanesNotLate(minute, containsInAnyOrder([1, 1])),
 *   PAssert.inFinalPane(minute, singleton(2)),
 *   PAssert.inWindow(minute, containsInAnyOrder([1, 1, 2, 2])),
 *   PAssert.satisfies(counts => assert.isNotEmpty(counts)),
 *   TestPipeline.run(),
 * )
 */
export const PAssert = Object.freeze({
  /** Over all elements. */
  that: <A>(x: Expected<NoInfer<A>>): Assertion<A> => asserting<A>('PAssert.that', x),
  /** `f` gets all elements, in no order, and throws for what is wrong with them. */
  satisfies: <A>(f: (as: ReadonlyArray<A>) => void): Assertion<A> => asserting<A>('PAssert.satisfies', satisfies(f)),
  /** Over all panes of one window. */
  inWindow: <A>(w: BoundedWindow, x: Expected<NoInfer<A>>): Assertion<A> => inPanes<A>('PAssert.inWindow', '', w, x, () => true),
  /** What came out before the watermark passed the window's end. */
  inEarlyPanes: <A>(w: BoundedWindow, x: Expected<NoInfer<A>>): Assertion<A> =>
    inPanes<A>('PAssert.inEarlyPanes', 'the early panes', w, x, pane => pane.timing === 'early'),
  /** What no trigger fired is on time. */
  inOnTimePane: <A>(w: BoundedWindow, x: Expected<NoInfer<A>>): Assertion<A> =>
    inPanes<A>('PAssert.inOnTimePane', 'the on-time pane', w, x, pane => pane.timing === 'onTime' || pane.timing === 'unknown'),
  /** What came out after the on-time pane. */
  inLatePanes: <A>(w: BoundedWindow, x: Expected<NoInfer<A>>): Assertion<A> =>
    inPanes<A>('PAssert.inLatePanes', 'the late panes', w, x, pane => pane.timing === 'late'),
  /** All but the late ones (Beam's inCombinedNonLatePanes). */
  inPanesNotLate: <A>(w: BoundedWindow, x: Expected<NoInfer<A>>): Assertion<A> =>
    inPanes<A>('PAssert.inPanesNotLate', 'the panes that are not late', w, x, pane => pane.timing !== 'late'),
  /** The pane after which its window is closed for good. */
  inFinalPane: <A>(w: BoundedWindow, x: Expected<NoInfer<A>>): Assertion<A> =>
    inPanes<A>('PAssert.inFinalPane', 'the final pane', w, x, pane => pane.isLast),
})
