// Compiled stages: what comes out, what an error names, and how long or branched a chain may be.
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { UserCodeError } from '../../../runners/harness/errors.ts'
import type { PCollection as Collection } from '../../../sdk/graph/pcollection.ts'
import {
  Coder,
  emitAt,
  FixedWindows,
  Flatten,
  GroupByKey,
  Instant,
  KV,
  millis,
  named,
  ParDo,
  Partition,
  PCollection,
  pipe,
  Reify,
  SlidingWindows,
  Window,
  type Windowed,
  emit,
} from '../../../sdk/index.ts'
import { DrivenStage, gather, numbers } from './driven-stage.ts'

const repeat = <A>(times: number, f: (a: A, i: number) => A, start: A): A => {
  let so = start
  for (let i = 0; i < times; i++) so = f(so, i)
  return so
}
const failureOf = (run: () => unknown): UserCodeError => {
  try {
    run()
  } catch (error) {
    if (error instanceof UserCodeError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a compiled stage', () => {
  it('runs 5,000 maps in a row', () => {
    const end = repeat(
      5_000,
      pc =>
        pipe(
          pc,
          PCollection.map(n => n + 1),
        ),
      numbers(),
    )
    assert.deepEqual(new DrivenStage([gather(end)]).run([1, 2]).values(), [5_001, 5_002])
  })

  it('runs 500 filters in a row', () => {
    const end = repeat(
      500,
      (pc, i) =>
        pipe(
          pc,
          PCollection.filter(n => n !== i),
        ),
      numbers(),
    )
    assert.deepEqual(new DrivenStage([gather(end)]).run([7, 499, 500, 501]).values(), [500, 501])
  })

  it('runs diamonds 22 deep once for each element', () => {
    let asked = 0
    const diamond = (pc: Collection<number>): Collection<number> => {
      const { even, odd } = pipe(
        pc,
        Partition.by(['even', 'odd'], n => {
          asked++
          return n % 2 === 0 ? 'even' : 'odd'
        }),
      )
      return Flatten.of(
        pipe(
          even,
          PCollection.map(n => n + 1),
        ),
        pipe(
          odd,
          PCollection.map(n => n + 2),
        ),
      )
    }
    assert.deepEqual(new DrivenStage([gather(repeat(22, diamond, numbers()))]).run([0]).values(), [43])
    assert.strictEqual(asked, 22)
  })

  it('gives both branches every element, and a collection flattened with itself twice', () => {
    const source = numbers()
    assert.deepEqual(
      new DrivenStage([
        gather(
          pipe(
            source,
            PCollection.map(n => -n),
          ),
        ),
        gather(Flatten.of(source, source)),
      ])
        .run([1])
        .values(),
      [-1, 1, 1],
    )
  })

  it('passes an element through each verb', () => {
    const end = pipe(
      numbers(),
      PCollection.flatMap(n => [n, n + 100]),
      PCollection.filterMap(n => (n === 2 ? O.none : O.some(n))),
      PCollection.keyBy(n => n % 2),
      PCollection.mapValues(n => n * 2),
      PCollection.mapKeys(k => `k${k}`),
      PCollection.map(([k, n]) => KV.of(k, n)),
    )
    assert.deepEqual(new DrivenStage([gather(end)]).run([1, 2]).values(), [
      ['k1', 2],
      ['k1', 202],
      ['k0', 204],
    ])
  })

  it('reads a generator as its items go on, and names its transform where it fails in the middle', () => {
    let [given, ahead] = [0, 0]
    const many = function* (n: number): Generator<number> {
      for (let i = 0; i < 10_000; i++) {
        given++
        if (n === 2 && i === 9_000) throw new Error('no more')
        yield i
      }
    }
    let seen = 0
    const end = pipe(
      numbers(),
      named('many', PCollection.flatMap(many)),
      PCollection.map(i => {
        ahead = Math.max(ahead, given - ++seen)
        return i
      }),
    )
    const stage = new DrivenStage([gather(end)])
    assert.lengthOf(stage.run([1]).values(), 10_000)
    assert.isAtMost(ahead, 256)
    assert.match(failureOf(() => stage.run([2])).message, /many.*no more/)
  })

  it('puts an element into each of its windows', () => {
    const end = pipe(
      numbers(),
      Window.into(SlidingWindows.of(millis(10), { every: millis(5) })),
      Reify.windowed,
      PCollection.map(({ window }) => window.start as number),
    )
    assert.deepEqual(new DrivenStage([gather(end)]).run([7]).values(), [5, 0])
  })
})

describe('what a user function throws', () => {
  it('names the transform, the element, and keeps the stack of the user', () => {
    const explode = (n: number): number => {
      if (n === 3) throw new RangeError('no threes')
      return n
    }
    const end = pipe(
      numbers(),
      PCollection.map(n => n),
      named('Validate', PCollection.map(explode)),
      PCollection.map(n => n),
    )
    const error = failureOf(() => new DrivenStage([gather(end)]).run([1, 2, 3]))
    assert.match(error.transform, /^Validate/)
    assert.strictEqual(error.element, '3')
    assert.match(error.message, /^Validate.*: no threes\n {2}while it processed 3$/)
    assert.match(error.stack ?? '', /at explode .*stages\.test\.ts/)
    assert.instanceOf(error.cause, RangeError)
  })

  it('is named rightly behind a diamond, where a step is a function of its own', () => {
    const source = numbers()
    const end = pipe(
      Flatten.of(
        pipe(
          source,
          named(
            'Left',
            PCollection.map(n => n),
          ),
        ),
        pipe(
          source,
          named(
            'Right',
            PCollection.map(n => n),
          ),
        ),
      ),
      named(
        'After',
        PCollection.map((): number => {
          throw new Error('here')
        }),
      ),
    )
    assert.match(failureOf(() => new DrivenStage([gather(end)]).run([1])).transform, /^After/)
  })

  it('is told from the other branch of a fork', () => {
    const source = numbers()
    const ends = [
      gather(
        pipe(
          source,
          named(
            'Fine',
            PCollection.map(n => n),
          ),
        ),
      ),
      gather(
        pipe(
          source,
          named(
            'Broken',
            PCollection.map((): number => {
              throw new Error('here')
            }),
          ),
        ),
      ),
    ]
    assert.match(failureOf(() => new DrivenStage(ends).run([1])).transform, /^Broken/)
  })

  it('ends the run where filterMap gets something else than an Option, and drops nothing unseen', () => {
    for (const [given, shown] of [
      [7, '7'],
      [undefined, 'undefined'],
      [null, 'null'],
    ] as const) {
      // As a program without types would.
      const plain = (() => given) as unknown as () => O.Option<number>
      const error = failureOf(() => new DrivenStage([gather(pipe(numbers(), PCollection.filterMap(plain)))]).run([1]))
      assert.match(error.message, new RegExp(`must give an Option, and gave ${shown}`))
      assert.match(error.transform, /^filterMap/)
    }
  })

  it('is refused as a promise, which names mapAsync', () => {
    const error = failureOf(() =>
      new DrivenStage([
        gather(
          pipe(
            numbers(),
            PCollection.map(n => Promise.resolve(n)),
          ),
        ),
      ]).run([1]),
    )
    assert.match(error.message, /gave a promise.*Use PCollection\.mapAsync/)
    const rejecting = failureOf(() =>
      new DrivenStage([
        gather(
          pipe(
            numbers(),
            PCollection.map(() => Promise.reject(new Error('unseen'))),
          ),
        ),
      ]).run([1]),
    )
    assert.match(rejecting.message, /mapAsync/)
  })

  it('becomes a Left under tryMap, and ends the run at orFail', () => {
    const tried = pipe(
      numbers(),
      PCollection.tryMap((n: number) => {
        if (n > 1) throw new Error('too many')
        return n
      }),
    )
    const { left, right } = pipe(tried, PCollection.separate)
    const stage = new DrivenStage([
      gather(
        pipe(
          left,
          PCollection.map(f => [f.element, f.message, f.attempts]),
        ),
      ),
      gather(right),
    ]).run([1, 2])
    assert.sameDeepMembers([...stage.values()], [[2, 'too many', 1], 1])
    const failing = failureOf(() =>
      new DrivenStage([
        gather(
          pipe(
            numbers(),
            PCollection.map(n => (n > 1 ? E.left('odd one') : E.right(n))),
            named('Strictly', PCollection.orFail),
          ),
        ),
      ]).run([1, 2]),
    )
    assert.match(failing.transform, /^Strictly/)
    assert.match(failing.message, /a Left reached PCollection\.orFail: "odd one"/)
  })

  it('says first why an input was refused and where it lies, and of its bytes a few, at the end', () => {
    const bytes = new TextEncoder().encode(JSON.stringify({ id: 'x'.repeat(500) }))
    const decoded = Coder.json((n): n is number => typeof n === 'number').decode(bytes)
    const path = ['id', 0]
    const errors = [E.isLeft(decoded) ? decoded.left : null, { _tag: 'DecodeError', raw: bytes, reason: 'too long', path }]
    const message = (error: unknown) => ({
      _tag: 'Undecodable',
      value: bytes,
      subject: 'in.a',
      headers: {},
      stream: 'IN',
      sequence: 7,
      error,
    })
    const failure = { _tag: 'Failure', element: 5, transform: 'parse#1', message: 'no', stack: '', attempts: 1 }
    const orFail = (left: unknown) =>
      failureOf(() =>
        new DrivenStage([
          gather(
            pipe(
              numbers(),
              PCollection.map(() => E.left(left)),
              PCollection.orFail,
            ),
          ),
        ]).run([1]),
      )
    const about = '(subject in.a, stream IN, sequence 7, 509 bytes 7b226964223a22787878787878787878…)'
    for (const [left, said] of [
      [message(errors[0]), `the guard refused the value ${about}`],
      [message(errors[1]), `$.id[0]: too long ${about}`],
      [errors[1], '$.id[0]: too long (509 bytes 7b226964223a22787878787878787878…)'],
      [failure, 'no (parse#1, for 5)'],
    ] as const) {
      const { message: text, element } = orFail(left)
      assert.include(text, `a Left reached PCollection.orFail: ${said}. Use separate`)
      assert.include(text, `while it processed a Left: ${said}`)
      assert.equal(element, `a Left: ${said}`)
    }
  })

  it('says which names a partition has', () => {
    const { a } = pipe(
      numbers(),
      Partition.by(['a'], n => (n === 1 ? 'a' : ('b' as 'a'))),
    )
    assert.match(
      failureOf(() => new DrivenStage([gather(a)]).run([1, 2])).message,
      /belongs to "b", and the partition has only a\. Add the name/,
    )
  })

  it('says how far a timestamp went back, and how far it may', () => {
    const back = (by: number, allowedSkew: number): Collection<number> =>
      pipe(
        numbers(),
        PCollection.withTimestamps(n => Instant.ofMillis(n - by), { allowedSkew: millis(allowedSkew) }),
      )
    assert.match(
      failureOf(() => new DrivenStage([gather(back(6, 5))]).run([100])).message,
      /the new timestamp 94 lies 6 ms before the element's own, and allowedSkew permits 5 ms/,
    )
    assert.deepEqual(
      new DrivenStage([gather(back(5, 5))])
        .run([100])
        .elements()
        .map(({ timestamp }) => timestamp),
      [95],
    )
  })
})

describe('strict mode', () => {
  const strict = (end: Collection<unknown>): DrivenStage => new DrivenStage([gather(end)], { strict: true })

  it('finds a function that changes its input', () => {
    const end = pipe(
      numbers(),
      PCollection.map(n => ({ n })),
      named(
        'Careless',
        PCollection.map((it: { n: number }) => ((it.n = 0), it)),
      ),
    )
    const error = failureOf(() => strict(end).run([1]))
    assert.match(error.message, /Careless.* changed its input/)
  })

  it('finds what another runner could not send', () => {
    class Money {
      readonly cents = 1
    }
    const end = pipe(
      numbers(),
      PCollection.map(n => KV.of('key', n > 1 ? new Money() : n)),
      GroupByKey.of,
    )
    const stage = strict(end).run([1])
    assert.match(failureOf(() => stage.run([2])).message, /Money/)
  })

  it('lets a function be that builds a new value', () =>
    assert.deepEqual(
      strict(
        pipe(
          numbers(),
          PCollection.map(n => ({ n })),
          PCollection.map(it => ({ ...it, m: 1 })),
        ),
      )
        .run([1])
        .values(),
      [{ n: 1, m: 1 }],
    ))
})

describe('a bundle', () => {
  const logging = (log: string[], name: string) =>
    ParDo.bundled({
      setup: () => void log.push(`${name} setup`),
      startBundle: () => (log.push(`${name} start`), { sum: 0 }),
      process: ({ value }: Windowed<number>, { bundle }) => ((bundle.sum += value), [emit(value)]),
      finishBundle: ({ bundle }) => (log.push(`${name} finish`), [emitAt(Instant.ofMillis(0))(bundle.sum * 1_000)]),
      teardown: () => void log.push(`${name} teardown`),
    })

  it('has setup and teardown once, start and finish around each batch, and none for an empty one', async () => {
    const log: string[] = []
    const stage = new DrivenStage([gather(pipe(numbers(), logging(log, 'a')))])
    for (const [, bundle] of stage.instance.lifeCycles()) await bundle.setup()
    stage.run([1, 2]).run([]).run([3])
    for (const [, bundle] of stage.instance.lifeCycles()) await bundle.teardown()
    assert.deepEqual(log, ['a setup', 'a start', 'a finish', 'a start', 'a finish', 'a teardown'])
    assert.deepEqual(stage.values(), [1, 2, 3_000, 3, 3_000])
  })

  it('of a later DoFn ends behind that of an earlier one, whose last outputs are part of it', async () => {
    const log: string[] = []
    const stage = new DrivenStage([gather(pipe(numbers(), logging(log, 'a'), logging(log, 'b')))])
    for (const [, bundle] of stage.instance.lifeCycles()) await bundle.setup()
    stage.run([1, 2])
    assert.deepEqual(log, ['a setup', 'b setup', 'a start', 'b start', 'a finish', 'b finish'])
    assert.deepEqual(stage.values(), [1, 2, 3_000, 3_003_000])
  })

  it('puts what its end emits into the window of its timestamp', async () => {
    const end = pipe(
      numbers(),
      Window.into(FixedWindows.of(millis(10))),
      ParDo.bundled({ process: () => [], finishBundle: () => [emitAt(Instant.ofMillis(25))('late')] }),
    )
    const [element] = new DrivenStage([gather(end)]).run([1]).elements()
    assert.deepEqual([element?.value, element?.timestamp, element?.window.start], ['late', 25, 20])
  })

  it('refuses an end that emits without a timestamp outside the global window', () => {
    const end = pipe(
      numbers(),
      Window.into(FixedWindows.of(millis(10))),
      named('Total', ParDo.bundled({ process: () => [], finishBundle: () => [emit('when?')] })),
    )
    const error = failureOf(() => new DrivenStage([gather(end)]).run([1]))
    assert.match(error.transform, /^Total/)
    assert.match(error.message, /use emitAt\(timestamp\)\(value\)/)
  })

  it('refuses a timestamp before the element, and names the DoFn even behind an earlier output', () => {
    const end = pipe(
      numbers(),
      named(
        'Early',
        ParDo.bundled({ process: ({ value }: Windowed<number>) => [emit(value), emitAt(Instant.ofMillis(value - 1))(value)] }),
      ),
      named(
        'Next',
        PCollection.map(n => n),
      ),
    )
    assert.match(failureOf(() => new DrivenStage([gather(end)]).run([5])).transform, /^Early/)
  })
})
