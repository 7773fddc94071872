// What throws, as data: each verb's variant, and the path and element in its failures.
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import {
  Coder,
  Combine,
  Count,
  Create,
  type Failure,
  GroupByKey,
  InvalidPipelineError,
  type KV,
  Pipeline,
  PCollection,
  View,
  millis,
  named,
  pipe,
} from '../../../sdk/index.ts'
import * as N from 'fp-ts/lib/number.js'
import { containsInAnyOrder, PAssert, TestPipeline } from '../../../runners/direct/testing.ts'

const refuseNegative = (n: number): number => {
  if (n < 0) throw new RangeError(`${n} is negative`)
  return n
}
const numbers = Create.of([1, -2, 3])
const pairs: PCollection<KV<string, number>> = Create.of([
  ['a', 1],
  ['b', -2],
])

/** Rights as they are; of a failure its element, transform and message. */
const shown = <A, B>(pc: PCollection<E.Either<Failure<A>, B>>) =>
  pipe(
    pc,
    PCollection.map((result): unknown =>
      E.isRight(result) ? result.right : { element: result.left.element, transform: result.left.transform, message: result.left.message },
    ),
  )
const gives = <A, B>(pc: PCollection<E.Either<Failure<A>, B>>, expected: ReadonlyArray<unknown>): Promise<unknown> =>
  pipe(pc, shown, PAssert.that(containsInAnyOrder(expected)), TestPipeline.run())
const rejected = (verb: string, element: unknown = -2) => ({ element, transform: `Strict/${verb}#1`, message: '-2 is negative' })

describe('a verb that sends failures on', () => {
  it('tryMap', () =>
    gives(
      pipe(
        numbers,
        named(
          'Strict',
          PCollection.tryMap(n => 10 * refuseNegative(n)),
        ),
      ),
      [10, 30, rejected('tryMap')],
    ))

  it('tryFlatMap: all outputs of an element, or its failure alone, of a generator too', async () => {
    await gives(
      pipe(
        numbers,
        named(
          'Strict',
          PCollection.tryFlatMap(n => [n, refuseNegative(n)]),
        ),
      ),
      [1, 1, 3, 3, rejected('tryFlatMap')],
    )
    await gives(
      pipe(
        numbers,
        named(
          'Strict',
          PCollection.tryFlatMap(function* (n) {
            yield n
            yield refuseNegative(n)
          }),
        ),
      ),
      [1, 1, 3, 3, rejected('tryFlatMap')],
    )
  })

  it('tryFilter and tryFilterMap', async () => {
    await gives(
      pipe(
        numbers,
        named(
          'Strict',
          PCollection.tryFilter(n => refuseNegative(n) > 1),
        ),
      ),
      [3, rejected('tryFilter')],
    )
    await gives(
      pipe(
        numbers,
        named(
          'Strict',
          PCollection.tryFilterMap(n => (refuseNegative(n) > 1 ? O.some(`${n}`) : O.none)),
        ),
      ),
      ['3', rejected('tryFilterMap')],
    )
  })

  it('tryKeyBy, whose rights can be grouped', async () => {
    await gives(
      pipe(
        numbers,
        named(
          'Strict',
          PCollection.tryKeyBy(n => refuseNegative(n) % 2),
        ),
      ),
      [[1, 1], [1, 3], rejected('tryKeyBy')],
    )
    await pipe(
      numbers,
      PCollection.tryKeyBy(n => refuseNegative(n) % 2),
      PCollection.deadLetter(PCollection.ignore),
      Combine.perKey(N.MonoidSum),
      PAssert.that(containsInAnyOrder([[1, 4] as const])),
      TestPipeline.run(),
    )
  })

  it('tryMapValues and tryMapKeys, with the whole pair in the failure', async () => {
    await gives(pipe(pairs, named('Strict', PCollection.tryMapValues(refuseNegative))), [['a', 1], rejected('tryMapValues', ['b', -2])])
    const swapped = pipe(
      pairs,
      PCollection.map(([key, n]) => [n, key]),
    )
    await gives(pipe(swapped, named('Strict', PCollection.tryMapKeys(refuseNegative))), [[1, 'a'], rejected('tryMapKeys', [-2, 'b'])])
  })

  it('tryMapWith and tryFlatMapWith, with the element alone in the failure', async () => {
    const sides = { factor: pipe(Create.of([10]), View.asSingleton) }
    await gives(
      pipe(
        numbers,
        named(
          'Strict',
          PCollection.tryMapWith(sides, (n, { factor }) => factor * refuseNegative(n)),
        ),
      ),
      [10, 30, rejected('tryMapWith')],
    )
    await gives(
      pipe(
        numbers,
        named(
          'Strict',
          PCollection.tryFlatMapWith(sides, (n, { factor }) => [factor, refuseNegative(n)]),
        ),
      ),
      [10, 1, 10, 3, rejected('tryFlatMapWith')],
    )
  })

  it('does not take a promise for a result', async () => {
    const promising = async (): Promise<never> => Promise.reject(new Error('later'))
    for (const verb of [
      PCollection.tryMap(promising),
      // What a JavaScript program may do.
      PCollection.tryFlatMap(promising as unknown as () => []),
      PCollection.tryFilter(promising as unknown as () => boolean),
      PCollection.tryKeyBy(promising),
      PCollection.tryFilterMap(promising as unknown as () => O.Option<number>),
    ] as ReadonlyArray<(pc: PCollection<number>) => PCollection<unknown>>) {
      const message = await pipe(numbers, verb, TestPipeline.run()).then(
        () => 'it ran',
        (error: unknown) => String(error),
      )
      assert.match(message, /the function gave a promise: use PCollection.tryMapAsync/)
    }
  })
})

describe('retry options', () => {
  it('refuse pauses that are none', () => {
    const f = (n: number): Promise<number> => Promise.resolve(n)
    assert.throws(
      () => PCollection.mapAsync(f, { retry: { attempts: 2, initial: millis(-1) } })(numbers),
      RangeError,
      /retry.initial .* -1 ms/,
    )
    assert.throws(() => PCollection.tryMapAsync(f, { retry: { attempts: 2, max: millis(Infinity) } })(numbers), RangeError, /retry.max/)
  })
})

describe('elements that are no pairs', () => {
  it('end the run where they are grouped, with the path of the grouping and the way out', async () => {
    // What a JavaScript program may do.
    const unkeyed = Create.of(['a']) as unknown as PCollection<KV<string, string>>
    for (const [kind, grouped] of [
      ['GroupByKey', GroupByKey.of(unkeyed)],
      ['Count.perKey', Count.perKey(unkeyed)],
    ] as const) {
      const message = await pipe(grouped, TestPipeline.run()).then(
        () => 'it ran',
        (error: unknown) => String(error),
      )
      assert.include(message, `${kind}#1: the transform takes pairs of key and value, and got "a". Put PCollection.keyBy before it`)
    }
  })
})

describe('a coder that may write equal keys differently', () => {
  it('is refused in front of a grouping when the pipeline is built', () => {
    const key = Coder.json((x: unknown): x is { readonly id: string } => typeof x === 'object')
    const build = (): Pipeline =>
      Pipeline.of(
        pipe(
          Create.of(['a']),
          PCollection.keyBy(id => ({ id }), { coder: key }),
          PCollection.mapValues(id => id.length),
          GroupByKey.of,
          PCollection.ignore,
        ),
      )
    assert.throws(
      build,
      InvalidPipelineError,
      /GroupByKey#1 \(made at .*failures\.test\.ts.*the coder \S*json\S*, which is not deterministic/,
    )
  })
  it('is no matter where keys are not compared', () =>
    pipe(
      Create.of([['a', 1] as const]),
      PCollection.withCoder(
        Coder.kv(
          Coder.json((x: unknown): x is 'a' => x === 'a'),
          Coder.json((x: unknown): x is 1 => x === 1),
        ),
      ),
      PCollection.values,
      PAssert.that(containsInAnyOrder([1])),
      TestPipeline.run(),
    ))
})
