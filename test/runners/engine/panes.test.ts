// Panes, lateness, timestamps and the life of a window's state.
import { assert } from 'chai'
import { wholeOf } from '../../../runners/engine/frozen-state.ts'
import {
  AfterCount,
  AfterWatermark,
  DefaultTrigger,
  FixedWindows,
  GlobalWindows,
  Instant,
  millis,
  Repeatedly,
  Sessions,
  type Trigger,
  type WindowFn,
} from '../../../sdk/index.ts'
import type { Accumulation, ClosingBehavior, OnTimeBehavior } from '../../../sdk/model/windowing-strategy.ts'
import { DrivenGrouping } from './driven-grouping.ts'

const ten = FixedWindows.of(millis(10))
const one = [[1, 1]] as const
const earlyAndLate = AfterWatermark.pastEndOfWindow({ early: AfterCount.of(1), late: AfterCount.of(1) })

describe('panes', () => {
  it('are counted, and those that are not early once more', () => {
    const { fired } = new DrivenGrouping({
      windowFn: ten,
      trigger: earlyAndLate,
      allowedLateness: millis(20),
      closingBehavior: 'fireAlways',
    })
      .add(one)
      .add(one)
      .watermark(10)
      .add(one)
      .watermark(30)
    assert.deepEqual(
      fired.map(({ pane }) => [pane.timing, pane.index, pane.nonSpeculativeIndex, pane.isFirst, pane.isLast]),
      [
        ['early', 0, -1, true, false],
        ['early', 1, -1, false, false],
        ['onTime', 2, 0, false, false],
        ['late', 3, 1, false, false],
        ['late', 4, 2, false, true],
      ],
    )
  })

  it('close without a word when nothing is new, unless that was asked for', () => {
    const run = (closingBehavior: ClosingBehavior): string =>
      new DrivenGrouping({ windowFn: ten, allowedLateness: millis(20), closingBehavior, accumulation: 'accumulating' })
        .add(one)
        .watermark(10)
        .watermark(30)
        .shown()
    assert.strictEqual(run('fireIfNonEmpty'), '1O')
    assert.strictEqual(run('fireAlways'), '1O 1L')
  })

  it('on time are left out where nothing is new, if that was asked for', () => {
    const run = (onTimeBehavior: OnTimeBehavior, accumulation: Accumulation): string =>
      new DrivenGrouping({ windowFn: ten, trigger: earlyAndLate, allowedLateness: millis(20), onTimeBehavior, accumulation })
        .add(one)
        .watermark(10)
        .add(one)
        .watermark(30)
        .shown()
    assert.strictEqual(run('fireAlways', 'discarding'), '1E 0O 1L')
    assert.strictEqual(run('fireIfNonEmpty', 'discarding'), '1E 1L')
    assert.strictEqual(run('fireIfNonEmpty', 'accumulating'), '1E 2L')
  })

  it('of the default trigger follow each late element within the lateness, accumulating or not', () => {
    const run = (accumulation: 'accumulating' | 'discarding'): string =>
      new DrivenGrouping({ windowFn: ten, allowedLateness: millis(20), accumulation })
        .add(one)
        .watermark(12)
        .add(one)
        .watermark(29)
        .add(one)
        .shown()
    assert.strictEqual(run('accumulating'), '1O 2L 3L')
    assert.strictEqual(run('discarding'), '1O 1L 1L')
  })

  it('are given for a key that comes only after the end', () =>
    assert.strictEqual(new DrivenGrouping({ windowFn: ten, allowedLateness: millis(20) }).watermark(15).add(one).shown(), '1L'))
})

describe('late elements', () => {
  it('are dropped and counted from the instant at which their window is over, and not before', () => {
    const grouping = new DrivenGrouping({ windowFn: ten, allowedLateness: millis(5) }).watermark(14).add(one).watermark(15).add(one)
    assert.strictEqual(grouping.grouping.droppedLate(), 1)
    assert.strictEqual(grouping.shown(), '1L')
  })

  it('are judged by the window that they open, not by the session that they would join', () => {
    const grouping = new DrivenGrouping({ windowFn: Sessions.withGap(millis(10)) })
      .add([[12, 1]])
      .watermark(15)
      .add([[5, 1]])
      .add([[6, 1]])
      .watermark(Instant.max)
    assert.strictEqual(grouping.grouping.droppedLate(), 1)
    assert.deepEqual(
      grouping.fired.map(({ value, window }) => [value, window.start, window.end]),
      [[2, 6, 22]],
    )
  })
})

describe('the timestamp of a pane', () => {
  const earliest = { windowFn: ten, timestampCombiner: 'earliest' } as const

  it('is that of the earliest element that was not late: watermark 5, then 2, 3, 7, 8 gives 7', () => {
    const { fired } = new DrivenGrouping(earliest)
      .watermark(5)
      .add([
        [2, 1],
        [3, 1],
        [7, 1],
        [8, 1],
      ])
      .watermark(10)
    assert.deepEqual(
      fired.map(({ timestamp }) => timestamp),
      [7],
    )
  })

  it("is the window's end where all were late: watermark 8, then 2, 3, 7 gives 9", () => {
    const { fired } = new DrivenGrouping(earliest)
      .watermark(8)
      .add([
        [2, 1],
        [3, 1],
        [7, 1],
      ])
      .watermark(10)
    assert.deepEqual(
      fired.map(({ timestamp }) => timestamp),
      [9],
    )
  })

  it('is the latest, or the end of the window, on request', () => {
    for (const [timestampCombiner, at] of [
      ['latest', 8],
      ['endOfWindow', 9],
    ] as const) {
      const { fired } = new DrivenGrouping({ windowFn: ten, timestampCombiner })
        .add([
          [2, 1],
          [8, 1],
          [3, 1],
        ])
        .watermark(10)
      assert.deepEqual(
        fired.map(({ timestamp }) => timestamp),
        [at],
      )
    }
  })

  it('is the latest of the elements that were not late, in a window that never ends and in one that does', () => {
    const stamps = (windowFn: WindowFn, trigger: Trigger, first: number): ReadonlyArray<number> =>
      new DrivenGrouping({ windowFn, trigger, timestampCombiner: 'latest' })
        .watermark(3)
        .add([
          [first, 1],
          [1, 1],
        ])
        .watermark(10)
        .fired.map(({ timestamp }) => timestamp)
    assert.deepEqual(stamps(GlobalWindows, AfterCount.of(2), 23), [23])
    assert.deepEqual(stamps(ten, DefaultTrigger, 5), [5])
  })

  it('counts an element behind the input watermark that the output watermark has not passed', () => {
    for (const [timestampCombiner, at] of [
      ['latest', 6],
      ['earliest', 4],
    ] as const) {
      const { fired } = new DrivenGrouping({ windowFn: ten, timestampCombiner })
        .add([[4, 1]])
        .watermark(8)
        .add([[6, 1]])
        .watermark(10)
      assert.deepEqual(
        fired.map(({ timestamp }) => timestamp),
        [at],
      )
    }
  })

  it('stays the earliest when sessions merge after the watermark has passed it', () => {
    const { fired } = new DrivenGrouping({ windowFn: Sessions.withGap(millis(10)), timestampCombiner: 'earliest' })
      .add([[3, 1]])
      .watermark(6)
      .add([[8, 1]])
      .watermark(50)
    assert.deepEqual(
      fired.map(({ timestamp, window }) => [timestamp, window.start, window.end]),
      [[3, 3, 18]],
    )
  })
})

describe('the output watermark', () => {
  it('waits for what is held, and goes on when it has fired', () => {
    const grouping = new DrivenGrouping({ windowFn: ten, timestampCombiner: 'earliest' }).add([[3, 1]]).watermark(8)
    assert.strictEqual(grouping.watermarks.output, 3)
    assert.strictEqual(grouping.watermark(10).watermarks.output, 10)
  })

  it('is not held where panes are at the end of their window', () =>
    assert.strictEqual(new DrivenGrouping({ windowFn: ten }).add([[3, 1]]).watermark(8).watermarks.output, 8))

  it('is not stopped by late elements that wait for a late pane', () => {
    const trigger = AfterWatermark.pastEndOfWindow({ late: AfterCount.of(3) })
    const grouping = new DrivenGrouping({ windowFn: ten, trigger, timestampCombiner: 'earliest', allowedLateness: millis(1_000) })
      .watermark(50)
      .add([[3, 1]])
    assert.strictEqual(grouping.watermark(60).watermarks.output, 60)
  })
})

describe('the state of a window', () => {
  for (const [name, windowFn] of [
    ['fixed', ten],
    ['session', Sessions.withGap(millis(10))],
  ] as const) {
    it(`of ${name} windows is gone once the lateness is over`, () => {
      const grouping = new DrivenGrouping({ windowFn, allowedLateness: millis(5) })
        .add(one)
        .add([[2, 2]], 'other')
        .watermark(10)
      assert.strictEqual(grouping.grouping.size(), 2)
      assert.strictEqual(grouping.watermark(17).grouping.size(), 0)
    })

    it(`of ${name} windows that were dropped in a later snapshot of a chain stays gone after a restore`, () => {
      const strategy = { windowFn, trigger: Repeatedly.forever(AfterCount.of(5)) }
      const grouping = new DrivenGrouping(strategy).add(one)
      const chain = [wholeOf(grouping.grouping.snapshot('changes')), wholeOf(grouping.watermark(20).grouping.snapshot('changes'))]
      const other = new DrivenGrouping(strategy)
      Object.assign(other.watermarks, grouping.watermarks)
      for (const bytes of chain) if (bytes !== null) other.grouping.restore(bytes, () => true)
      assert.strictEqual(other.watermark(21).shown(), '')
      assert.strictEqual(other.grouping.size(), 0)
    })

    it(`of ${name} windows is in the next snapshot when the one that took it came to nothing`, () => {
      const grouping = new DrivenGrouping({ windowFn }).add(one)
      grouping.grouping.snapshot('changes')
      grouping.grouping.restoreDirty()
      const other = new DrivenGrouping({ windowFn })
      const bytes = wholeOf(grouping.grouping.snapshot('changes'))
      if (bytes !== null) other.grouping.restore(bytes, () => true)
      assert.strictEqual(other.watermark(20).shown(), '1O')
    })
  }
})
