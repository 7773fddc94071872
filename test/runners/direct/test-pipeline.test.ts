// TestPipeline: what a test of a pipeline is told.
import { AssertionError } from 'node:assert'
import { assert } from 'chai'
import { DirectRunner } from '../../../runners/direct/index.ts'
import { PAssert, TestPipeline, containsInAnyOrder, empty, singleton } from '../../../runners/direct/testing.ts'
import { Create, PCollection, pipe } from '../../../sdk/index.ts'

const rejection = async (run: Promise<unknown>): Promise<Error> => {
  try {
    await run
  } catch (error) {
    return error instanceof Error ? error : assert.fail('it rejected with no error')
  }
  return assert.fail('it did not reject')
}
const numbers = Create.of([1, 2, 3])

describe('TestPipeline.run', () => {
  it('gives the result, with its metrics', async () => {
    const { state, metrics } = await pipe(numbers, PAssert.that(containsInAnyOrder([1, 2, 3])), TestPipeline.run())
    assert.strictEqual(state, 'done')
    assert.strictEqual(metrics.elementsRead, 3)
  })

  it('rejects with the first assertion that does not hold, naming its place and its path', async () => {
    const error = await rejection(pipe(numbers, PAssert.that(empty), TestPipeline.run()))
    assert.instanceOf(error, AssertionError)
    assert.match(
      error.message,
      /^PAssert\.that at .*test-pipeline\.test\.ts:\d+:\d+ \(PAssert\.that#1\): the elements differ: 3 unexpected \(1, 2, 3\)$/,
    )
  })

  it('checks each assertion of a chain, over all tasks together', async () => {
    const asserted = pipe(
      numbers,
      PAssert.that(containsInAnyOrder([1, 2, 3])),
      PCollection.keyBy(n => n % 2),
      PAssert.that(containsInAnyOrder([[1, 1] as const, [0, 2] as const, [1, 3] as const])),
      PAssert.that(singleton([0, 0] as const)),
    )
    assert.match(
      (await rejection(TestPipeline.run({ runner: DirectRunner.run({ tasks: 3 }) })(asserted))).message,
      /\(PAssert\.that#1\.3\): .*3 unexpected/,
    )
  })

  it('rejects a run that ended before its assertions were checked', async () => {
    const stopped = new AbortController()
    stopped.abort()
    const runner = DirectRunner.run({ signal: stopped.signal })
    const error = await rejection(pipe(numbers, PAssert.that(containsInAnyOrder([1, 2, 3])), TestPipeline.run({ runner })))
    assert.match(error.message, /ended as suspended, before its assertions were checked/)
  })
})
