// Triggers of every kind, one inside another.
import * as fc from 'fast-check'
import {
  AfterAll,
  AfterAny,
  AfterCount,
  AfterEach,
  AfterProcessingTime,
  AfterWatermark,
  Always,
  DefaultTrigger,
  millis,
  Never,
  OrFinally,
  Repeatedly,
  type Trigger,
} from '../../../sdk/index.ts'

export const { trigger: anyTrigger } = fc.letrec<{ trigger: Trigger }>(tie => ({
  trigger: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(
      fc.integer({ min: 1, max: 4 }).map(AfterCount.of),
      fc.integer({ min: 1, max: 5 }).map(ms => AfterProcessingTime.pastFirstElement(millis(ms))),
      fc.integer({ min: 1, max: 5 }).map(ms => AfterProcessingTime.pastFirstElement(millis(1), { alignTo: millis(ms) })),
      fc.constant(Never),
      fc.constant(Always),
      fc.constant(DefaultTrigger),
    ),
    tie('trigger').map(Repeatedly.forever),
    fc.tuple(tie('trigger'), tie('trigger')).map(both => AfterEach.inOrder(...both)),
    fc.tuple(tie('trigger'), tie('trigger')).map(both => AfterAll.of(...both)),
    fc.tuple(tie('trigger'), tie('trigger')).map(both => AfterAny.of(...both)),
    fc.tuple(tie('trigger'), tie('trigger')).map(([main, end]) => OrFinally.of(main, end)),
    fc
      .tuple(fc.option(tie('trigger'), { nil: undefined }), fc.option(tie('trigger'), { nil: undefined }))
      .map(([early, late]) => AfterWatermark.pastEndOfWindow({ early, late })),
  ),
}))
