// Running a pipeline without fp-ts: a promise on each runner.
import { assert } from 'chai'
import { DirectRunner } from '../../../runners/direct/index.ts'
import { otherRuntime } from '../../../runners/host/given.ts'
import { WorkerThreadsRunner } from '../../../runners/worker-threads/index.ts'
import { Create, PCollection, Pipeline, pipe } from '../../../sdk/index.ts'
import { sums, wrongCounts } from '../worker-threads/programs.ts'

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail('it did not reject'),
    (error: unknown) => error,
  )

describe('runNow', () => {
  for (const [name, runner] of [
    ['the direct runner', DirectRunner],
    ['worker threads', WorkerThreadsRunner],
  ] as const)
    it(`runs a pipeline to its end on ${name}, and rejects with the PipelineError`, async () => {
      assert.strictEqual((await runner.runNow(sums())).state, 'done')
      const error = await rejection(runner.runNow(wrongCounts()))
      assert.instanceOf(error, Error)
      assert.propertyVal(error, '_tag', 'AssertionFailed')
      assert.propertyVal(error, 'name', 'AssertionFailed')
    })

  it('rejects with the transform and the element of a function that throws', async () => {
    const failing = Pipeline.of(
      pipe(
        Create.of([7]),
        PCollection.map((): number => {
          throw new Error('not today')
        }),
        PCollection.ignore,
      ),
    )
    assert.include(await rejection(DirectRunner.runNow(failing)), { _tag: 'UserCodeFailed', transform: 'map#1', element: '7' })
  })
})

describe('A run', () => {
  it('is refused by name on Bun and Deno, which lack what it needs, and not on Node', () => {
    assert.match(otherRuntime({ node: '24.0.0', bun: '1.3.0' }) ?? '', /^Bun 1\.3\.0 .*eventLoopUtilization.*Node 20\.19/)
    assert.match(otherRuntime({ node: '24.0.0', deno: '2.5.0' }) ?? '', /^Deno 2\.5\.0 /)
    assert.isNull(otherRuntime(process.versions))
  })
})
