// From graphs to stages: where elements stop, what is lifted, and when a sink may publish at once.
import { assert } from 'chai'
import * as N from 'fp-ts/lib/number.js'
import { planOf } from '../../../runners/plan/plan.ts'
import type { Plan } from '../../../runners/plan/stage.ts'
import type { PCollection as Collection, PDone } from '../../../sdk/graph/pcollection.ts'
import {
  AfterCount,
  AfterProcessingTime,
  AfterWatermark,
  Combine,
  Create,
  emit,
  FixedWindows,
  Flatten,
  GroupByKey,
  KV,
  minutes,
  millis,
  ParDo,
  Partition,
  PCollection,
  pipe,
  Pipeline,
  Sessions,
  Window,
  type WindowOptions,
} from '../../../sdk/index.ts'
import { Journal } from '../direct/feed.ts'

const write = (name = 'out'): ((pc: Collection<unknown>) => PDone) => new Journal().write(name)
const plan = (...ends: ReadonlyArray<PDone>): Plan => planOf(Pipeline.of(...ends).graph)
const pairs = (): Collection<KV<string, number>> => Create.of([KV.of('a', 1)], { name: 'pairs' })
const shape = ({ stages }: Plan): ReadonlyArray<unknown> =>
  stages.map(({ head, steps, exits }) => [head._tag, steps.length, exits.map(exit => exit._tag)])

describe('a plan', () => {
  it('fuses element-wise work into the stage before it, and stops at groupings and asynchronous calls', () => {
    const end = pipe(
      pairs(),
      PCollection.map(kv => kv),
      GroupByKey.of,
      PCollection.map(x => x),
      PCollection.mapAsync(async x => x),
      PCollection.map(x => x),
      PCollection.filter(() => true),
      write(),
    )
    assert.deepEqual(shape(plan(end)), [
      ['Source', 1, ['Shuffle']],
      ['Group', 1, ['Forward']],
      ['Async', 2, ['Sink']],
    ])
  })

  it('reaches a step of several paths once, and counts the ways in', () => {
    const { even, odd } = pipe(
      Create.of([1]),
      Partition.by(['even', 'odd'], n => (n % 2 === 0 ? 'even' : 'odd')),
    )
    const [stage] = plan(
      pipe(
        Flatten.of(even, odd, odd),
        PCollection.map(n => n),
        write(),
      ),
    ).stages
    assert.deepEqual(
      stage?.steps.map(({ transform, entries }) => [transform._tag, entries]),
      [
        ['Partition', 1],
        ['Flatten', 3],
        ['Map', 1],
      ],
    )
  })

  it('runs what two sources share in both of their stages', () =>
    assert.deepEqual(
      shape(
        plan(
          pipe(
            Flatten.of(Create.of([1]), Create.of([2])),
            PCollection.map(n => n),
            write(),
          ),
        ),
      ),
      [
        ['Source', 2, ['Sink']],
        ['Source', 2, ['Sink']],
      ],
    ))

  it('feeds a grouping once, however many branches lead to it', () => {
    const source = pairs()
    const { stages } = plan(
      pipe(
        Flatten.of(
          source,
          pipe(
            source,
            PCollection.map(kv => kv),
          ),
        ),
        GroupByKey.of,
        write(),
      ),
    )
    assert.deepEqual(
      stages.map(({ inputs }) => inputs),
      [[], [stages[0]?.id ?? '']],
    )
    assert.lengthOf(stages[0]?.exits ?? [], 1)
  })
})

describe('a combine is done in part before its shuffle', () => {
  const lifted = (o: WindowOptions, fn = FixedWindows.of(minutes(1))): boolean => {
    const [stage] = plan(pipe(pairs(), Window.into(fn, o), Combine.perKey(N.MonoidSum), write())).stages
    const [exit] = stage?.exits ?? []
    return exit?._tag === 'Shuffle' && exit.lift !== null
  }
  const with_ = (trigger: WindowOptions['trigger']): boolean => lifted({ trigger, accumulation: 'discarding', allowUnsafeTrigger: true })

  it('under the default trigger, and where each late element fires anyway', () => {
    assert.isTrue(lifted({}))
    assert.isTrue(with_(AfterWatermark.pastEndOfWindow({ late: AfterCount.of(1) })))
  })

  it('not where windows merge, or the earliest timestamp counts', () => {
    assert.isFalse(lifted({}, Sessions.withGap(minutes(1))))
    assert.isFalse(lifted({ timestampCombiner: 'earliest' }))
  })

  it('not where a trigger counts elements or watches the clock', () => {
    assert.isFalse(with_(AfterCount.of(2)))
    assert.isFalse(with_(AfterProcessingTime.pastFirstElement(millis(1))))
    assert.isFalse(with_(AfterWatermark.pastEndOfWindow({ early: AfterCount.of(1) })))
  })

  it('not for a grouping, which needs each value', () => {
    const [stage] = plan(pipe(pairs(), GroupByKey.of, write())).stages
    assert.deepEqual(
      stage?.exits.map(exit => exit._tag === 'Shuffle' && exit.lift),
      [null],
    )
  })
})

describe('a sink publishes', () => {
  const mode = (end: PDone): string | undefined => plan(end).sinks[0]?.mode

  it('at once where each output follows from one record', () =>
    assert.strictEqual(
      mode(
        pipe(
          pairs(),
          PCollection.map(kv => kv),
          write(),
        ),
      ),
      'immediate',
    ))

  it('with checkpoints behind a grouping, an asynchronous call, or a DoFn with a bundle', () => {
    assert.strictEqual(mode(pipe(pairs(), GroupByKey.of, write())), 'checkpointed')
    assert.strictEqual(
      mode(
        pipe(
          pairs(),
          PCollection.mapAsync(async kv => kv),
          write(),
        ),
      ),
      'checkpointed',
    )
    assert.strictEqual(mode(pipe(pairs(), ParDo.bundled({ process: ({ value }) => [emit(value)] }), write())), 'checkpointed')
  })

  it('with checkpoints where only one of its inputs needs it', () => {
    const source = pairs()
    assert.strictEqual(
      mode(
        pipe(
          Flatten.of(
            source,
            pipe(
              source,
              PCollection.mapAsync(async kv => kv),
            ),
          ),
          write(),
        ),
      ),
      'checkpointed',
    )
  })
})
