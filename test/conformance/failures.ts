// What functions throw, as data beside the rest, and calls that are tried again.
import { isMainThread } from 'node:worker_threads'
import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { Coder, Create, emit, type Failure, flow, millis, named, ParDo, PCollection, pipe, Pipeline, State, View } from '../../sdk/index.ts'
import type { PCollection as Collection, PDone } from '../../sdk/graph/pcollection.ts'
import { PAssert, containsInAnyOrder, singleton } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'
import { note } from './notes.ts'
import type { Setting } from './runners.ts'

const upTo = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i + 1)
const numbers = (): Collection<number> => Create.of(upTo(6))
const pairs = () =>
  pipe(
    numbers(),
    PCollection.keyBy(n => `key ${n}`),
  )

const notFour = (n: number): number => {
  if (n === 4) throw new RangeError('four')
  return n
}

/** One failure: of this element, with the error and where it was thrown. */
const buried =
  <A>(element: A, transform: RegExp) =>
  (failures: Collection<Failure<A>>): PDone =>
    pipe(
      failures,
      PAssert.satisfies(all => {
        assert.lengthOf(all, 1)
        assert.match(all[0]?.transform ?? '', transform)
        assert.match(all[0]?.stack ?? '', /RangeError: four[\s\S]*failures\.ts/)
      }),
      PCollection.map(failure => ({ element: failure.element, message: failure.message, attempts: failure.attempts })),
      PAssert.that(singleton({ element, message: 'four', attempts: 1 })),
      PCollection.ignore,
    )

const gives = <A>(expected: ReadonlyArray<A>): ((pc: Collection<A>) => PDone) =>
  flow(PAssert.that(containsInAnyOrder(expected)), PCollection.ignore)

export const buriedOfAll = Pipeline.define(import.meta, 'buriedOfAll', () => {
  const five = [1, 2, 3, 5, 6]
  const keyed = five.map(n => [`key ${n}`, n] as const)
  const fourth: readonly [`key ${number}`, number] = ['key 4', 4]
  const ten = { ten: View.asSingleton(Create.of([10])) }
  return [
    pipe(numbers(), PCollection.tryMap(notFour), PCollection.deadLetter(buried(4, /^tryMap#/)), gives(five)),
    pipe(
      numbers(),
      PCollection.tryFlatMap(function* (n) {
        yield n
        yield notFour(n)
      }),
      PCollection.deadLetter(buried(4, /^tryFlatMap#/)),
      gives(five.flatMap(n => [n, n])),
    ),
    pipe(
      numbers(),
      PCollection.tryFilter(n => notFour(n) > 2),
      PCollection.deadLetter(buried(4, /^tryFilter#/)),
      gives([3, 5, 6]),
    ),
    pipe(
      numbers(),
      PCollection.tryFilterMap(n => (notFour(n) > 2 ? O.some(-n) : O.none)),
      PCollection.deadLetter(buried(4, /^tryFilterMap#/)),
      gives([-3, -5, -6]),
    ),
    pipe(
      numbers(),
      PCollection.tryKeyBy(n => `key ${notFour(n)}`),
      PCollection.deadLetter(buried(4, /^tryKeyBy#/)),
      gives(keyed),
    ),
    pipe(pairs(), PCollection.tryMapValues(notFour), PCollection.deadLetter(buried(fourth, /^tryMapValues#/)), gives(keyed)),
    pipe(
      pairs(),
      PCollection.tryMapKeys(key => {
        notFour(Number(key.slice(4)))
        return key
      }),
      PCollection.deadLetter(buried(fourth, /^tryMapKeys#/)),
      gives(keyed),
    ),
    pipe(
      numbers(),
      PCollection.tryMapWith(ten, (n, sides) => notFour(n) * sides.ten),
      PCollection.deadLetter(buried(4, /^tryMapWith/)),
      gives([10, 20, 30, 50, 60]),
    ),
    pipe(
      numbers(),
      PCollection.tryFlatMapWith(ten, (n, sides) => [notFour(n), sides.ten]),
      PCollection.deadLetter(buried(4, /^tryFlatMapWith/)),
      gives(five.flatMap(n => [n, 10])),
    ),
  ]
})

export const notTried = Pipeline.define(import.meta, 'notTried', () =>
  pipe(numbers(), named('Plain', PCollection.map(notFour)), PCollection.ignore),
)

/** A Left that nobody expects ends the run. */
export const orElse = Pipeline.define(import.meta, 'orElse', () => [
  pipe(
    numbers(),
    PCollection.map(n => (n < 9 ? E.right(n) : E.left('nine'))),
    PCollection.orFail,
    gives(upTo(6)),
  ),
])
export const orFail = Pipeline.define(import.meta, 'orFail', () =>
  pipe(numbers(), PCollection.tryMap(notFour), named('Sure', PCollection.orFail), PCollection.ignore),
)

interface Refused {
  readonly _tag: 'Busy' | 'Forbidden'
  readonly n: number
}

/** Busy at first, and then not; threes are forbidden, which no attempt changes. */
export const typed = Pipeline.define(import.meta, 'typed', () =>
  pipe(
    numbers(),
    PCollection.mapTaskEither(
      (n, { attempt }): TE.TaskEither<Refused, string> => {
        note('typed', `${n}`)
        return n === 3 ? TE.left({ _tag: 'Forbidden', n }) : attempt < 3 ? TE.left({ _tag: 'Busy', n }) : TE.right(`${n} after ${attempt}`)
      },
      { retry: { attempts: 5, initial: millis(1), while: error => error._tag === 'Busy' } },
    ),
    PCollection.deadLetter(flow(PAssert.that(singleton({ _tag: 'Forbidden', n: 3 })), PCollection.ignore)),
    gives([1, 2, 4, 5, 6].map(n => `${n} after 3`)),
  ),
)

const checkTyped = (notes: ReadonlyArray<string>): void =>
  assert.deepEqual([...notes].sort(), ['1', '1', '1', '2', '2', '2', '3', '4', '4', '4', '5', '5', '5', '6', '6', '6'])

export const backedOff = Pipeline.define(import.meta, 'backedOff', () =>
  pipe(
    Create.of(['a', 'b']),
    PCollection.tryMapAsync(
      async (name, { attempt }) => {
        note('backedOff', `${name} ${performance.now()}`)
        await Promise.resolve()
        if (name === 'b' || attempt < 5) throw new Error('not yet')
        return name
      },
      { retry: { attempts: 5, initial: millis(4), max: millis(16), jitter: 0.25 } },
    ),
    PCollection.deadLetter(
      flow(
        PCollection.map(({ element, attempts }) => [element, attempts] as const),
        PAssert.that(singleton(['b', 5] as const)),
        PCollection.ignore,
      ),
    ),
    gives(['a']),
  ),
)

/** How long a pause is at the least: a machine that is busy makes it longer. */
const checkPauses = (notes: ReadonlyArray<string>): void => {
  for (const name of ['a', 'b']) {
    const times = notes.filter(line => line.startsWith(`${name} `)).map(line => Number(line.slice(2)))
    const pauses = times.slice(1).map((time, i) => time - (times[i] ?? 0))
    assert.lengthOf(pauses, 4)
    // By a quarter less than 4, 8, 16 and 16; a timer may be a millisecond early.
    pauses.forEach((pause, i) => assert.isAtLeast(pause, ([3, 6, 12, 12][i] ?? 0) - 1))
  }
}

/** Odd ones never answer at first, sixes never at all. */
export const tooLong = Pipeline.define(import.meta, 'tooLong', () =>
  pipe(
    numbers(),
    PCollection.tryMapAsync(
      async (n, { attempt, signal }) => {
        if (n === 6 || (n % 2 === 1 && attempt === 1)) await sleep(60_000, undefined, { signal })
        return n
      },
      { timeout: millis(5), retry: { attempts: 2, initial: millis(1) } },
    ),
    PCollection.deadLetter(
      flow(
        PCollection.map(({ element, message, attempts }) => [element, message, attempts] as const),
        PAssert.satisfies(all => {
          assert.lengthOf(all, 1)
          assert.match(JSON.stringify(all), /^\[\[6,"no answer within 5 ms.*",2\]\]$/)
        }),
        PCollection.ignore,
      ),
    ),
    gives([1, 2, 3, 4, 5]),
  ),
)

let inFlight = 0

export const bounded = Pipeline.define(import.meta, 'bounded', () =>
  pipe(
    Create.of(upTo(16)),
    PCollection.mapAsync(
      async n => {
        inFlight++
        note('bounded', `${isMainThread ? 'all tasks' : 'a task'} ${inFlight}`)
        await new Promise(resolve => setImmediate(resolve))
        inFlight--
        return n
      },
      { concurrency: 2 },
    ),
    gives(upTo(16)),
  ),
)

const checkBounded = (notes: ReadonlyArray<string>, { tasks }: Setting): void => {
  assert.lengthOf(notes, 16)
  for (const line of notes) assert.isAtMost(Number(line.slice(-2)), line.startsWith('all') ? 2 * tasks : 2)
}

/** In the order in which they came to the one task that has their key. */
const inOrderOfArrival = (pc: Collection<number>): Collection<string> =>
  pipe(
    pc,
    PCollection.keyBy(() => 'all'),
    ParDo.stateful({
      state: { seen: State.value(Coder.string, '') },
      process: ({ value }, { seen }) => [seen.write(`${seen.read}${value}`)],
      onWindowExpiration: (_, { seen }) => [emit(seen.read)],
    }),
  )

/** The later ones answer sooner. */
export const ordered = Pipeline.define(import.meta, 'ordered', () => {
  const answers = (isOrdered: boolean | undefined) =>
    pipe(
      Create.of(['all']),
      PCollection.flatMap(() => upTo(5)),
      PCollection.mapAsync(
        async n => {
          await sleep(2 * (5 - n))
          return n
        },
        { ordered: isOrdered },
      ),
      inOrderOfArrival,
    )
  return [
    pipe(answers(undefined), PAssert.that(singleton('12345')), PCollection.ignore),
    pipe(
      answers(false),
      PCollection.map(text => [...text].sort().join('')),
      PAssert.that(singleton('12345')),
      PCollection.ignore,
    ),
  ]
})

export const failureCases: ReadonlyArray<Case> = [
  { says: 'every verb that looks at one element has a variant whose failures are dead letters', pipeline: buriedOfAll },
  {
    says: 'without one the run ends, with the element and the path',
    pipeline: notTried,
    fails: { with: 'UserCodeFailed', saying: /^Plain\/map#1: four\n {2}while it processed 4, at position \d+ of the split [^ ]+$/ },
  },
  { says: 'orFail goes on with the Rights', pipeline: orElse },
  { says: 'orFail ends the run for a Left', pipeline: orFail, fails: { with: 'UserCodeFailed', saying: /^Sure\/orFail#1: .*four/s } },
  { says: 'a typed error is tried again where its policy says so', pipeline: typed, notes: { of: 'typed', check: checkTyped } },
  { says: 'pauses grow to their longest, but for jitter', pipeline: backedOff, slow: true, notes: { of: 'backedOff', check: checkPauses } },
  { says: 'a call that takes too long is aborted, and tried again', pipeline: tooLong },
  { says: 'no more calls than told are in flight in a task', pipeline: bounded, notes: { of: 'bounded', check: checkBounded } },
  { says: 'answers keep the order of their elements, unless told', pipeline: ordered },
]
