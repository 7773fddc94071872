// The worked example of the book Streaming Systems: one key, two-minute windows, each trigger setting pane by pane.
import * as N from 'fp-ts/lib/number.js'
import {
  AfterCount,
  AfterProcessingTime,
  AfterWatermark,
  Coder,
  Combine,
  Create,
  FixedWindows,
  Instant,
  millis,
  minutes,
  PCollection,
  pipe,
  Pipeline,
  Repeatedly,
  Sessions,
  Window,
  type WindowFn,
  type WindowOptions,
} from '../../sdk/index.ts'
import type { PCollection as Collection, PDone } from '../../sdk/graph/pcollection.ts'
import { PAssert, TestStream, type TestEvent, containsInAnyOrder, singleton } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'
import { panes } from './panes.ts'

/** '7:30' after twelve. */
const at = (text: string): number => {
  const [minute = 0, second = 0] = text.split(':').map(Number)
  return (minute * 60 + second) * 1_000
}

type Happening = readonly [processing: string, event: TestEvent<number>]
const element = (value: number, event: string, processing: string): Happening => [processing, TestStream.elements([at(event), value])]
const watermark = (event: string, processing: string): Happening => [processing, TestStream.advanceWatermarkTo(at(event))]
const end: Happening = ['10:00', TestStream.advanceWatermarkToInfinity]

const five = element(5, '0:26', '4:59')
const seven = element(7, '2:24', '5:39')
const three = element(3, '3:39', '6:13')
const four = element(4, '4:19', '6:39')
const eight = element(8, '3:06', '7:06')
const otherThree = element(3, '6:39', '7:19')
const nine = element(9, '1:25', '8:19')
const otherEight = element(8, '7:26', '8:39')
const one = element(1, '7:46', '9:00')
const elements = [five, seven, three, four, eight, otherThree, nine, otherEight, one]

const heuristic = [
  five,
  seven,
  watermark('2:00', '6:00'),
  three,
  four,
  eight,
  otherThree,
  watermark('4:00', '7:30'),
  watermark('6:00', '7:40'),
  nine,
  otherEight,
  one,
  watermark('8:30', '9:30'),
  end,
]
const perfect = [
  five,
  seven,
  three,
  four,
  eight,
  otherThree,
  nine,
  watermark('2:00', '8:39'),
  otherEight,
  one,
  watermark('4:00', '9:00'),
  watermark('6:00', '9:10'),
  watermark('8:00', '9:20'),
  end,
]

/** What happens, each at its processing time, counted from twelve. */
const played = (happenings: ReadonlyArray<Happening>): Collection<number> => {
  let now = 0
  const events = happenings.flatMap(([processing, event]) => {
    const waited = at(processing) - now
    now = at(processing)
    return waited > 0 ? [TestStream.advanceProcessingTime(millis(waited)), event] : [event]
  })
  return TestStream.of(Coder.varint, ...events)
}

const sums =
  (name: string, fn: WindowFn, o?: WindowOptions) =>
  (values: Collection<number>): PDone =>
    pipe(
      values,
      Window.into(fn, o),
      PCollection.keyBy(() => 'key'),
      Combine.perKey(N.MonoidSum),
      panes(name),
    )

const batch = Create.of([
  [5, '0:26'],
  [7, '2:24'],
  [3, '3:39'],
  [4, '4:19'],
  [8, '3:06'],
  [3, '6:39'],
  [9, '1:25'],
  [8, '7:26'],
  [1, '7:46'],
] as const)
const valuesInBatch = (): Collection<number> =>
  pipe(
    batch,
    PCollection.withTimestamps(([, time]) => Instant.ofMillis(at(time))),
    PCollection.map(([value]): number => value),
  )

const twoMinutes = FixedWindows.of(minutes(2))
const earlyAndLate = AfterWatermark.pastEndOfWindow({
  early: AfterProcessingTime.pastFirstElement(minutes(1)),
  late: AfterCount.of(1),
})
const settings = { trigger: earlyAndLate, allowedLateness: minutes(60) } as const

export const inABatch = Pipeline.define(import.meta, 'inABatch', () =>
  pipe(valuesInBatch(), Combine.globally(N.MonoidSum), PAssert.that(singleton(48)), PCollection.ignore),
)
export const inWindows = Pipeline.define(import.meta, 'inWindows', () =>
  pipe(
    valuesInBatch(),
    Window.into(twoMinutes),
    PCollection.keyBy(() => 'key'),
    Combine.perKey(N.MonoidSum),
    PCollection.values,
    PAssert.that(containsInAnyOrder([14, 18, 4, 12])),
    PCollection.ignore,
  ),
)
export const everyRecord = Pipeline.define(import.meta, 'everyRecord', () =>
  pipe(
    played([...elements, end]),
    sums('everyRecord', twoMinutes, { trigger: Repeatedly.forever(AfterCount.of(1)), accumulation: 'accumulating' }),
  ),
)
export const byDefault = Pipeline.define(import.meta, 'byDefault', () => pipe(played(heuristic), sums('byDefault', twoMinutes)))
export const heuristically = Pipeline.define(import.meta, 'heuristically', () =>
  pipe(played(heuristic), sums('heuristically', twoMinutes, { ...settings, accumulation: 'accumulating' })),
)
export const perfectly = Pipeline.define(import.meta, 'perfectly', () =>
  pipe(played(perfect), sums('perfectly', twoMinutes, { ...settings, accumulation: 'accumulating' })),
)
export const discarding = Pipeline.define(import.meta, 'discarding', () =>
  pipe(played(heuristic), sums('discarding', twoMinutes, { ...settings, accumulation: 'discarding' })),
)
export const withLateness = Pipeline.define(import.meta, 'withLateness', () =>
  pipe(
    played([...heuristic.slice(0, 5), element(6, '0:53', '6:39'), ...heuristic.slice(5)]),
    sums('withLateness', twoMinutes, { ...settings, allowedLateness: minutes(2), accumulation: 'accumulating' }),
  ),
)
export const inSessions = Pipeline.define(import.meta, 'inSessions', () =>
  pipe(played(heuristic), sums('inSessions', Sessions.withGap(minutes(1)), { ...settings, accumulation: 'accumulating' })),
)

const accumulating = (of: string, exactly: string) => ({ of, exactly, accumulation: 'accumulating' as const })

export const workedExampleCases: ReadonlyArray<Case> = [
  { says: 'sums 48 in a batch', pipeline: inABatch },
  { says: 'sums each window in a batch', pipeline: inWindows },
  {
    says: 'fires after every record',
    pipeline: everyRecord,
    panes: accumulating('everyRecord', 'key 5E 14E 14O. | key 7E 10E 18E 18O. | key 4E 4O. | key 3E 11E 12E 12O.'),
  },
  {
    says: 'drops the nine under the default trigger without lateness',
    pipeline: byDefault,
    panes: accumulating('byDefault', 'key 5O. | key 18O. | key 4O. | key 12O.'),
  },
  {
    says: 'fires early, on time and late, accumulating, under the heuristic watermark',
    pipeline: heuristically,
    panes: accumulating('heuristically', 'key 5E 5O 14L | key 10E 18O | key 4E 4O | key 3E 12O'),
  },
  {
    says: 'fires early and on time, accumulating, under the perfect watermark',
    pipeline: perfectly,
    panes: accumulating('perfectly', 'key 5E 14O | key 10E 18E 18O | key 4E 4O | key 3E 12O'),
  },
  {
    says: 'fires only what is new when discarding',
    pipeline: discarding,
    panes: { of: 'discarding', exactly: 'key 5E 0O 9L | key 10E 8O | key 4E 0O | key 3E 9O', accumulation: 'discarding' },
  },
  {
    says: 'takes what comes within the allowed lateness, and drops what comes behind it',
    pipeline: withLateness,
    panes: accumulating('withLateness', 'key 5E 5O 11L | key 10E 18O | key 4E 4O | key 3E 12O'),
  },
  {
    says: 'merges sessions, and counts the panes of a session that has grown anew',
    pipeline: inSessions,
    panes: accumulating('inSessions', 'key 5E 5O | key 36L | key 7E | key 22E 22O | key 3E | key 12E 12O.'),
  },
]
