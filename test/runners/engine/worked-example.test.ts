// The worked example of the book Streaming Systems, pane by pane.
import { assert } from 'chai'
import {
  AfterCount,
  AfterProcessingTime,
  AfterWatermark,
  FixedWindows,
  GlobalWindows,
  Instant,
  minutes,
  Repeatedly,
  Sessions,
} from '../../../sdk/index.ts'
import type { WindowingStrategy } from '../../../sdk/model/windowing-strategy.ts'
import { DrivenGrouping } from './driven-grouping.ts'

/** '7:30' after twelve. */
const at = (text: string): number => {
  const [minute, second] = text.split(':').map(Number)
  return ((minute ?? 0) * 60 + (second ?? 0)) * 1_000
}
type Step = (grouping: DrivenGrouping) => void
const element = (value: number, event: string, processing: string): readonly [number, Step] => [
  at(processing),
  grouping => void grouping.add([[at(event), value]]),
]
const watermark = (event: string | null, processing: string): readonly [number, Step] => [
  at(processing),
  grouping => void grouping.watermark(event === null ? Instant.max : at(event)),
]

const [five, seven, three, four, eight, three2, nine, eight2, one] = [
  element(5, '0:26', '4:59'),
  element(7, '2:24', '5:39'),
  element(3, '3:39', '6:13'),
  element(4, '4:19', '6:39'),
  element(8, '3:06', '7:06'),
  element(3, '6:39', '7:19'),
  element(9, '1:25', '8:19'),
  element(8, '7:26', '8:39'),
  element(1, '7:46', '9:00'),
]
const end = watermark(null, '10:00')
const elements = [five, seven, three, four, eight, three2, nine, eight2, one]
const heuristic = [
  five,
  seven,
  watermark('2:00', '6:00'),
  three,
  four,
  eight,
  three2,
  watermark('4:00', '7:30'),
  watermark('6:00', '7:40'),
  nine,
  eight2,
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
  three2,
  nine,
  watermark('2:00', '8:39'),
  eight2,
  one,
  watermark('4:00', '9:00'),
  watermark('6:00', '9:10'),
  watermark('8:00', '9:20'),
  end,
]

const run = (strategy: Partial<WindowingStrategy>, steps: ReadonlyArray<readonly [number, Step]>): DrivenGrouping => {
  const grouping = new DrivenGrouping(strategy)
  for (const [processing, step] of steps) step(grouping.clock(processing))
  return grouping
}
const panes = (strategy: Partial<WindowingStrategy>, steps: ReadonlyArray<readonly [number, Step]>): string => run(strategy, steps).shown()

const twoMinutes = FixedWindows.of(minutes(2))
const trigger = AfterWatermark.pastEndOfWindow({ early: AfterProcessingTime.pastFirstElement(minutes(1)), late: AfterCount.of(1) })
const hour = minutes(60)

describe('the worked example', () => {
  it('sums 48 in a batch', () => assert.strictEqual(panes({ windowFn: GlobalWindows }, [...elements, end]), '48O'))

  it('sums each window in a batch', () => assert.strictEqual(panes({ windowFn: twoMinutes }, [...elements, end]), '14O | 18O | 4O | 12O'))

  it('fires after every record', () =>
    assert.strictEqual(
      panes({ windowFn: twoMinutes, trigger: Repeatedly.forever(AfterCount.of(1)), accumulation: 'accumulating' }, elements),
      '5E 14E | 7E 10E 18E | 4E | 3E 11E 12E',
    ))

  it('drops and counts the nine under the default trigger without lateness', () => {
    const grouping = run({ windowFn: twoMinutes }, heuristic)
    assert.strictEqual(grouping.shown(), '5O | 18O | 4O | 12O')
    assert.strictEqual(grouping.grouping.droppedLate(), 1)
  })

  const fixed = { windowFn: twoMinutes, trigger, allowedLateness: hour }
  it('fires early, on time and late, accumulating, under the heuristic watermark', () =>
    assert.strictEqual(panes({ ...fixed, accumulation: 'accumulating' }, heuristic), '5E 5O 14L | 10E 18O | 4E 4O | 3E 12O'))

  it('fires early and on time, accumulating, under the perfect watermark', () =>
    assert.strictEqual(panes({ ...fixed, accumulation: 'accumulating' }, perfect), '5E 14O | 10E 18E 18O | 4E 4O | 3E 12O'))

  it('fires only what is new when discarding', () =>
    assert.strictEqual(panes({ ...fixed, accumulation: 'discarding' }, heuristic), '5E 0O 9L | 10E 8O | 4E 0O | 3E 9O'))

  it('takes what comes within the allowed lateness, and drops what comes behind it', () => {
    const six = element(6, '0:53', '6:39')
    const steps = [...heuristic.slice(0, 5), six, ...heuristic.slice(5)]
    const grouping = run({ ...fixed, allowedLateness: minutes(2), accumulation: 'accumulating' }, steps)
    assert.strictEqual(grouping.shown(), '5E 5O 11L | 10E 18O | 4E 4O | 3E 12O')
    assert.strictEqual(grouping.grouping.droppedLate(), 1)
  })

  it('merges sessions, and counts the panes of a session that has grown anew', () =>
    assert.strictEqual(
      panes({ windowFn: Sessions.withGap(minutes(1)), trigger, allowedLateness: hour, accumulation: 'accumulating' }, heuristic),
      '5E 5O | 36L | 7E | 22E 22O | 3E | 12E 12O',
    ))

  it('is the same with the state written and read back between any two events', () => {
    for (const strategy of [fixed, { ...fixed, windowFn: Sessions.withGap(minutes(1)) }]) {
      const accumulating = { ...strategy, accumulation: 'accumulating' } as const
      let grouping = new DrivenGrouping(accumulating)
      const fired = [...grouping.fired]
      for (const [processing, step] of heuristic) {
        step(grouping.clock(processing))
        fired.push(...grouping.fired)
        grouping = grouping.restored()
      }
      const whole = run(accumulating, heuristic)
      assert.deepEqual(fired, whole.fired)
    }
  })
})
