// Functions that give far more than they take: what they give is handed on while they are at work, and the function is called once.
import { assert } from 'chai'
import { Create, DoFn, emit, orThrow, ParDo, PCollection, Pipeline, pipe, Reshuffle } from '../../../sdk/index.ts'
import type { PCollection as Collection } from '../../../sdk/graph/pcollection.ts'
import { DirectRunner } from '../../../runners/direct/index.ts'

const each = 50_000
/** What a bundle may hold before it is handed on, and what comes until the next look. */
const mostHeld = 4_096 + 256

/** How many outputs were on their way at most, between the function that gave them and what lies behind the next stage's beginning. */
const held = async (expand: (called: () => void) => (numbers: Collection<number>) => Collection<number>): Promise<void> => {
  let [calls, given, most] = [0, 0, 0]
  const arrived: number[] = []
  const end = pipe(
    Create.of([0, 1, 2, 3]),
    expand(() => calls++),
    PCollection.map(n => {
      given++
      most = Math.max(most, given - arrived.length)
      return n
    }),
    Reshuffle.of,
    PCollection.map(n => void arrived.push(n)),
    PCollection.ignore,
  )
  await orThrow(DirectRunner.run()(Pipeline.of(end)))
  assert.strictEqual(calls, 4, 'calls')
  assert.deepEqual(
    arrived,
    Array.from({ length: 4 * each }, (_, n) => n),
  )
  assert.isAtMost(most, mostHeld)
}

const outputsOf = (n: number): ReadonlyArray<number> => Array.from({ length: each }, (_, i) => n * each + i)

describe('50,000 outputs of one element', () => {
  it('are handed on while a flatMap gives them, which is called once for each element', () =>
    held(called =>
      PCollection.flatMap(n => {
        called()
        return outputsOf(n)
      }),
    ))

  it('are handed on while they follow from what a DoFn emitted, which is called once for each element', () =>
    held(called =>
      ParDo.of(
        DoFn.bundled({
          process: ({ value }: { readonly value: number }) => {
            called()
            return outputsOf(value).map(n => emit(n))
          },
        }),
      ),
    ))
})
