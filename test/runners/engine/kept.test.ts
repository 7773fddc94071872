// What state keeps once its time is over: nothing, in any of its structures, with and without snapshots.
import { assert } from 'chai'
import * as fc from 'fast-check'
import { SourceSplits } from '../../../runners/engine/source-splits.ts'
import { wholeOf } from '../../../runners/engine/frozen-state.ts'
import {
  AfterAny,
  AfterCount,
  AfterEach,
  AfterProcessingTime,
  AfterWatermark,
  FixedWindows,
  hours,
  Instant,
  IntervalWindow,
  mergeOverlapping,
  millis,
  OrFinally,
  Repeatedly,
  Sessions,
  WindowFn,
} from '../../../sdk/index.ts'
import { defaultStrategy, type WindowingStrategy } from '../../../sdk/model/windowing-strategy.ts'
import { DrivenGrouping, sum } from './driven-grouping.ts'
import { DrivenSides } from './driven-sides.ts'

/** Beyond what is forgotten only when there is enough of it. */
const many = 20_000
const fewChanges = 5_000

/** An element each 10 ms, each with a key of its own, and the watermark behind it. */
const fed = (strategy: Partial<WindowingStrategy>, o: { readonly key?: string; readonly snapshotEvery?: number } = {}): DrivenGrouping => {
  const driven = new DrivenGrouping({ accumulation: 'discarding', ...strategy })
  for (let i = 0; i < many; i++) {
    driven.add([[i * 10, 1]], o.key ?? i).watermark(i * 10)
    if (o.snapshotEvery !== undefined && i % o.snapshotEvery === 0) wholeOf(driven.grouping.snapshot('changes'))
  }
  return driven
}
const assertEmpty = (driven: DrivenGrouping): void => {
  const { changes = 0, ...others } = driven.watermark(many * 10 + 1_000).grouping.entries()
  for (const [structure, entries] of Object.entries(others)) assert.strictEqual(entries, 0, structure)
  assert.isBelow(changes, fewChanges)
}

describe('State whose time is over', () => {
  const early = AfterWatermark.pastEndOfWindow({ early: AfterProcessingTime.pastFirstElement(hours(1)) })
  const shapes: Readonly<Record<string, Partial<WindowingStrategy>>> = {
    'of fixed windows': { windowFn: FixedWindows.of(millis(20)) },
    'of sessions': { windowFn: Sessions.withGap(millis(5)) },
    'of windows that merge by a function': {
      windowFn: WindowFn.merging({ name: 'own', assign: (_, at) => [IntervalWindow.of(at, at + 5)], merge: mergeOverlapping }),
    },
    'of fixed windows whose early trigger waits for the clock': { windowFn: FixedWindows.of(millis(20)), trigger: early },
    'of sessions whose early trigger waits for the clock': { windowFn: Sessions.withGap(millis(5)), trigger: early },
    'of windows that hold the latest timestamp': { windowFn: FixedWindows.of(millis(20)), timestampCombiner: 'latest' },
    'of windows that a count has closed': { windowFn: FixedWindows.of(millis(20)), trigger: AfterCount.of(1) },
  }
  for (const [name, strategy] of Object.entries(shapes)) {
    it(`${name} is gone where no snapshot is ever taken`, () => assertEmpty(fed(strategy)))
    it(`${name} is gone where snapshots are taken`, () => assertEmpty(fed(strategy, { snapshotEvery: 100 })))
  }

  it('of the global window is gone with each firing that leaves nothing, where nobody sees its panes and no empty one is owed', () => {
    const strategy = {
      ...defaultStrategy,
      trigger: Repeatedly.forever(AfterCount.of(1)),
      onTimeBehavior: 'fireIfNonEmpty',
    } as const
    for (const snapshots of [false, true]) {
      const driven = new DrivenGrouping(strategy, sum, false)
      for (let i = 0; i < many; i++) {
        driven.add([[i, 1]], i)
        if (snapshots && i % 100 === 0) wholeOf(driven.grouping.snapshot('changes'))
      }
      assert.deepInclude(driven.grouping.entries(), { keys: 0, holds: 0 })
      assert.isBelow(driven.grouping.entries()['changes'] ?? Infinity, fewChanges)
      assert.strictEqual(driven.fired.length, many)
    }
  })

  it('of the global window shrinks to its key where it only owes the empty pane at the end, which then fires', () => {
    for (const snapshots of [false, true]) {
      let driven = new DrivenGrouping({ ...defaultStrategy, trigger: Repeatedly.forever(AfterCount.of(1)) }, sum)
      const chain: Uint8Array[] = []
      for (let i = 0; i < many; i++) {
        driven.add([[i, 1]], i)
        if (!snapshots || i % 500 !== 0) continue
        const bytes = wholeOf(driven.grouping.snapshot('changes'))
        if (bytes !== null) chain.push(bytes)
      }
      assert.deepInclude(driven.grouping.entries(), { keys: 0, owedPanes: many, holds: 0 })
      if (snapshots) {
        chain.push(...[wholeOf(driven.grouping.snapshot('changes'))].flatMap(bytes => bytes ?? []))
        driven = driven.restored(sum, chain)
        assert.deepInclude(driven.grouping.entries(), { keys: 0, owedPanes: many })
      }
      driven.fired.length = 0
      driven.watermark(Instant.max)
      assert.lengthOf(driven.fired, many)
      assert.isTrue(driven.fired.every(({ value, pane }) => value === 0 && pane.timing === 'onTime' && pane.index === 1 && pane.isLast))
      assert.deepInclude(driven.grouping.entries(), { keys: 0, owedPanes: 0, windows: 0, timers: 0 })
    }
  })

  it('is forgotten without a trace: beside a twin that remembers it, whatever the trigger', () => {
    const triggers = fc.constantFrom(
      Repeatedly.forever(AfterCount.of(1)),
      Repeatedly.forever(AfterCount.of(3)),
      Repeatedly.forever(AfterAny.of(AfterCount.of(2), AfterProcessingTime.pastFirstElement(millis(5)))),
      Repeatedly.forever(AfterEach.inOrder(AfterCount.of(1), AfterCount.of(2))),
      OrFinally.of(Repeatedly.forever(AfterCount.of(1)), AfterCount.of(4)),
    )
    const step = fc.oneof(fc.record({ key: fc.nat(3), count: fc.integer({ min: 1, max: 3 }) }), fc.record({ clock: fc.nat(7) }))
    fc.assert(
      fc.property(triggers, fc.boolean(), fc.array(step, { maxLength: 40 }), (trigger, firesAlways, steps) => {
        const onTimeBehavior = firesAlways ? 'fireAlways' : 'fireIfNonEmpty'
        const run = (showsPanes: boolean, restores = true) => {
          const strategy = { ...defaultStrategy, trigger, onTimeBehavior } as const
          let driven = new DrivenGrouping(strategy, sum, showsPanes)
          const shown = ({ key, value, timestamp, pane }: (typeof driven.fired)[number]) => [[key, value, timestamp], pane] as const
          const fired: ReturnType<typeof shown>[] = []
          let [now, chain]: [number, Uint8Array[]] = [1, []]
          for (const [i, one] of steps.entries()) {
            if ('key' in one)
              driven.add(
                Array.from({ length: one.count }, () => [i, 2 ** i % 1_009] as const),
                one.key,
              )
            else driven.clock((now += one.clock))
            fired.push(...driven.fired.splice(0).map(shown))
            if (!restores) continue
            const bytes = wholeOf(driven.grouping.snapshot('changes'))
            if (bytes !== null) chain = [...chain, bytes]
            if (i % 5 === 4) {
              driven = driven.restored(sum, chain)
              driven.clock(now)
            }
          }
          driven.watermark(Instant.max)
          return [...fired, ...driven.fired.map(shown)]
        }
        const twin = run(true, false)
        assert.sameDeepMembers(run(true), twin)
        assert.sameDeepMembers(
          run(false).map(([pane]) => pane),
          twin.map(([pane]) => pane),
        )
      }),
      { numRuns: 300 },
    )
  })

  it('leaves one entry in each heap for a session that grows with each element', () => {
    const { timers, holds, windows } = fed(
      { windowFn: Sessions.withGap(hours(1)), timestampCombiner: 'latest' },
      { key: 'key' },
    ).grouping.entries()
    assert.deepEqual([timers, holds, windows], [1, 1, 1])
  })

  it('leaves one hold for a pane under the latest timestamp', () => {
    const { holds } = fed({ windowFn: FixedWindows.of(hours(1)), timestampCombiner: 'latest' }, { key: 'key' }).grouping.entries()
    assert.strictEqual(holds, 1)
  })

  it('leaves nothing of a windowed side input', () => {
    const windowFn = FixedWindows.of(millis(10))
    const lists = new DrivenSides({
      main: { windowFn },
      sides: { side: { view: { _tag: 'List' }, strategy: { windowFn } } },
      show: () => '',
    })
    for (let at = 0; at < many; at += 10) lists.pane('side', at, [at]).add([at, at]).watermark(at)
    assert.isBelow(
      Object.values(lists.watermark(many + 100).head.entries()).reduce((a, b) => a + b),
      10,
    )
  })
})

describe('A key that was deleted from a side input', () => {
  it('is gone once no older change can come, where no snapshot is ever taken', () => {
    const tables = new DrivenSides({ sides: { side: { view: { _tag: 'Table' } } }, show: () => '' }).catchUp('side')
    for (let at = 0; at < many; at++)
      tables.change('side', at, `key ${at}`, at).change('side', at, `key ${at}`, null).sideWatermark('side', at)
    assert.isBelow(tables.head.entries()['sides'] ?? Infinity, 10)
  })
})

describe('Splits that have ended', () => {
  it('share one entry where they are parts of one, in the task and in its record', () => {
    const policy = { _tag: 'WatermarkPolicy', outOfOrdernessMs: 0, idleAfterMs: null } as const
    const split = { id: 'all', range: { from: 0, to: 1_000 }, count: null, detail: null, divisible: true }
    const splits = new SourceSplits([split], policy, [])
    for (let from = 1; from < 1_000; from++) {
      splits.add({ ...split, id: `all/${from}`, range: { from, to: from + 1 }, origin: 'all' })
      splits.end(`all/${from}`)
      splits.retire(`all/${from}`)
    }
    assert.deepEqual(
      splits.records().map(({ split: { id }, done }) => [id, done]),
      [
        ['all', false],
        ['all/1', true],
      ],
    )
    assert.isFalse(splits.allDone())
    assert.strictEqual(splits.watermark(), Instant.min)
    const restored = new SourceSplits([], policy, [
      ...splits.records(),
      ...splits.records().map(it => ({ ...it, split: { ...it.split, id: `${it.split.id}/x` } })),
    ])
    assert.strictEqual(restored.records().filter(({ done }) => done).length, 1)
  })
})

describe('Many windows of one key', () => {
  it('become one by an element that bridges 150,000 of them', () => {
    const count = 150_000
    const assign = (_: unknown, at: Instant) => [at === 0 ? IntervalWindow.of(0, count * 10 + 10) : IntervalWindow.of(at, at + 5)]
    const windowFn = WindowFn.merging({ name: 'own', assign, merge: mergeOverlapping })
    const driven = new DrivenGrouping({ windowFn })
    driven.add(Array.from({ length: count }, (_, i) => [(i + 1) * 10, 1] as const))
    assert.strictEqual(driven.grouping.size(), count)
    driven.add([[0, 1]])
    assert.strictEqual(driven.grouping.size(), 1)
    driven.watermark(Instant.max)
    assert.deepEqual(
      driven.fired.map(({ value }) => value),
      [count + 1],
    )
  })
})
