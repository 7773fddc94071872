import { assert } from 'chai'
import {
  AfterCount,
  AfterWatermark,
  Count,
  Create,
  FixedWindows,
  PCollection,
  type Trigger,
  Window,
  minutes,
  pipe,
} from '../../../sdk/index.ts'
import { graphOf } from '../../../sdk/graph/graph.ts'
import type { GraphNode } from '../../../sdk/graph/graph-node.ts'

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
})
