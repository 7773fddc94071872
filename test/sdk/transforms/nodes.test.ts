import * as N from 'fp-ts/lib/number.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { assert } from 'chai'
import {
  Coder,
  Combine,
  Count,
  Create,
  Flatten,
  GroupByKey,
  ParDo,
  Partition,
  PCollection,
  type PDone,
  Reify,
  Sessions,
  Window,
  emit,
  minutes,
  pipe,
  seconds,
} from '../../../sdk/index.ts'
import { graphOf } from '../../../sdk/graph/graph.ts'
import type { Transform } from '../../../sdk/graph/node.ts'
import { outputIn } from '../../../sdk/graph/pcollection.ts'

const tagsOf = (...leaves: ReadonlyArray<PDone>): ReadonlyArray<string> =>
  [...graphOf(leaves).nodes.values()].map(({ node }) => node.transform._tag)
const tagsTo = (pc: PCollection<unknown>): ReadonlyArray<string> => tagsOf(PCollection.ignore(pc)).slice(0, -1)
const transformOf = <T extends Transform['_tag']>(tag: T, pc: PCollection<unknown>): Extract<Transform, { readonly _tag: T }> => {
  const { transform } = outputIn(pc).node
  if (transform._tag !== tag) return assert.fail(`${transform._tag} is not ${tag}`)
  return transform as Extract<Transform, { readonly _tag: T }>
}
const words = Create.of(['a', 'bb'])
const keyed = pipe(
  words,
  PCollection.keyBy(w => w.length),
)

describe('Create.of', () => {
  it('keeps an array as it is, without a copy', () => {
    const elements = [1, 2, 3]
    assert.strictEqual(transformOf('Create', Create.of(elements)).elements, elements)
  })
  it('reads any other iterable at once', () => {
    assert.deepEqual(transformOf('Create', Create.of(new Set([1, 2]))).elements, [1, 2])
  })
})

describe('composites', () => {
  it('are made of few nodes that keep key and value apart', () => {
    assert.deepEqual(tagsTo(Count.perElement(words)), ['Create', 'KeyBy', 'CombinePerKey'])
    assert.deepEqual(tagsTo(Count.perKey(keyed)), ['Create', 'KeyBy', 'CombinePerKey'])
    assert.deepEqual(tagsTo(Count.globally(words)), ['Create', 'KeyBy', 'CombinePerKey', 'Values'])
    assert.deepEqual(
      tagsTo(
        pipe(
          words,
          PCollection.map(w => w.length),
          Combine.globally(N.MonoidSum),
        ),
      ),
      ['Create', 'Map', 'KeyBy', 'CombinePerKey', 'Values'],
    )
  })
  it('give a global combine its value of nothing, and a combine a key none', () => {
    const { node } = outputIn(Count.globally(words))
    assert.isTrue(node.inputs[0]?.node.transform._tag === 'CombinePerKey' && node.inputs[0].node.transform.withDefault)
    assert.isFalse(transformOf('CombinePerKey', Count.perKey(keyed)).withDefault)
  })
  it('make of no collections at all an empty one', () => {
    assert.deepEqual(tagsTo(Flatten.of()), ['Create'])
  })
})

describe('Window.into', () => {
  it('takes the default for what is left out, and nothing from an earlier one', () => {
    const first = pipe(
      words,
      Window.into(Sessions.withGap(minutes(1)), { allowedLateness: minutes(5), accumulation: 'accumulating', timestampCombiner: 'latest' }),
    )
    const { strategy } = transformOf('WindowInto', pipe(first, Window.into(Sessions.withGap(minutes(2)))))
    assert.deepInclude(strategy, {
      allowedLateness: seconds(0),
      accumulation: 'discarding',
      timestampCombiner: 'endOfWindow',
      closingBehavior: 'fireIfNonEmpty',
      onTimeBehavior: 'fireAlways',
      allowUnsafeTrigger: false,
    })
    assert.strictEqual(strategy.trigger._tag, 'Default')
  })
  it('refuses a negative lateness', () => {
    assert.throws(
      () => Window.into(Sessions.withGap(minutes(1)), { allowedLateness: minutes(-1), accumulation: 'discarding' }),
      RangeError,
      /allowedLateness/,
    )
  })
})

describe('the asynchronous verbs', () => {
  it('always have a timeout, and keep order, with 16 calls at once', () => {
    assert.deepInclude(
      transformOf(
        'MapAsync',
        pipe(
          words,
          PCollection.mapAsync(async w => w),
        ),
      ),
      { concurrency: 16, timeoutMs: 30_000, ordered: true, onRejected: 'end', retry: null },
    )
    assert.strictEqual(
      transformOf(
        'MapAsync',
        pipe(
          words,
          PCollection.tryMapAsync(async w => w),
        ),
      ).onRejected,
      'failure',
    )
  })
  it('call a TaskEither for each element', async () => {
    const { f, onRejected } = transformOf(
      'MapAsync',
      pipe(
        words,
        PCollection.mapTaskEither(w => TE.left(w.length)),
      ),
    )
    assert.strictEqual(onRejected, 'either')
    assert.deepEqual(await (f as (w: string, call: unknown) => unknown)('abc', null), { _tag: 'Left', left: 3 })
  })
  it('refuse options that mean nothing', () => {
    for (const o of [
      { concurrency: 0 },
      { timeout: seconds(0) },
      { timeout: seconds(Infinity) },
      { retry: { attempts: 0 } },
      { retry: { attempts: 2, jitter: 2 } },
    ]) {
      assert.throws(() => PCollection.mapAsync(async (w: string) => w, o)(words), RangeError, /PCollection\.mapAsync: /)
    }
  })
})

describe('branches', () => {
  it('of tee and deadLetter are kept by whoever keeps the result', () => {
    assert.deepEqual(tagsOf(pipe(words, PCollection.tee(PCollection.ignore), PCollection.ignore)), ['Create', 'Ignore', 'Along', 'Ignore'])
    assert.deepEqual(
      tagsOf(
        pipe(
          words,
          PCollection.tryMap(w => w.length),
          PCollection.deadLetter(PCollection.ignore),
          PCollection.ignore,
        ),
      ),
      ['Create', 'TryMap', 'Separate', 'Ignore', 'Along', 'Ignore'],
    )
  })
  it('of Partition are named outputs of one node', () => {
    const { short, long } = pipe(
      words,
      Partition.by(['short', 'long'], w => (w.length > 1 ? 'long' : 'short')),
    )
    assert.strictEqual(outputIn(short).node, outputIn(long).node)
    assert.deepEqual([outputIn(short).tag, outputIn(long).tag], ['short', 'long'])
    assert.throws(
      () =>
        pipe(
          words,
          Partition.by(['short', 'short'], () => 'short'),
        ),
      RangeError,
      /"short" stands twice/,
    )
  })
  it('of Partition.on follow the discriminant', () => {
    const tagged = pipe(
      words,
      ParDo.bundled({ process: ({ value }) => [emit(value.length > 1 ? { kind: 'long', value } : { kind: 'short', n: 1 })] }),
      Partition.on('kind', ['long', 'short']),
    )
    const { transform } = outputIn(tagged.long).node
    assert.strictEqual(transform._tag === 'Partition' && (transform.f as (a: unknown) => unknown)({ kind: 'long' }), 'long')
  })
})

describe('the coder of keys', () => {
  const keyCoderOf = (pc: PCollection<unknown>): unknown => graphOf([PCollection.ignore(pc)]).nodes.last()?.keyCoder?.urn ?? null
  const coded = pipe(
    words,
    PCollection.keyBy(w => w, { coder: Coder.string }),
  )
  it('follows keys as long as they stay what they are', () => {
    const grouped = pipe(
      coded,
      PCollection.mapValues(w => w.length),
      PCollection.filter(() => true),
      PCollection.tee(PCollection.ignore),
      Window.into(Sessions.withGap(minutes(1))),
      Combine.perKey(N.MonoidSum),
    )
    assert.strictEqual(keyCoderOf(grouped), Coder.string.urn)
    assert.strictEqual(keyCoderOf(pipe(coded, GroupByKey.of)), Coder.string.urn)
    assert.strictEqual(keyCoderOf(Flatten.of(coded, coded)), Coder.string.urn)
  })
  it('ends where keys are made anew', () => {
    for (const pc of [
      pipe(
        coded,
        PCollection.mapKeys(w => w.length),
      ),
      pipe(
        coded,
        PCollection.map(pair => pair),
      ),
      pipe(coded, Reify.windowed),
      Flatten.of(
        coded,
        pipe(
          words,
          PCollection.keyBy(w => w),
        ),
      ),
    ])
      assert.isNull(keyCoderOf(pc))
  })
})
