// Assertions: that each looks at the panes that it names, fails with the difference, and is never passed over.
import { assert } from 'chai'
import * as N from 'fp-ts/lib/number.js'
import {
  AfterCount,
  AfterWatermark,
  Coder,
  Combine,
  Create,
  FixedWindows,
  GlobalWindow,
  IntervalWindow,
  millis,
  named,
  PCollection,
  pipe,
  Pipeline,
  type PipelineDefinition,
  Window,
} from '../../sdk/index.ts'
import type { PCollection as Collection } from '../../sdk/graph/pcollection.ts'
import { PAssert, TestStream, containsInAnyOrder, empty, satisfies, singleton } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'
import { underOne } from './grouped.ts'

const { advanceWatermarkTo, elements } = TestStream
const first = IntervalWindow.of(0, 10)
const second = IntervalWindow.of(10, 20)
const never = IntervalWindow.of(20, 30)

/** The first window gives 1 and 3 early, 3 on time, 7 late and 7 when it is closed; the second 8 early, and 8 when the
 * watermark passes its end and its lateness at once. */
const panes = (): Collection<number> =>
  pipe(
    TestStream.of(
      Coder.varint,
      elements([1, 1]),
      elements([2, 2]),
      advanceWatermarkTo(10),
      elements([3, 4]),
      elements([11, 8]),
      advanceWatermarkTo(200),
    ),
    Window.into(FixedWindows.of(millis(10)), {
      trigger: AfterWatermark.pastEndOfWindow({ early: AfterCount.of(1), late: AfterCount.of(1) }),
      allowedLateness: millis(100),
      accumulation: 'accumulating',
      closingBehavior: 'fireAlways',
    }),
    underOne,
    Combine.perKey(N.MonoidSum),
    PCollection.values,
  )

export const byPane = Pipeline.define(import.meta, 'byPane', () =>
  pipe(
    panes(),
    PAssert.that(containsInAnyOrder([1, 3, 3, 7, 7, 8, 8])),
    PAssert.satisfies(all => assert.lengthOf(all, 7)),
    PAssert.inWindow(first, containsInAnyOrder([1, 3, 3, 7, 7])),
    PAssert.inWindow(second, containsInAnyOrder([8, 8])),
    PAssert.inWindow(never, empty),
    PAssert.inEarlyPanes(first, containsInAnyOrder([1, 3])),
    PAssert.inEarlyPanes(second, singleton(8)),
    PAssert.inOnTimePane(first, singleton(3)),
    PAssert.inLatePanes(first, containsInAnyOrder([7, 7])),
    PAssert.inPanesNotLate(first, containsInAnyOrder([1, 3, 3])),
    PAssert.inFinalPane(first, singleton(7)),
    PAssert.inFinalPane(
      second,
      satisfies(([sum]) => assert.strictEqual(sum, 8)),
    ),
    PCollection.ignore,
  ),
)

/** What no trigger has fired is on time. */
export const unfired = Pipeline.define(import.meta, 'unfired', () =>
  pipe(
    Create.of(['a', 'b']),
    PAssert.inOnTimePane(GlobalWindow, containsInAnyOrder(['b', 'a'])),
    PAssert.inPanesNotLate(GlobalWindow, containsInAnyOrder(['b', 'a'])),
    PAssert.inLatePanes(GlobalWindow, empty),
    PAssert.inEarlyPanes(GlobalWindow, empty),
    PCollection.ignore,
  ),
)

export const equal = Pipeline.define(import.meta, 'equal', () =>
  pipe(
    Create.of([
      { id: 1, tags: new Set(['x']), at: new Date(5) },
      { id: 2, tags: new Set(['x']), at: new Date(6) },
    ]),
    PAssert.that(
      containsInAnyOrder([
        { at: new Date(6), tags: new Set(['x']), id: 2 },
        { at: new Date(5), tags: new Set(['x']), id: 1 },
      ]),
    ),
    PCollection.ignore,
  ),
)

type Assertion = (pc: Collection<number>) => Collection<number>
const failing = (name: string, assertion: Assertion, of: () => Collection<number> = panes): PipelineDefinition<void> =>
  Pipeline.define(import.meta, name, () => pipe(of(), named('Checked', assertion), PCollection.ignore))

const few = (): Collection<number> => Create.of([1, 2, 2, 3])
const nothing = (): Collection<number> => Create.of<number>([])

export const missing = failing('missing', PAssert.that(containsInAnyOrder([2, 1, 4, 2])), few)
export const tooOften = failing('tooOften', PAssert.that(containsInAnyOrder([2, 1, 3])), few)
export const notEmpty = failing('notEmpty', PAssert.that(empty), few)
export const notSingle = failing('notSingle', PAssert.that(singleton(2)), few)
export const objected = failing(
  'objected',
  PAssert.satisfies(all => assert.lengthOf(all, 3)),
  few,
)
export const wrongWindow = failing('wrongWindow', PAssert.inWindow(second, singleton(8)))
export const wrongEarly = failing('wrongEarly', PAssert.inEarlyPanes(first, containsInAnyOrder([1])))
export const wrongOnTime = failing('wrongOnTime', PAssert.inOnTimePane(first, singleton(7)))
export const wrongLate = failing('wrongLate', PAssert.inLatePanes(first, empty))
export const wrongNotLate = failing('wrongNotLate', PAssert.inPanesNotLate(first, containsInAnyOrder([1, 3])))
export const wrongFinal = failing('wrongFinal', PAssert.inFinalPane(first, singleton(3)))

/** Nothing ever comes to these: they are checked all the same. */
export const ofNothing = failing('ofNothing', PAssert.that(singleton(1)), nothing)
export const objectedToNothing = failing(
  'objectedToNothing',
  PAssert.satisfies(all => assert.isNotEmpty(all)),
  nothing,
)
export const windowThatNeverCame = failing('windowThatNeverCame', PAssert.inWindow(never, singleton(1)))

/** Whoever drops what an assertion gives has dropped the assertion. */
export const forgotten = Pipeline.define(import.meta, 'forgotten', () => {
  const all = few()
  pipe(all, named('Forgotten', PAssert.that(empty)))
  return pipe(all, PCollection.ignore)
})

const fails = (says: string, pipeline: PipelineDefinition<void>, saying: RegExp): Case => ({
  says,
  pipeline,
  fails: { with: 'AssertionFailed', saying },
})

export const assertionCases: ReadonlyArray<Case> = [
  { says: 'each looks at the panes and windows that it names', pipeline: byPane },
  { says: 'what no trigger fired is on time', pipeline: unfired },
  { says: 'elements are equal if their encodings are', pipeline: equal },
  fails(
    'a failed one names its place, its path and the difference',
    missing,
    /^PAssert\.that at .*assertions\.ts:\d+:\d+ \(Checked\/PAssert\.that#1\): the elements differ: 1 of 4 missing \(4\), 1 unexpected \(3\)$/,
  ),
  fails('an element too many is one too many', tooOften, /the elements differ: 1 unexpected \(2\)$/),
  fails('empty finds an element', notEmpty, /the elements differ: 4 unexpected \(/),
  fails('singleton finds more than one', notSingle, /PAssert\.that.*: the elements differ: 3 unexpected/),
  fails(
    'satisfies fails with what its function says',
    objected,
    /^PAssert\.satisfies at .*: expected \[ .* \] to have a length of 3 but got 4$/,
  ),
  fails(
    'inWindow fails in its window',
    wrongWindow,
    /^PAssert\.inWindow at .*: in \[1970-01-01T00:00:00\.010Z, 1970-01-01T00:00:00\.020Z\), the elements differ: 1 unexpected \(8\)$/,
  ),
  fails('inEarlyPanes fails', wrongEarly, /^PAssert\.inEarlyPanes at .*: in the early panes of \[.*: 1 unexpected \(3\)$/),
  fails('inOnTimePane fails', wrongOnTime, /in the on-time pane of \[.*: 1 of 1 missing \(7\), 1 unexpected \(3\)$/),
  fails('inLatePanes fails', wrongLate, /in the late panes of \[.*: 2 unexpected \(7, 7\)$/),
  fails('inPanesNotLate fails', wrongNotLate, /in the panes that are not late of \[.*: 1 unexpected \(3\)$/),
  fails('inFinalPane fails', wrongFinal, /in the final pane of \[.*: 1 of 1 missing \(3\), 1 unexpected \(7\)$/),
  fails('one that nothing comes to fails where it expects something', ofNothing, /1 of 1 missing \(1\)$/),
  fails('satisfies is asked about nothing, too', objectedToNothing, /expected \[\] not to be empty/),
  fails('so is an assertion about a window that never was', windowThatNeverCame, /1 of 1 missing \(1\)$/),
  {
    says: 'one that would never run fails the pipeline, with its path',
    pipeline: forgotten,
    fails: { with: 'InvalidPipeline', saying: /Forgotten\/PAssert\.that \(made at .*assertions\.ts:\d+:\d+\) would never be checked/ },
  },
]
