// Combines that spread hot keys give what they give without.
import { assert } from 'chai'
import * as N from 'fp-ts/lib/number.js'
import {
  AfterCount,
  AfterWatermark,
  Coder,
  Combine,
  CombineFn,
  Count,
  Create,
  FixedWindows,
  Instant,
  InvalidPipelineError,
  type KV,
  Max,
  Mean,
  Min,
  PCollection,
  Pipeline,
  Reify,
  Repeatedly,
  Sessions,
  Sum,
  Window,
  millis,
  pipe,
} from '../../../sdk/index.ts'
import { graphOf } from '../../../sdk/graph/graph.ts'
import { containsInAnyOrder, PAssert, TestPipeline } from '../../../runners/direct/testing.ts'

const elements = Array.from({ length: 200 }, (_, i): KV<string, number> => [i % 10 === 0 ? 'cold' : 'hot', i])
const totals = ['hot', 'cold'].map(key => [key, elements.reduce((sum, [k, n]) => (k === key ? sum + n : sum), 0)] as const)
const byKey = (key: string): number => (key === 'hot' ? 7 : 1)

describe('a combine with a fanout', () => {
  for (const [name, fanout] of [
    ['one number', 3],
    ['one part', 1],
    ['a function of the key', byKey],
  ] as const) {
    it(`gives each key its value: ${name}`, () =>
      pipe(
        Create.of(elements),
        Combine.perKey(N.MonoidSum, { fanout }),
        PAssert.that(containsInAnyOrder(totals)),
        TestPipeline.run({ seed: 5 }),
      ))
  }

  it('is there for Count, Sum, Mean, Min and Max, with the same results', async () => {
    const numbers = pipe(
      Create.of(elements),
      PCollection.map(([, n]) => n),
    )
    const global = [
      [Count.withFanout(4).globally, Count.globally, 200],
      [Sum.withFanout(4).globally, Sum.globally, 19_900],
      [Mean.withFanout(4).globally, Mean.globally, 99.5],
      [Min.withFanout(4).globally(N.Ord), Min.globally(N.Ord), 0],
      [Max.withFanout(4).globally(N.Ord), Max.globally(N.Ord), 199],
    ] as const
    for (const [of, spread, result] of global)
      for (const transform of [of, spread]) await pipe(numbers, transform, PAssert.that(containsInAnyOrder([result])), TestPipeline.run())
    const keyed = [
      [Count.withFanout(4).perKey, [180, 20]],
      [Sum.withFanout(4).perKey, [18_000, 1_900]],
      [Mean.withFanout(4).perKey, [100, 95]],
      [Min.withFanout(4).perKey(N.Ord), [1, 0]],
      [Max.withFanout(4).perKey(N.Ord), [199, 190]],
    ] as const
    for (const [transform, [hot, cold]] of keyed)
      await pipe(
        Create.of(elements),
        transform,
        PAssert.that(
          containsInAnyOrder([
            ['hot', hot],
            ['cold', cold],
          ] as const),
        ),
        TestPipeline.run(),
      )
    await pipe(
      Create.of(elements.map(([key]) => key)),
      Count.withFanout(4).perElement,
      PAssert.that(
        containsInAnyOrder([
          ['hot', 180],
          ['cold', 20],
        ] as const),
      ),
      TestPipeline.run(),
    )
    assert.throws(() => pipe(numbers, Sum.withFanout(0).globally), RangeError, /fanout/)
  })

  it('gives a global value, its default of nothing too', async () => {
    await pipe(
      Create.of(elements),
      Combine.globally(CombineFn.count, { fanout: 4 }),
      PAssert.that(containsInAnyOrder([200])),
      TestPipeline.run(),
    )
    await pipe(
      Create.of<number>([]),
      Combine.globally(N.MonoidSum, { fanout: 4 }),
      PAssert.that(containsInAnyOrder([0])),
      TestPipeline.run(),
    )
  })

  it('works window by window', () =>
    pipe(
      Create.of(elements),
      PCollection.withTimestamps(([, n]) => Instant.ofMillis(n)),
      Window.into(FixedWindows.of(millis(100))),
      Combine.perKey(CombineFn.count, { fanout: byKey }),
      PAssert.that(containsInAnyOrder([['hot', 90] as const, ['hot', 90] as const, ['cold', 10] as const, ['cold', 10] as const])),
      TestPipeline.run(),
    ))

  for (const accumulation of ['accumulating', 'discarding'] as const) {
    it(`counts nothing twice under a trigger that fires again and again, ${accumulation}`, () =>
      pipe(
        Create.of(elements),
        PCollection.withTimestamps(() => Instant.ofMillis(0)),
        Window.into(FixedWindows.of(millis(10)), {
          trigger: AfterWatermark.pastEndOfWindow({ early: Repeatedly.forever(AfterCount.of(3)) }),
          accumulation,
        }),
        Combine.perKey(N.MonoidSum, { fanout: byKey }),
        Reify.windowed,
        PAssert.satisfies(panes => {
          for (const [key, total] of totals) {
            const mine = panes.filter(({ value }) => value[0] === key).sort((a, b) => a.pane.index - b.pane.index)
            assert.isAbove(mine.length, 1)
            const counted = accumulation === 'accumulating' ? mine.slice(-1) : mine
            assert.strictEqual(
              counted.reduce((sum, { value }) => sum + value[1], 0),
              total,
              key,
            )
          }
        }),
        TestPipeline.run({ seed: 11 }),
      ))
  }

  it('sends accumulators between its halves by their coder, where they have one', () => {
    class Box {
      readonly n: number
      constructor(n: number) {
        this.n = n
      }
    }
    const boxed = CombineFn.of({
      create: () => new Box(0),
      add: (box, n: number) => new Box(box.n + n),
      merge: (a, b) => new Box(a.n + b.n),
      extract: box => box.n,
      coder: Coder.imap(
        (n: number) => ({ _tag: 'Right' as const, right: new Box(n) }),
        (box: Box) => box.n,
      )(Coder.varint),
    })
    return pipe(Create.of(elements), Combine.perKey(boxed, { fanout: 5 }), PAssert.that(containsInAnyOrder(totals)), TestPipeline.run())
  })

  it('keeps the coder of the keys, and the windowing, from before', () => {
    const spread = pipe(
      Create.of(['a']),
      PCollection.keyBy(k => k, { coder: Coder.string }),
      Window.into(FixedWindows.of(millis(10)), { trigger: AfterCount.of(5), accumulation: 'accumulating' }),
      Combine.perKey(CombineFn.count, { fanout: 2 }),
    )
    const nodes = [...graphOf([PCollection.ignore(spread)]).nodes.values()]
    const [part, whole] = nodes.filter(({ node }) => node.transform._tag === 'CombinePerKey')
    assert.strictEqual(part?.keyCoder?.urn, Coder.kv(Coder.string, Coder.varint).urn)
    assert.strictEqual(whole?.keyCoder?.urn, Coder.string.urn)
    assert.strictEqual(part?.strategy.accumulation, 'discarding')
    assert.strictEqual(whole?.strategy.accumulation, 'accumulating')
  })

  it('is refused where it is no number of parts, and over windows that merge', async () => {
    assert.throws(() => Combine.perKey(N.MonoidSum, { fanout: 0 })(Create.of(elements)), RangeError, /Combine.perKey: fanout .* 0 is not/)
    const failed = await pipe(Create.of(elements), Combine.perKey(N.MonoidSum, { fanout: () => 1.5 }), TestPipeline.run()).then(
      () => 'it ran',
      (error: unknown) => String(error),
    )
    assert.match(failed, /Combine\.perKey\.\w+#1: Combine.perKey: fanout .* 1.5 is not/)
    const merging = pipe(Create.of(elements), Window.into(Sessions.withGap(millis(1))), Combine.perKey(N.MonoidSum, { fanout: 2 }))
    assert.throws(
      () => Pipeline.of(PCollection.ignore(merging)),
      InvalidPipelineError,
      /together#1 .*what a fanout has spread, and its windows merge/,
    )
  })
})
