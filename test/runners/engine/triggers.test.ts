// Each trigger by itself, driven by hand.
import { assert } from 'chai'
import {
  AfterAll,
  AfterAny,
  AfterCount,
  AfterEach,
  AfterProcessingTime,
  AfterWatermark,
  FixedWindows,
  Instant,
  millis,
  Never,
  OrFinally,
  Repeatedly,
  Sessions,
  type Trigger,
} from '../../../sdk/index.ts'
import type { WindowingStrategy } from '../../../sdk/model/windowing-strategy.ts'
import { DrivenGrouping } from './driven-grouping.ts'

const ten = FixedWindows.of(millis(10))
const driven = (trigger: Trigger, o: Partial<WindowingStrategy> = {}): DrivenGrouping =>
  new DrivenGrouping({ windowFn: ten, trigger, accumulation: 'accumulating', ...o })
const one = [[1, 1]] as const

describe('triggers', () => {
  it('look after the bundle: [1, 2, 3] under AfterCount(2) fires once, with all three', () => {
    const grouping = driven(AfterCount.of(2)).add([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
    assert.strictEqual(grouping.shown(), '6E')
  })

  it('close the window once they have finished: what comes then is dropped and counted', () => {
    const grouping = driven(AfterCount.of(2))
      .add([
        [1, 1],
        [2, 2],
      ])
      .add([[3, 3]])
      .watermark(Instant.max)
    assert.strictEqual(grouping.shown(), '3E')
    assert.strictEqual(grouping.fired[0]?.pane.isLast, true)
    assert.strictEqual(grouping.grouping.droppedLate(), 1)
  })

  it('begin anew under Repeatedly', () => {
    const grouping = driven(Repeatedly.forever(AfterCount.of(2)))
    for (let i = 0; i < 5; i++) grouping.add(one)
    assert.strictEqual(grouping.watermark(Instant.max).shown(), '2E 4E 5O')
  })

  it('AfterProcessingTime fires so long after the first element of a pane', () => {
    const grouping = driven(Repeatedly.forever(AfterProcessingTime.pastFirstElement(millis(100))))
      .clock(50)
      .add(one)
      .clock(149)
    assert.strictEqual(grouping.shown(), '')
    assert.strictEqual(grouping.clock(150).shown(), '1E')
    assert.strictEqual(grouping.add(one).clock(240).add(one).clock(249).shown(), '1E')
    assert.strictEqual(grouping.clock(250).shown(), '1E 3E')
  })

  it('AfterProcessingTime waits for the next multiple that it is aligned to', () => {
    const grouping = driven(AfterProcessingTime.pastFirstElement(millis(5), { alignTo: millis(60) }))
      .clock(50)
      .add(one)
      .clock(59)
    assert.strictEqual(grouping.shown(), '')
    assert.strictEqual(grouping.clock(60).shown(), '1E')
  })

  it('AfterAll waits for all, whichever is ready first, and does not spin while it waits', () => {
    const both = Repeatedly.forever(AfterAll.of(AfterCount.of(2), AfterProcessingTime.pastFirstElement(millis(100))))
    const clockFirst = driven(both).clock(50).add(one).clock(500)
    assert.strictEqual(clockFirst.shown(), '')
    assert.strictEqual(clockFirst.add(one).shown(), '2E')
    const countFirst = driven(both).clock(50).add(one).add(one)
    assert.strictEqual(countFirst.shown(), '')
    assert.strictEqual(countFirst.clock(150).shown(), '2E')
  })

  it('AfterAll of two delays fires after the longer one', () => {
    const delay = (ms: number): Trigger => AfterProcessingTime.pastFirstElement(millis(ms))
    const grouping = driven(AfterAll.of(delay(100), delay(200)))
      .clock(50)
      .add(one)
      .clock(249)
    assert.strictEqual(grouping.shown(), '')
    assert.strictEqual(grouping.clock(250).shown(), '1E')
  })

  it('AfterAny fires with whichever is ready first', () => {
    const any = Repeatedly.forever(AfterAny.of(AfterCount.of(2), AfterProcessingTime.pastFirstElement(millis(100))))
    assert.strictEqual(driven(any).clock(50).add(one).clock(150).add(one).add(one).shown(), '1E 3E')
  })

  it('AfterEach takes one after the other', () => {
    const grouping = driven(AfterEach.inOrder(AfterCount.of(1), AfterCount.of(3), Repeatedly.forever(AfterCount.of(2))))
    for (let i = 0; i < 8; i++) grouping.add(one)
    assert.strictEqual(grouping.shown(), '1E 4E 6E 8E')
  })

  it('OrFinally fires a last time when its second trigger does', () => {
    const grouping = driven(OrFinally.of(Repeatedly.forever(AfterCount.of(2)), AfterWatermark.pastEndOfWindow()), {
      allowedLateness: millis(100),
    })
    grouping.add(one).add(one).add(one).watermark(10).add(one)
    assert.strictEqual(grouping.shown(), '2E 3O')
    assert.strictEqual(grouping.grouping.droppedLate(), 1)
  })

  it('Never says what it has only when the lateness is over, and on time: the watermark has waited for it', () => {
    const grouping = driven(Never, { allowedLateness: millis(5) })
      .add(one)
      .watermark(14)
    assert.strictEqual(grouping.shown(), '')
    assert.strictEqual(grouping.watermark(15).shown(), '1O')
  })

  it('AfterWatermark without a late trigger takes nothing once it has fired', () => {
    const grouping = driven(AfterWatermark.pastEndOfWindow(), { allowedLateness: millis(100) })
      .add(one)
      .watermark(10)
      .add(one)
      .watermark(Instant.max)
    assert.strictEqual(grouping.shown(), '1O')
    assert.strictEqual(grouping.grouping.droppedLate(), 1)
  })

  const closing = () => driven(AfterWatermark.pastEndOfWindow(), { windowFn: Sessions.withGap(millis(10)), allowedLateness: millis(100) })
  const spans = (grouping: DrivenGrouping) => grouping.fired.map(({ value, window }) => [value, window.start, window.end])
  it('close a session: what would join it opens one of its own, and what falls into the very same is dropped', () => {
    const grouping = closing()
      .add(one)
      .watermark(11)
      .add(one)
      .add([[5, 2]])
      .watermark(Instant.max)
    assert.deepEqual(spans(grouping), [
      [1, 1, 11],
      [2, 5, 15],
    ])
    assert.strictEqual(grouping.grouping.droppedLate(), 1)
    assert.strictEqual(grouping.grouping.size(), 0)
  })

  it('keep an element whose window is that of a closed session where it joins an open one', () => {
    const grouping = closing()
      .add(one)
      .watermark(11)
      .add([[5, 2]])
      .add(one)
      .watermark(Instant.max)
    assert.deepEqual(spans(grouping), [
      [1, 1, 11],
      [3, 1, 15],
    ])
    assert.strictEqual(grouping.grouping.droppedLate(), 0)
  })

  it('drop a bundle whose windows together are those of a closed session', () => {
    const grouping = driven(AfterCount.of(2), { windowFn: Sessions.withGap(millis(10)), allowedLateness: millis(100) })
      .add([
        [1, 1],
        [8, 2],
      ])
      .add([
        [1, 4],
        [2, 8],
        [8, 16],
      ])
      .watermark(Instant.max)
    assert.deepEqual(spans(grouping), [[3, 1, 18]])
    assert.strictEqual(grouping.grouping.droppedLate(), 3)
  })

  it('refuse what is no trigger', () => {
    assert.throws(() => AfterProcessingTime.pastFirstElement(millis(-1)), /the delay is a length of time, and -1 ms is negative/)
    assert.throws(() => AfterProcessingTime.pastFirstElement(millis(1), { alignTo: millis(0) }), /alignTo is a length of time above 0/)
    assert.throws(() => AfterAll.of(), /AfterAll: there are no triggers to wait for/)
  })
})
