import { AssertionError } from 'node:assert'
import { assert } from 'chai'
import { Create, IntervalWindow, InvalidPipelineError, type PaneTiming, PCollection, pipe, Pipeline } from '../../../sdk/index.ts'
import { NO_FIRING } from '../../../sdk/model/pane.ts'
import { PAssert, containsInAnyOrder, empty, satisfies, singleton } from '../../../sdk/testing/index.ts'
import { graphOf } from '../../../sdk/graph/graph.ts'
import type { AssertedElement } from '../../../sdk/graph/node.ts'

const window = IntervalWindow.of(0, 10)
const element = (value: unknown, timing: PaneTiming = 'onTime', isLast = false, of = window): AssertedElement => ({
  value,
  timestamp: of.start,
  window: of,
  pane: { ...NO_FIRING, timing, isLast },
})

/** What the assertion says when the run ends with `elements`. */
const checked = <A>(assertion: (pc: PCollection<A>) => PCollection<A>, elements: ReadonlyArray<AssertedElement>): Error | null => {
  const transform = graphOf([pipe(Create.of<A>([]), assertion, PCollection.ignore)])
    .nodes.valueSeq()
    .map(({ node }) => node.transform)
    .find(({ _tag }) => _tag === 'Assert')
  if (transform?._tag !== 'Assert') return assert.fail('nothing is asserted')
  try {
    transform.check(elements, 'PAssert#1')
    return null
  } catch (error) {
    return error instanceof Error ? error : assert.fail('no error was thrown')
  }
}
const holds = <A>(assertion: (pc: PCollection<A>) => PCollection<A>, ...values: ReadonlyArray<unknown>): boolean =>
  checked(
    assertion,
    values.map(value => element(value)),
  ) === null

describe('PAssert', () => {
  it('compares elements in any order, each as often as it stands there', () => {
    const two = PAssert.that(containsInAnyOrder(['a', 'b', 'a']))
    assert.isTrue(holds(two, 'b', 'a', 'a'))
    assert.isFalse(holds(two, 'b', 'b', 'a'))
    assert.isFalse(holds(two, 'b', 'a'))
    assert.isFalse(holds(two, 'b', 'a', 'a', 'a'))
  })

  it('compares records whatever the order of their properties, and class instances deeply', () => {
    assert.isTrue(holds(PAssert.that(containsInAnyOrder<unknown>([{ a: 1, b: [2] }])), { b: [2], a: 1 }))
    class Point {
      readonly x: number
      constructor(x: number) {
        this.x = x
      }
    }
    assert.isTrue(holds(PAssert.that(containsInAnyOrder<unknown>([new Point(1)])), new Point(1)))
    assert.isFalse(holds(PAssert.that(containsInAnyOrder<unknown>([new Point(1)])), new Point(2)))
    assert.isTrue(holds(PAssert.that(containsInAnyOrder<unknown>([undefined, undefined])), undefined, undefined))
  })

  // As TypeScript lets it through: a function that gives a promise where none is expected.
  const answersLater = (): unknown => Promise.resolve()

  it('fails with a difference that mocha can print, and the place of the assertion', () => {
    const error = checked(PAssert.that(containsInAnyOrder(['a', 'b'])), [element('c'), element('a')])
    assert.instanceOf(error, AssertionError)
    const { actual, expected, showDiff }: { actual?: unknown; expected?: unknown; showDiff?: unknown } = error
    assert.deepEqual({ actual, expected, showDiff }, { actual: ['a', 'c'], expected: ['a', 'b'], showDiff: true })
    assert.match(
      error.message,
      /^PAssert\.that at .*passert\.test\.ts:\d+:\d+ \(PAssert#1\): the elements differ: 1 of 2 missing \('b'\), 1 unexpected \('c'\)$/,
    )
  })

  it('holds of an empty collection when nothing is expected', () => {
    assert.isTrue(holds(PAssert.that(empty)))
    assert.isFalse(holds(PAssert.that(empty), 1))
  })

  it('holds of one element, if it is this one', () => {
    assert.isTrue(holds(PAssert.that(singleton('a')), 'a'))
    assert.isFalse(holds(PAssert.that(singleton('a')), 'b'))
    assert.isFalse(holds(PAssert.that(singleton('a')), 'a', 'a'))
    assert.isFalse(holds(PAssert.that(singleton('a'))))
  })

  it('looks into one window, and one kind of its panes', () => {
    const elsewhere = IntervalWindow.of(10, 20)
    const all = [element('e', 'early'), element('o', 'onTime'), element('l', 'late', true), element('x', 'onTime', true, elsewhere)]
    for (const [assertion, expected] of [
      [PAssert.inWindow, ['e', 'o', 'l']],
      [PAssert.inEarlyPanes, ['e']],
      [PAssert.inOnTimePane, ['o']],
      [PAssert.inLatePanes, ['l']],
      [PAssert.inPanesNotLate, ['e', 'o']],
      [PAssert.inFinalPane, ['l']],
    ] as const) {
      assert.isNull(checked(assertion<unknown>(window, containsInAnyOrder<unknown>(expected)), all))
      assert.instanceOf(checked(assertion<unknown>(window, containsInAnyOrder<unknown>(['x'])), all), AssertionError)
    }
  })

  it('takes a function for one window as well', () => {
    const one = PAssert.inWindow<unknown>(
      window,
      satisfies(as => assert.lengthOf(as, 1)),
    )
    assert.isNull(checked(one, [element('a'), element('b', 'onTime', false, IntervalWindow.of(10, 20))]))
    assert.match(checked(one, [])?.message ?? '', /^PAssert\.inWindow at .*: in \[1970.*\), expected \[\] to have a length of 1/)
  })

  it('takes any function that throws, except one that answers later', () => {
    assert.isNull(
      checked(
        PAssert.satisfies<unknown>(as => assert.lengthOf(as, 1)),
        [element(1)],
      ),
    )
    assert.match(
      checked(
        PAssert.satisfies<unknown>(as => assert.lengthOf(as, 2)),
        [element(1)],
      )?.message ?? '',
      /PAssert\.satisfies at .*expected \[ 1 \] to have a length of 2/,
    )
    assert.match(checked(PAssert.satisfies<unknown>(answersLater), [])?.message ?? '', /gave a promise/)
  })
})

describe('an assertion that is dropped', () => {
  const problemsOf = (build: () => unknown): ReadonlyArray<string> => {
    try {
      build()
      return []
    } catch (error) {
      return error instanceof InvalidPipelineError ? error.problems : assert.fail(String(error))
    }
  }

  it('refuses the pipeline of its collection, and says where it was made', () => {
    const numbers = Create.of([1, 2])
    PAssert.that(containsInAnyOrder([3]))(numbers)
    const [problem, ...others] = problemsOf(() => Pipeline.of(pipe(numbers, PCollection.ignore)))
    assert.isEmpty(others)
    assert.match(
      problem ?? '',
      /^PAssert\.that \(made at .*passert\.test\.ts:\d+:\d+\) would never be checked: .*Go on with the collection/,
    )
  })

  it('refuses a definition, once', () => {
    const definition = Pipeline.define(import.meta, 'dropping', () => {
      const numbers = Create.of([1, 2])
      PAssert.that(empty)(numbers)
      return pipe(numbers, PCollection.ignore)
    })
    assert.lengthOf(
      problemsOf(() => definition()),
      1,
    )
  })

  it('is none where another branch of the pipeline goes on from it', () => {
    const numbers = Create.of([1, 2])
    const asserted = pipe(numbers, PAssert.that(containsInAnyOrder([1, 2])))
    assert.isEmpty(problemsOf(() => Pipeline.of(pipe(numbers, PCollection.ignore), pipe(asserted, PCollection.ignore))))
  })

  it('is none where an earlier pipeline has contained it, or where its collection is in no pipeline', () => {
    const numbers = Create.of([1, 2])
    Pipeline.of(pipe(numbers, PAssert.that(containsInAnyOrder([1, 2])), PCollection.ignore))
    assert.isEmpty(problemsOf(() => Pipeline.of(pipe(numbers, PCollection.ignore))))
    PAssert.that(empty)(Create.of([3]))
    assert.isEmpty(problemsOf(() => Pipeline.of(pipe(numbers, PCollection.ignore))))
  })
})
