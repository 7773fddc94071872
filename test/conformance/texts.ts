// Texts, keys and shapes: what the smaller verbs make of their elements.
import {
  Coder,
  Create,
  FixedWindows,
  GroupByKey,
  Instant,
  millis,
  PCollection,
  pipe,
  Pipeline,
  Regex,
  Reify,
  ToString,
  View,
  Window,
  WithKeys,
} from '../../sdk/index.ts'
import type { PCollection as Collection, PDone } from '../../sdk/graph/pcollection.ts'
import { PAssert, containsInAnyOrder } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'

const gives =
  <A>(expected: ReadonlyArray<A>) =>
  (pc: Collection<A>): PDone =>
    pipe(pc, PAssert.that(containsInAnyOrder(expected)), PCollection.ignore)

export const matched = Pipeline.define(import.meta, 'matched', () => {
  const texts: Collection<string> = Create.of(['a1', 'a1 b22', 'none'])
  return [
    pipe(texts, Regex.matches(/[a-z]\d/), gives(['a1'])),
    pipe(texts, Regex.matches(/([a-z])\d/, 1), gives(['a'])),
    pipe(texts, Regex.matchesKV(/([a-z])(\d)/, 1, 2), gives<readonly [string, string]>([['a', '1']])),
    pipe(texts, Regex.allMatches(/([a-z])(\d)(x)?/), gives<ReadonlyArray<string | null>>([['a1', 'a', '1', null]])),
    pipe(texts, Regex.find(/[a-z]\d+$/), gives(['a1', 'b22'])),
    pipe(
      texts,
      Regex.findKV(/(?<letter>[a-z])(?<digits>\d+)$/, 'letter', 'digits'),
      gives<readonly [string, string]>([
        ['a', '1'],
        ['b', '22'],
      ]),
    ),
    pipe(texts, Regex.findAll(/[a-z]\d+/g), gives<ReadonlyArray<string>>([['a1'], ['a1', 'b22'], []])),
    pipe(texts, Regex.replaceAll(/([a-z])\d+/, '$1'), gives(['a', 'a b', 'none'])),
    pipe(texts, Regex.replaceFirst(/\d+/, '#'), gives(['a#', 'a# b22', 'none'])),
    pipe(texts, Regex.split(/ /), gives(['a1', 'a1', 'b22', 'none'])),
  ]
})

export const shown = Pipeline.define(import.meta, 'shown', () => [
  pipe(Create.of([1, 'text', new Date(0), { a: 1 }]), ToString.elements, gives(['1', 'text', '1970-01-01T00:00:00.000Z', '{"a":1}'])),
  pipe(Create.of([['a', 2] as const]), ToString.kvs(': '), gives(['a: 2'])),
  pipe(Create.of([['a', 'b']]), ToString.iterables('/'), gives(['a/b'])),
])

export const keyed = Pipeline.define(import.meta, 'keyed', () => {
  const numbers = Create.of([1, 2, 3])
  return [
    pipe(
      numbers,
      WithKeys.of(n => n % 2),
      gives<readonly [number, number]>([
        [1, 1],
        [0, 2],
        [1, 3],
      ]),
    ),
    pipe(
      numbers,
      WithKeys.constant('all'),
      GroupByKey.of,
      PCollection.map(([key, all]): string => `${key} ${[...all].sort().join('')}`),
      gives(['all 123']),
    ),
    pipe(
      numbers,
      PCollection.keyBy(n => n),
      PCollection.withCoder(Coder.kv(Coder.varint, Coder.double)),
      GroupByKey.of,
      PCollection.flatMap(([key, all]) => [...all].map(n => key + n)),
      gives([2, 4, 6]),
    ),
    pipe(
      numbers,
      PCollection.flatMapWith({ tens: View.asList(Create.of([10, 20])) }, (n, { tens }) => tens.map(ten => ten + n)),
      gives([11, 12, 13, 21, 22, 23]),
    ),
  ]
})

export const reified = Pipeline.define(import.meta, 'reified', () =>
  pipe(
    Create.of([1, 12]),
    PCollection.withTimestamps(n => Instant.ofMillis(n)),
    Window.into(FixedWindows.of(millis(10))),
    WithKeys.constant('key'),
    Reify.windowedValues,
    PCollection.map(([key, { value, timestamp, window }]): string => `${key} ${value} at ${timestamp} in ${window.start}`),
    gives(['key 1 at 1 in 0', 'key 12 at 12 in 10']),
  ),
)

export const textCases: ReadonlyArray<Case> = [
  { says: 'texts are matched, taken apart and replaced', pipeline: matched },
  { says: 'elements, pairs and lists become text', pipeline: shown },
  { says: 'elements get keys, coders and what sides hold', pipeline: keyed },
  { says: 'a value tells where it is in time, beside its key', pipeline: reified },
]
