import { assert } from 'chai'
import {
  AfterCount,
  AfterWatermark,
  Count,
  Create,
  FixedWindows,
  Never,
  PCollection,
  Sessions,
  type Trigger,
  Window,
  minutes,
  pipe,
} from '../../../sdk/index.ts'
import { graphOf } from '../../../sdk/graph/graph.ts'
import type { GraphNode } from '../../../sdk/graph/graph-node.ts'
import { apply } from '../../../sdk/graph/pcollection.ts'
import { defaultStrategy, isMerging } from '../../../sdk/model/windowing-strategy.ts'

const last = (pc: PCollection<unknown>): GraphNode | undefined => graphOf([PCollection.ignore(pc)]).nodes.last()
const behindGrouping = (trigger: Trigger): Trigger | undefined =>
  last(pipe(Create.of(['a']), Window.into(FixedWindows.of(minutes(1)), { trigger, accumulation: 'discarding' }), Count.perElement))
    ?.strategy.trigger

describe('windowing', () => {
  it('is that of the newest Window.into, through all that follows', () => {
    const windowed = pipe(
      Create.of(['a']),
      Window.into(FixedWindows.of(minutes(1))),
      PCollection.map(w => w),
      PCollection.tee(PCollection.ignore),
    )
    assert.deepEqual(last(windowed)?.strategy.windowFn.kind, { _tag: 'Fixed', size: minutes(1), offset: minutes(0) })
    assert.strictEqual(last(Create.of(['a']))?.strategy.windowFn.kind._tag, 'Global')
  })

  it('passes panes on at once behind a grouping, instead of waiting for a count again', () => {
    assert.deepEqual(behindGrouping(AfterCount.of(100)), AfterCount.of(1))
    const refined = AfterWatermark.pastEndOfWindow({ early: AfterCount.of(100), late: AfterCount.of(5) })
    assert.deepEqual(behindGrouping(refined), AfterWatermark.pastEndOfWindow({ early: AfterCount.of(1), late: AfterCount.of(1) }))
  })

  it('merges sessions in the first grouping behind Window.into, and not again in the next', () => {
    const sessions = pipe(Create.of(['a']), Window.into(Sessions.withGap(minutes(1))))
    const counted = pipe(sessions, Count.perElement, Count.perElement)
    const merging = (pc: PCollection<unknown>): boolean | undefined => {
      const strategy = last(pc)?.strategy
      return strategy === undefined ? undefined : isMerging(strategy)
    }
    assert.isTrue(merging(sessions))
    assert.isFalse(merging(counted))
    assert.isTrue(merging(pipe(counted, Window.into(Sessions.withGap(minutes(1))))))
  })

  it('may change in how it fires alone: elements stay in their windows', () => {
    const minute = FixedWindows.of(minutes(1))
    const changed = last(
      apply(
        { _tag: 'WithStrategy', change: { accumulation: 'accumulating', trigger: Never } },
        [pipe(Create.of(['a']), Window.into(minute))],
        {
          kind: 'again',
        },
      ),
    )?.strategy
    assert.deepEqual(changed, { ...defaultStrategy, windowFn: minute, accumulation: 'accumulating', trigger: Never })
  })
})
