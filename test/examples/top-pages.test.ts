// A composite of an example, tested as a user would: events in the order of the test, panes one by one.
import { Instant, IntervalWindow, pipe, seconds } from 'jetbeam'
import { PAssert, TestPipeline, TestStream, containsInAnyOrder, empty } from 'jetbeam/testing'
import { type View, viewCoder } from '../../examples/model.ts'
import { topPages } from '../../examples/top-pages.ts'

const view = (user: string, page: string, millis: number): View => ({ user, page, at: Instant.ofMillis(millis), millis: 5 })

describe('top pages', () => {
  const minute = IntervalWindow.of(0, 60_000)

  it('refines an early answer and counts nothing twice', () =>
    pipe(
      TestStream.of(
        viewCoder,
        TestStream.elements([1_000, view('u1', '/a', 1_000)]),
        TestStream.advanceProcessingTime(seconds(10)),
        TestStream.elements([2_000, view('u2', '/a', 2_000)], [3_000, view('u2', '/b', 3_000)]),
        TestStream.advanceWatermarkToInfinity,
      ),
      topPages,
      PAssert.inEarlyPanes(minute, containsInAnyOrder([[['/a', 1]]])),
      PAssert.inOnTimePane(
        minute,
        containsInAnyOrder([
          [
            ['/a', 2],
            ['/b', 1],
          ],
        ]),
      ),
      TestPipeline.run(),
    ))

  it('has ten pages at most, and drops what comes behind the minute', () =>
    pipe(
      TestStream.of(
        viewCoder,
        TestStream.elements(...Array.from({ length: 12 }, (_, i) => [i, view('u', `/${'abcdefghijkl'.charAt(i)}`, i)] as const)),
        TestStream.elements(...Array.from({ length: 10 }, (_, i) => [i, view('v', `/${'abcdefghijkl'.charAt(i)}`, i)] as const)),
        TestStream.advanceWatermarkTo(60_000),
        TestStream.elements([59_999, view('w', '/a', 59_999)]),
      ),
      topPages,
      PAssert.inFinalPane(minute, containsInAnyOrder([[...'abcdefghij'].map(letter => [`/${letter}`, 2] as const)])),
      PAssert.inLatePanes(minute, empty),
      TestPipeline.run({ seed: 42 }),
    ))
})
