// Verbs that look at one element at a time.
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import {
  Create,
  emit,
  emitAt,
  flow,
  Instant,
  millis,
  ParDo,
  PCollection,
  pipe,
  Pipeline,
  Regex,
  Reify,
  ToString,
  WithKeys,
} from '../../sdk/index.ts'
import { PAssert, containsInAnyOrder, empty } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'

const numbers = Create.of([1, 2, 3, 4, 5, 6])

export const mapped = Pipeline.define(import.meta, 'mapped', () =>
  pipe(
    numbers,
    PCollection.map(n => n * n),
    PAssert.that(containsInAnyOrder([1, 4, 9, 16, 25, 36])),
    PCollection.filter(n => n % 2 === 0),
    PAssert.that(containsInAnyOrder([4, 16, 36])),
    PCollection.filterMap(n => (n > 4 ? O.some(`n${n}`) : O.none)),
    PAssert.that(containsInAnyOrder(['n16', 'n36'])),
    PCollection.flatMap(text => [text, text.length]),
    PAssert.that(containsInAnyOrder<string | number>(['n16', 3, 'n36', 3])),
    PCollection.ignore,
  ),
)

export const pairs = Pipeline.define(import.meta, 'pairs', () => {
  const keyed = pipe(
    numbers,
    PCollection.keyBy(n => (n % 2 === 0 ? 'even' : 'odd')),
    PCollection.filter(([, n]) => n < 4),
    PCollection.mapValues(n => n * 10),
    PCollection.mapKeys(key => key.toUpperCase()),
    PAssert.that(containsInAnyOrder([['ODD', 10] as const, ['EVEN', 20] as const, ['ODD', 30] as const])),
  )
  return [
    pipe(keyed, PCollection.keys, PAssert.that(containsInAnyOrder(['ODD', 'EVEN', 'ODD'])), PCollection.ignore),
    pipe(keyed, PCollection.values, PAssert.that(containsInAnyOrder([10, 20, 30])), PCollection.ignore),
  ]
})

export const empties = Pipeline.define(import.meta, 'empties', () =>
  pipe(
    Create.of<number>([]),
    PCollection.map(n => n + 1),
    PAssert.that(empty),
    PCollection.ignore,
  ),
)

export const failures = Pipeline.define(import.meta, 'failures', () => {
  const { left, right } = pipe(
    numbers,
    PCollection.tryMap(n => {
      if (n > 4) throw new Error(`${n} is too many`)
      return n
    }),
    PCollection.separate,
  )
  return [
    pipe(
      left,
      PCollection.map(({ element, message, attempts }) => [element, message, attempts]),
      PAssert.that(
        containsInAnyOrder([
          [5, '5 is too many', 1],
          [6, '6 is too many', 1],
        ]),
      ),
      PCollection.ignore,
    ),
    pipe(right, PAssert.that(containsInAnyOrder([1, 2, 3, 4])), PCollection.ignore),
  ]
})

export const asynchronous = Pipeline.define(import.meta, 'asynchronous', () =>
  pipe(
    numbers,
    PCollection.mapAsync(n => Promise.resolve(n * 2), { concurrency: 2 }),
    PCollection.tryMapAsync(n => (n === 6 ? Promise.reject(new Error('six')) : Promise.resolve(n)), { ordered: false }),
    PCollection.map(result => (E.isLeft(result) ? result.left.message : result.right)),
    PAssert.that(containsInAnyOrder<string | number>([2, 4, 'six', 8, 10, 12])),
    PCollection.ignore,
  ),
)

/** Odd ones answer at the second attempt, sixes never. */
export const retried = Pipeline.define(import.meta, 'retried', () =>
  pipe(
    numbers,
    PCollection.tryMapAsync(
      (n, { attempt }) => (n === 6 || (n % 2 === 1 && attempt === 1) ? Promise.reject(new Error(`${n} fails`)) : Promise.resolve(n)),
      { retry: { attempts: 3, initial: millis(1) }, concurrency: 3 },
    ),
    PCollection.deadLetter(
      flow(
        PCollection.map(({ element, message, attempts }) => [element, message, attempts] as const),
        PAssert.that(containsInAnyOrder([[6, '6 fails', 3] as const])),
        PCollection.ignore,
      ),
    ),
    PAssert.that(containsInAnyOrder([1, 2, 3, 4, 5])),
    PCollection.ignore,
  ),
)

export const timestamps = Pipeline.define(import.meta, 'timestamps', () =>
  pipe(
    numbers,
    PCollection.withTimestamps(n => Instant.ofMillis(n * 100)),
    Reify.windowed,
    PCollection.map(({ value, timestamp }) => [value, timestamp as number]),
    PAssert.that(containsInAnyOrder([1, 2, 3, 4, 5, 6].map(n => [n, n * 100]))),
    PCollection.ignore,
  ),
)

/** Each bundle's sum, at its end: how many there are depends on the bundling, what they add up to does not. */
export const bundles = Pipeline.define(import.meta, 'bundles', () =>
  pipe(
    numbers,
    ParDo.bundled({
      setup: () => 'seen',
      startBundle: () => ({ sum: 0 }),
      process: ({ value }, { bundle, setup }) => {
        bundle.sum += value
        return [value > 4 && emit([setup, value] as const)]
      },
      finishBundle: ({ bundle }) => [emitAt(Instant.ofMillis(0))(['sum', bundle.sum] as const)],
    }),
    PAssert.satisfies(all => {
      const of = (tag: string): ReadonlyArray<number> => all.filter(([name]) => name === tag).map(([, n]) => n)
      if ([...of('seen')].sort().join() !== '5,6') throw new Error(`seen: ${of('seen').join()}`)
      if (of('sum').reduce((a, b) => a + b, 0) !== 21) throw new Error(`sums: ${of('sum').join()}`)
    }),
    PCollection.ignore,
  ),
)

export const texts = Pipeline.define(import.meta, 'texts', () =>
  pipe(
    Create.of(['a=1', 'b=22', 'none']),
    Regex.findKV(/(\w)=(\d+)/, 1, 2),
    PAssert.that(containsInAnyOrder([['a', '1'] as const, ['b', '22'] as const])),
    ToString.elements,
    WithKeys.of(text => text.length),
    PAssert.satisfies(all => {
      for (const [length, text] of all) if (length !== text.length) throw new Error(`${text} has the key ${length}`)
      if (all.length !== 2) throw new Error(`${all.length} texts`)
    }),
    PCollection.ignore,
  ),
)

export const elementWiseCases: ReadonlyArray<Case> = [
  { says: 'map, filter, filterMap and flatMap give what their functions give', pipeline: mapped },
  { says: 'keys and values are mapped apart', pipeline: pairs },
  { says: 'an empty collection stays empty', pipeline: empties },
  { says: 'what a function throws becomes a failure beside the rest', pipeline: failures },
  { says: 'asynchronous functions give what their promises give', pipeline: asynchronous },
  { says: 'asynchronous functions are tried again, and what fails for good goes to the dead letters', pipeline: retried },
  { says: 'texts are matched, shown and keyed', pipeline: texts },
  { says: 'withTimestamps moves elements in time', pipeline: timestamps },
  { says: 'a DoFn ends each bundle, and nothing is lost between two', pipeline: bundles },
]
