// Windows that merge by a user's function: beside sessions, which the engine knows, and beside a slow twin.
import { assert } from 'chai'
import fc from 'fast-check'
import {
  AfterCount,
  AfterWatermark,
  DefaultTrigger,
  Instant,
  IntervalWindow,
  mergeOverlapping,
  millis,
  type MergeWindows,
  Sessions,
  type Trigger,
  WindowFn,
} from '../../../sdk/index.ts'
import { DrivenGrouping, type Fired } from './driven-grouping.ts'

const gap = 10
const assign = (_: unknown, at: number) => [IntervalWindow.of(at, at + gap)]
const custom = (merge: MergeWindows): WindowFn => WindowFn.merging({ name: 'test', assign, merge })

const hundreds = <A>(all: ReadonlyArray<A>, at: (a: A) => number): ReadonlyArray<ReadonlyArray<A>> =>
  [...new Set(all.map(a => Math.floor(at(a) / 100)))].map(hundred => all.filter(a => Math.floor(at(a) / 100) === hundred))

/** Windows that begin in the same hundred become their span. */
const byHundred: MergeWindows = windows =>
  hundreds(windows, ({ start }) => start).map(parts => ({
    window: IntervalWindow.of(Math.min(...parts.map(w => w.start)), Math.max(...parts.map(w => w.end))),
    parts,
  }))

type Step = { readonly add: ReadonlyArray<readonly [number, number]> } | { readonly watermark: number }
const steps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ add: fc.array(fc.tuple(fc.nat(300), fc.nat(9)), { minLength: 1, maxLength: 4 }) }) },
    { weight: 1, arbitrary: fc.record({ watermark: fc.nat(300) }) },
  ),
  { maxLength: 25 },
)
const run = (windowFn: WindowFn, trigger: Trigger, all: ReadonlyArray<Step>): ReadonlyArray<Fired> => {
  let grouping = new DrivenGrouping({ windowFn, trigger, accumulation: 'accumulating', allowedLateness: millis(20) })
  const fired: Fired[] = []
  let watermark = 0
  for (const step of [...all, { watermark: Instant.max }]) {
    if ('add' in step) grouping.add(step.add)
    else grouping.watermark((watermark = Math.max(watermark, step.watermark)))
    fired.push(...grouping.fired.splice(0))
    // Each step from state that has been bytes.
    grouping = grouping.restored()
  }
  return fired
}

const each = (...times: ReadonlyArray<number>): ReadonlyArray<readonly [number, number]> => times.map(at => [at, at])
const panesOf = ({ fired }: DrivenGrouping): ReadonlyArray<unknown> => fired.map(({ window, value }) => [window.start, window.end, value])

describe('sessions that their trigger has closed', () => {
  for (const [name, windowFn] of [
    ['sessions', Sessions.withGap(millis(gap))],
    ['windows of a function of the user', custom(mergeOverlapping)],
  ] as const) {
    it(`take nothing more: the windows of a bundle merge before its elements meet them (${name})`, () => {
      const byCount = new DrivenGrouping({ windowFn, trigger: AfterCount.of(2) }).add(each(1, 8)).add(each(1, 2, 8))
      assert.deepEqual(panesOf(byCount.watermark(Instant.max)), [[1, 18, 9]])
      assert.strictEqual(byCount.grouping.droppedLate(), 3)
    })

    it(`take nothing more where the watermark has closed them (${name})`, () => {
      const byWatermark = new DrivenGrouping({ windowFn, trigger: AfterWatermark.pastEndOfWindow(), allowedLateness: millis(100) })
        .add(each(1, 8))
        .watermark(20)
        .add(each(1, 2, 8))
      assert.deepEqual(panesOf(byWatermark.watermark(Instant.max)), [[1, 18, 9]])
      assert.strictEqual(byWatermark.grouping.droppedLate(), 3)
    })

    it(`leave an element that bridges a closed and an open one to the open one (${name})`, () => {
      const bridged = new DrivenGrouping({ windowFn, trigger: AfterWatermark.pastEndOfWindow(), allowedLateness: millis(100) })
        .add([[1, 1]])
        .watermark(11)
        .add([[5, 2]])
        .add([[1, 3]])
      assert.strictEqual(bridged.grouping.droppedLate(), 0)
      assert.deepEqual(panesOf(bridged.watermark(Instant.max)), [
        [1, 11, 1],
        [1, 15, 5],
      ])
    })
  }
})

describe('a session that grows again after the end had passed', () => {
  it('waits for its new end, and its early trigger begins anew', () => {
    const trigger = AfterWatermark.pastEndOfWindow({ early: AfterCount.of(3), late: AfterCount.of(1) })
    const grouping = new DrivenGrouping({ windowFn: Sessions.withGap(millis(gap)), trigger, allowedLateness: millis(100) })
      .add(each(1))
      .watermark(12)
      .add(each(8))
    assert.deepEqual(panesOf(grouping), [[1, 11, 1]])
    assert.deepEqual(panesOf(grouping.watermark(18)), [
      [1, 11, 1],
      [1, 18, 8],
    ])
  })
})

describe('thousands of sessions of one key', () => {
  it('grow together and expire as few do, in whatever order they come', () => {
    // Most stay apart; every tenth is bridged by a later one.
    const times = Array.from({ length: 4_000 }, (_, i) => ((i * 1_879) % 4_000) * 12 + (i % 10 === 0 ? 5 : 0))
    const grouping = new DrivenGrouping({ windowFn: Sessions.withGap(millis(gap)) })
    for (let i = 0; i < times.length; i += 7) grouping.add(times.slice(i, i + 7).map(at => [at, 1]))
    const spans = mergeOverlapping(times.map(at => IntervalWindow.of(at, at + gap)))
    assert.isAbove(spans.length, 2_000)
    assert.isBelow(spans.length, times.length)
    assert.strictEqual(grouping.grouping.size(), spans.length)
    for (let at = 0; at < 48_100; at += 5_000) {
      grouping.watermark(at)
      assert.strictEqual(grouping.grouping.size(), spans.filter(({ window }) => window.end > at).length)
    }
    grouping.watermark(Instant.max)
    assert.deepEqual(
      panesOf(grouping),
      spans.map(({ window, parts }) => [window.start, window.end, parts.length]),
    )
  })
})

describe('windows that merge by a function of the user', () => {
  it('fire pane by pane as sessions do where the function merges as they do', () => {
    const triggers = fc.constantFrom(DefaultTrigger, AfterWatermark.pastEndOfWindow({ early: AfterCount.of(2), late: AfterCount.of(1) }))
    fc.assert(
      fc.property(steps, triggers, (all, trigger) =>
        assert.deepEqual(run(custom(mergeOverlapping), trigger, all), run(Sessions.withGap(millis(gap)), trigger, all)),
      ),
    )
  })

  it('hold what all their parts held: beside a twin that looks at all elements at once', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(500), fc.nat(9)), { minLength: 1, maxLength: 30 }), elements => {
        const twin = hundreds(elements, ([at]) => at).map(group => {
          const times = group.map(([at]) => at)
          return [Math.min(...times), Math.max(...times) + gap, group.reduce((sum, [, n]) => sum + n, 0)]
        })
        const fired = run(
          custom(byHundred),
          DefaultTrigger,
          elements.map(element => ({ add: [element] })),
        )
        assert.sameDeepMembers(
          fired.map(({ window, value }) => [window.start, window.end, value]),
          twin,
        )
      }),
    )
  })

  it('stay as they are where the function names none of them', () => {
    const { fired } = new DrivenGrouping({ windowFn: custom(() => []) })
      .add([
        [1, 1],
        [5, 2],
        [1, 4],
      ])
      .watermark(Instant.max)
    assert.deepEqual(
      fired.map(({ window, value }) => [window.start, value]),
      [
        [1, 5],
        [5, 2],
      ],
    )
  })

  const add = (merge: MergeWindows) => (): unknown =>
    new DrivenGrouping({ windowFn: custom(merge) }).add([
      [1, 1],
      [5, 2],
    ])
  it('refuse a merge of windows that the key does not have, or of one window twice', () => {
    const span = IntervalWindow.of(1, 15)
    assert.throws(
      add(windows => (windows.length < 2 ? [] : [{ window: span, parts: [IntervalWindow.of(0, 1)] }])),
      /grouping: merge of the window function test made \[1970.* part of .*: the key has no such window/s,
    )
    assert.throws(
      add(windows => windows.flatMap(window => [window, window]).map(part => ({ window: part, parts: [part] }))),
      /part of another already/,
    )
  })
  it('refuse a result that is another window of the key, which would be there twice', () =>
    assert.throws(
      add(windows => windows.slice(1).map(part => ({ window: IntervalWindow.of(1, 11), parts: [part] }))),
      /leaves \[1970-01-01T00:00:00.001Z.* twice: name all of its parts/,
    ))
})
