// Types of jetbeam/testing: nothing is annotated, and what does not fit does not compile.
import { Coder, Count, Create, IntervalWindow, PCollection, type PipelineResult, Reify, type Windowed, pipe, seconds } from 'jetbeam'
import { PAssert, TestPipeline, TestStream, containsInAnyOrder, empty, satisfies, singleton } from 'jetbeam/testing'
import { is, type Same } from './equality.ts'
import type { View } from './model.ts'

declare const views: PCollection<View>
declare const viewCoder: Coder<View>
declare const view: View
const minute = IntervalWindow.of(0, 60_000)

const streamed = TestStream.of(
  viewCoder,
  TestStream.elements([1_000, view], [2_000, view]),
  TestStream.advanceWatermarkTo(3_000),
  TestStream.advanceProcessingTime(seconds(1)),
  TestStream.advanceWatermarkToInfinity,
)

export const same: Same = [
  is<PCollection<View>>()(streamed),
  is<PCollection<number>>()(TestStream.of(Coder.varint)),
  is<PCollection<View>>()(pipe(views, PAssert.that(empty))),
  is<PCollection<readonly [1, string]>>()(
    pipe(
      Create.of(['a']),
      PCollection.map(text => [1, text] as const),
      PAssert.that(containsInAnyOrder([[1, 'a']])),
      PAssert.that(singleton([1, 'a'])),
      PAssert.inOnTimePane(minute, singleton([1, 'a'])),
      PAssert.satisfies(all => is<ReadonlyArray<readonly [1, string]>>()(all).same),
      PAssert.inWindow(
        minute,
        satisfies(all => void all.map(([n, text]) => n + text.length)),
      ),
    ),
  ),
  is<PCollection<Windowed<View>>>()(
    pipe(
      views,
      Reify.windowed,
      PAssert.satisfies(all => is<ReadonlyArray<Windowed<View>>>()(all).same),
    ),
  ),
  is<Promise<PipelineResult>>()(pipe(views, PAssert.that(empty), TestPipeline.run())),
]

// @ts-expect-error elements of another type than the coder's
export const t1 = TestStream.of(Coder.string, TestStream.elements([1, 2]))
// @ts-expect-error an element without its time
export const t2 = TestStream.of(Coder.string, TestStream.elements('a'))
// @ts-expect-error milliseconds as a length of time
export const t3 = TestStream.advanceProcessingTime(10)
// @ts-expect-error one of another type
export const t4 = pipe(views, Count.globally, PAssert.that(singleton('one')))
// @ts-expect-error one of another type, in a window
export const t5 = pipe(Create.of(['a']), PAssert.inFinalPane(minute, containsInAnyOrder([1])))
// @ts-expect-error a function over another type
export const t6 = pipe(Create.of(['a']), PAssert.that(satisfies((all: ReadonlyArray<number>) => all.length)))
