// Whatever throws, on either runner: `run` gives the Left of a PipelineError that names the transform, and never rejects.
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import { DirectRunner } from '../../../runners/direct/index.ts'
import { WorkerThreadsRunner } from '../../../runners/worker-threads/index.ts'
import type { PipelineError, PipelineResult, RunOptions } from '../../../sdk/index.ts'
import type { Log } from '../../../runners/host/log.ts'
import type { PortablePipeline } from '../../../sdk/graph/pipeline.ts'
import { brokenCreate, brokenReader, brokenSink, fine, readerMethods, sinkMethods, unreadable } from './throwing-programs.ts'

interface Options extends RunOptions {
  readonly log?: Log
}
type Run = (pipeline: PortablePipeline, o?: Options) => Promise<E.Either<PipelineError, PipelineResult>>
const once = { attempts: 0 }
const quiet: Log = () => undefined
const runners: Readonly<Record<string, Run>> = {
  'the direct runner': (pipeline, o) => DirectRunner.run({ log: quiet, ...o })(pipeline)(),
  'two workers': (pipeline, o) => WorkerThreadsRunner.run({ workers: 2, restart: once, log: quiet, ...o })(pipeline)(),
}

const failureOf = async (run: Promise<E.Either<PipelineError, PipelineResult>>): Promise<PipelineError> => {
  const result = await run
  if (E.isRight(result)) assert.fail(`it ended ${result.right.state}`)
  return result.left
}

for (const [runner, run] of Object.entries(runners)) {
  describe(`what throws on ${runner}`, () => {
    // What cannot be closed has been read: the results stand.
    for (const method of readerMethods.filter(name => name !== 'close')) {
      it(`in a reader's ${method} ends the run with the source's name`, async () => {
        const error = await failureOf(run(brokenReader({ method }), { onProgress: () => undefined }))
        assert.deepInclude(error, { _tag: 'IoFailed', transform: 'numbers#1' })
        assert.include(error.message, `${method} is broken`)
      })
    }
    for (const method of sinkMethods.filter(name => name !== 'close')) {
      it(`in a sink's ${method} ends the run with the sink's name`, async () => {
        const error = await failureOf(run(brokenSink({ method })))
        assert.deepInclude(error, { _tag: 'IoFailed', transform: 'broken' })
        assert.include(error.message, `${method} is broken`)
      })
    }
    for (const [what, pipeline] of [
      ['reader', brokenReader({ method: 'close' })],
      ['sink', brokenSink({ method: 'close' })],
    ] as const) {
      it(`while a ${what} is closed is logged, and the finished run stays finished`, async () => {
        const logged: string[] = []
        const result = await run(pipeline, { log: (level, message) => void logged.push(`${level}: ${message}`) })
        assert.deepInclude(E.isRight(result) ? result.right : result.left, { state: 'done' })
        assert.match(logged.join('\n'), /warn: a (reader|connection) could not be closed: .*close is broken/)
      })
    }
    for (const empty of [true, false]) {
      it(`in a CombineFn's create ${empty ? 'of nothing' : 'of the first element'} ends the run with the combine's name`, async () => {
        const error = await failureOf(run(brokenCreate({ empty })))
        assert.deepInclude(error, { _tag: 'UserCodeFailed', transform: 'Combine.globally#1' })
        assert.include(error.message, 'create is broken')
      })
    }
    it('an error whose message throws ends the run with the name of the transform that threw it', async () => {
      const error = await failureOf(run(unreadable({ what: 'message' })))
      assert.deepInclude(error, { _tag: 'UserCodeFailed', transform: 'map#1' })
      assert.include(error.message, 'an error whose message cannot be read (no message for you)')
    })
    it('a revoked proxy ends the run with the name of the transform that threw it', async () => {
      const error = await failureOf(run(unreadable({ what: 'proxy' })))
      assert.deepInclude(error, { _tag: 'UserCodeFailed', transform: 'map#1' })
    })
    it('in onProgress is logged once, and the run goes on', async () => {
      const logged: string[] = []
      let calls = 0
      const onProgress = (): never => {
        calls++
        throw new Error('no screen')
      }
      const result = await run(fine(), { onProgress, log: (_, message) => void logged.push(message) })
      assert.isTrue(E.isRight(result))
      assert.deepEqual([calls, logged], [1, ['onProgress failed and is not called again: no screen']])
    })
    it('in a logger does not end the run', async () => {
      let calls = 0
      const log: Log = () => {
        calls++
        throw new Error('the log is full')
      }
      const onProgress = (): never => {
        throw new Error('no screen')
      }
      assert.isTrue(E.isRight(await run(fine(), { onProgress, log })))
      assert.strictEqual(calls, 1)
    })
  })
}
