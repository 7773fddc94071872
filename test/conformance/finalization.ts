// What is called once a bundle's outputs are durable. A callback has no place in the pipeline, and may be in another thread, so each notes
// that it was called.
import { assert } from 'chai'
import { Coder, Create, Instant, ParDo, PCollection, Pipeline, Reshuffle, State, Timer, afterCommit, emit, pipe } from '../../sdk/index.ts'
import { PAssert, containsInAnyOrder } from '../../sdk/testing/index.ts'
import type { Case } from './frame.ts'
import * as notes from './notes.ts'

const note = (name: string, lines: ReadonlyArray<unknown>) =>
  afterCommit(async () => {
    for (const line of lines) notes.note(name, String(line))
  })

const some = Array.from({ length: 12 }, (_, i) => i)

export const bundlesCommitted = Pipeline.define(import.meta, 'bundlesCommitted', () =>
  pipe(
    Create.of(some),
    Reshuffle.of,
    ParDo.bundled({
      startBundle: (): number[] => [],
      process: ({ value }, { bundle }) => {
        bundle.push(value)
        return [emit(value)]
      },
      finishBundle: ({ bundle }) => [note('bundles', bundle)],
    }),
    PAssert.that(containsInAnyOrder(some)),
    PCollection.ignore,
  ),
)

export const keysCommitted = Pipeline.define(import.meta, 'keysCommitted', () =>
  pipe(
    Create.of(some),
    PCollection.keyBy(n => `key${n % 3}`),
    ParDo.stateful({
      state: { n: State.value(Coder.varint, 0) },
      timers: { end: Timer.eventTime },
      process: ({ key, value }, { n, end }) => [n.write(n.read + 1), end.set(Instant.ofMillis(0)), note('keys', [`${key} ${value}`])],
      onTimer: { end: ({ key }, { n }) => [emit([key, n.read] as const), note('keys', [`${key} end`])] },
    }),
    PAssert.that(containsInAnyOrder([0, 1, 2].map(key => [`key${key}`, 4] as const))),
    PCollection.ignore,
  ),
)

export const finalizationCases: ReadonlyArray<Case> = [
  {
    says: 'what a bundle asks for after its commit is called once for each bundle',
    pipeline: bundlesCommitted,
    notes: { of: 'bundles', check: lines => assert.sameMembers([...lines], some.map(String)) },
  },
  {
    says: 'what a stateful DoFn asks for after the commit is called once for each of its calls',
    pipeline: keysCommitted,
    notes: {
      of: 'keys',
      check: lines => assert.sameMembers([...lines], [...some.map(n => `key${n % 3} ${n}`), 'key0 end', 'key1 end', 'key2 end']),
    },
  },
]
