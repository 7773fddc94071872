// What a user's functions give that the engine cannot keep: each is refused by name, where it was given.
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import { DirectRunner } from '../../../runners/direct/index.ts'
import {
  type CombineFn,
  Combine,
  Create,
  DoFn,
  emitAt,
  FixedWindows,
  Instant,
  KV,
  millis,
  named,
  OffsetRange,
  ParDo,
  PCollection,
  pipe,
  Pipeline,
  Sessions,
  Splittable,
  stop,
  Timer,
  Timestamped,
  TimestampError,
  WatermarkEstimator,
  Window,
} from '../../../sdk/index.ts'

const failureOf = async (pc: PCollection<unknown>): Promise<{ readonly message: string; readonly cause: unknown }> => {
  const result = await DirectRunner.run()(Pipeline.of(pipe(pc, PCollection.ignore)))()
  if (E.isRight(result)) return assert.fail('it ran to its end')
  assert.strictEqual(result.left._tag, 'UserCodeFailed', result.left.message)
  return { message: result.left.message, cause: 'cause' in result.left ? result.left.cause : null }
}
// As a program without types has it.
const untyped = (t: number): Instant => t as Instant

interface KeyedValue {
  readonly key: string
  readonly value: number
}

describe('a timestamp is refused', () => {
  const stamps: Readonly<Record<string, (t: number) => PCollection<unknown>>> = {
    'of withTimestamps': t =>
      pipe(
        Create.of([1]),
        PCollection.withTimestamps(() => untyped(t)),
      ),
    'of emitAt': t => pipe(Create.of([1]), ParDo.bundled({ process: () => [pipe(1, emitAt(untyped(t)))] })),
    'of emitAt in finishBundle': t =>
      pipe(Create.of([1]), ParDo.bundled({ process: () => [], finishBundle: () => [pipe(1, emitAt(untyped(t)))] })),
    "of a splittable DoFn's output": t =>
      pipe(
        Create.of([1]),
        Splittable.read({
          restriction: OffsetRange,
          watermark: WatermarkEstimator.manual,
          isBounded: true,
          initial: () => OffsetRange.of(0, 1),
          async *process(_, tracker) {
            if (tracker.tryClaim(0)) yield await Promise.resolve([pipe(1, Timestamped.at(untyped(t)))])
            return stop
          },
        }),
      ),
    'of a timer': t =>
      pipe(
        Create.of([KV.of('k', 1)]),
        ParDo.stateful({
          state: {},
          timers: { late: Timer.eventTime },
          process: (_: KeyedValue, { late }) => [late.set(untyped(t))],
          onTimer: { late: () => [] },
        }),
      ),
  }
  for (const [what, stamped] of Object.entries(stamps)) {
    it(`${what}: a fraction, and what lies beyond 2^53 ms`, async () => {
      for (const [t, kind] of [
        [0.5, 'fractional'],
        [2 ** 53, 'outOfRange'],
        [Number.POSITIVE_INFINITY, 'noInstant'],
      ] as const) {
        const { cause } = await failureOf(stamped(t))
        assert.instanceOf(cause, TimestampError, what)
        assert.strictEqual(cause.kind, kind)
      }
    })
  }

  it('but not at the ends of time', async () => {
    for (const t of [Instant.max, Instant.min, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])
      assert.isTrue(
        E.isRight(
          await DirectRunner.run()(
            Pipeline.of(
              pipe(
                Create.of([1]),
                PCollection.withTimestamps(() => untyped(t)),
                PCollection.ignore,
              ),
            ),
          )(),
        ),
      )
  })
})

describe('an asynchronous CombineFn is refused', () => {
  const sum: CombineFn<number, number, number> = { create: () => 0, add: (a, n) => a + n, merge: (a, b) => a + b, extract: a => a }
  const later = (value: number): number => Promise.resolve(value) as unknown as number
  const pairs = Create.of([KV.of('k', 1), KV.of('k', 2)])
  const add = { ...sum, add: (a: number, n: number) => later(a + n) }
  const cases: Readonly<Record<string, () => PCollection<unknown>>> = {
    'whose add is asynchronous, in part before its shuffle': () => pipe(pairs, named('Sums', Combine.perKey(add))),
    'whose add is asynchronous, behind its shuffle': () =>
      pipe(pairs, Window.into(FixedWindows.of(millis(10)), { timestampCombiner: 'earliest' }), named('Sums', Combine.perKey(add))),
    'whose add is asynchronous, in sessions': () =>
      pipe(pairs, Window.into(Sessions.withGap(millis(10))), named('Sums', Combine.perKey(add))),
    'whose extract is asynchronous': () => pipe(pairs, named('Sums', Combine.perKey({ ...sum, extract: later }))),
  }
  for (const [what, combined] of Object.entries(cases)) {
    it(what, async () => {
      const { message } = await failureOf(combined())
      assert.match(message, /^Sums\/.*: (add|extract) of the CombineFn returned a promise.*mapAsync/s)
    })
  }
})

describe('half a surrogate pair is refused', () => {
  it("in a timer's tag, where the tag is given", async () => {
    const perTag = DoFn.stateful({
      state: {},
      timers: { each: Timer.eventTimeFamily },
      process: (_: KeyedValue, { each }) => [each.set('\ud800', Instant.ofMillis(1))],
      onTimer: { each: () => [] },
    })
    const { message } = await failureOf(pipe(Create.of([KV.of('k', 1)]), named('Tagged', ParDo.of(perTag))))
    assert.match(message, /^Tagged\/.*: the tag "\\ud800" of the timer each holds half a surrogate pair/)
  })

  it('in a name', () =>
    assert.throws(
      () =>
        named(
          '\udc00',
          PCollection.map((n: number) => n),
        ),
      /named\("\\udc00"\): this cannot be a name, because it holds half a surrogate pair/,
    ))
})
