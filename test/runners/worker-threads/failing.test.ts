// What a user is told where a pipeline's own functions, values or module fail: what, where, and what to do, on one thread and on several.
import { existsSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { systemClock } from '../../../runners/host/clock.ts'
import { DirectRunner } from '../../../runners/direct/index.ts'
import { settled, startJob } from '../../../runners/host/job.ts'
import { setUp } from '../../../runners/host/life-cycle.ts'
import { WorkerThreadsRunner } from '../../../runners/worker-threads/index.ts'
import { type Patience, WorkersRun } from '../../../runners/worker-threads/run.ts'
import { allFeatures } from '../../../runners/plan/features.ts'
import { Checkpoints, millis, type PipelineError, type PortablePipeline, orThrow, pipe } from '../../../sdk/index.ts'
import byDefault, {
  alsoKnown,
  buildBegan,
  buildFailsElsewhere,
  byTheClock,
  finishFails,
  functionsGrouped,
  keyCoderFails,
  known,
  neverBuilt,
  neverReturns,
  one,
  otherFunctions,
  setupFails,
  teardownFails,
} from './failing-programs.ts'
import { until } from '../../support/until.ts'
import { neverImported } from './never-imported.ts'

const runners = {
  'the direct runner': () => DirectRunner.run({ tasks: 2 }),
  'worker threads': () => WorkerThreadsRunner.run({ workers: 2 }),
} as const

const errorOf = async (pipeline: PortablePipeline, run = runners['worker threads']): Promise<PipelineError> => {
  const result = await pipe(pipeline, run())()
  return E.isLeft(result) ? result.left : assert.fail('it did not fail')
}

describe('A pipeline that fails', () => {
  for (const [name, run] of Object.entries(runners)) {
    describe(`on ${name}`, () => {
      for (const [what, pipeline, transform, message] of [
        ['in a setup function', setupFails, 'ParDo#1', 'no database\n  while it was set up'],
        ['at the end of a bundle', finishFails, 'ParDo#1', 'no room\n  while it finished a bundle'],
        ['in the coder of its keys', keyCoderFails, 'GroupByKey#1', 'not this key\n  while it processed "3"'],
      ] as const) {
        it(`${what} names the transform`, async () => {
          const error = await errorOf(pipeline(), run)
          if (error._tag !== 'UserCodeFailed') return assert.fail(`${error._tag}: ${error.message}`)
          assert.strictEqual(error.transform, transform)
          assert.strictEqual(error.message, `${transform}: ${message}`)
        })
      }
    })
  }

  it('in a teardown has its results already: it is done, and the log tells', async () => {
    const lines: string[] = []
    const log = (_: string, message: string): void => void lines.push(message)
    for (const run of [DirectRunner.run({ log }), WorkerThreadsRunner.run({ workers: 1, log })]) {
      assert.strictEqual((await orThrow(pipe(teardownFails(), run))).state, 'done')
    }
    assert.deepEqual(
      lines,
      Array.from({ length: 2 }, () => 'ParDo#1: already closed\n  while it was torn down'),
    )
  })

  it('to be set up in time ends with the transform, and what was set up before it is torn down', async () => {
    const torn: string[] = []
    const cycle = (path: string, setup: () => Promise<void>) =>
      [path, { setup, teardown: () => Promise.resolve(void torn.push(path)) }] as const
    const instance = {
      lifeCycles: () => [cycle('ParDo#1', () => Promise.resolve()), cycle('ParDo#2', () => new Promise(() => undefined))],
    }
    const error: unknown = await setUp(instance, { log: () => undefined, clock: systemClock }, 10).catch((thrown: unknown) => thrown)
    assert.include(String(error), 'ParDo#2: setup has not ended within 0.01 s')
    assert.deepEqual(torn, ['ParDo#1'])
  })

  it('on a value that cannot go from one thread to another names the transform, the element and the way out', async () => {
    const error = await errorOf(functionsGrouped())
    if (error._tag !== 'UserCodeFailed') return assert.fail(`${error._tag}: ${error.message}`)
    assert.strictEqual(error.transform, 'GroupByKey#1')
    assert.match(error.message, /cannot encode \$\.later: a function \(later\)\. .*\n {2}while it processed \{ later: a function \}/)
  })

  it('to be the same in a worker names what differs: elements that depend on the clock', async () => {
    assert.match((await errorOf(byTheClock())).message, /got other elements in Create#1\. Building must depend on the options alone/)
  })

  it('to be the same in a worker names the functions that were changed since the program began', async () => {
    const { message } = await errorOf(otherFunctions())
    assert.match(
      message,
      /got other functions in map#1\. The first differs so: ".*" here, ".*" in the worker\. As far as is known, both threads/,
    )
    assert.match(message, /failing-programs\.ts, or what it imports, was changed since this process began/)
  })

  it('is none where its module exports it by two names, or as its default alone', async () => {
    assert.strictEqual(alsoKnown, known)
    for (const pipeline of [known(), byDefault()])
      assert.strictEqual((await orThrow(pipe(pipeline, WorkerThreadsRunner.run({ workers: 1 })))).state, 'done')
  })

  describe('to answer', () => {
    let folder = ''
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'jetbeam-silent-'))
    })
    after(() => rm(folder, { recursive: true }))

    /** Started with short limits. */
    const failureOf = async (pipeline: PortablePipeline, patience: Patience, clock = systemClock): Promise<PipelineError> => {
      const checkpoints = Checkpoints.directory(folder, { every: millis(20), timeout: millis(150), failures: 3 })
      const support = { runner: 'the worker-thread runner', features: allFeatures }
      const started = settled(() =>
        startJob(
          pipeline,
          { checkpoints, tasks: 2, threads: 2, log: () => undefined },
          {
            support,
            clock,
            runOf: (opened, place) => new WorkersRun(pipeline, opened, place, patience),
            restart: { attempts: 0 },
          },
        ),
      )
      const result = await pipe(
        started,
        TE.chain(job => job.done),
      )()
      return E.isLeft(result) ? result.left : assert.fail('it did not fail')
    }

    it('while a worker imports its module ends before anything is read, and asks what the module waits for', async () => {
      const error = await failureOf(neverImported(), { startMs: 300, closeMs: 50 })
      assert.strictEqual(error._tag, 'WorkerFailed')
      assert.match(error.message, /^worker [01] was not ready within 0\.3 s: .*\. If it only needs longer, raise workerStartTimeout/)
    })

    it('while a worker calls its build function names that function and the option for the limit', async () => {
      await rm(buildBegan, { force: true })
      const startMs = 123_456_000
      let passed: () => void = () => assert.fail('nothing waits for the workers')
      const clock: typeof systemClock = {
        ...systemClock,
        after: (ms, call) => {
          if (ms === startMs) passed = call
          return systemClock.after(ms, call)
        },
      }
      const failure = failureOf(neverBuilt(), { startMs, closeMs: 50 }, clock)
      await until('both workers build the pipeline', () => existsSync(buildBegan) && statSync(buildBegan).size === 2)
      passed()
      await rm(buildBegan)
      const { _tag, message } = await failure
      assert.strictEqual(_tag, 'WorkerFailed')
      assert.match(
        message,
        /^worker [01] was not ready within 123456 s: the build function of "never-built", in \S+failing-programs\.ts, has not returned\. .*Create\.of.* raise workerStartTimeout \(--worker-start-timeout\)$/,
      )
    })

    it('within the workerStartTimeout that the run was given fails', async () => {
      const result = await pipe(known(), WorkerThreadsRunner.run({ workers: 1, workerStartTimeout: millis(1), restart: { attempts: 0 } }))()
      assert.match(E.isLeft(result) ? result.left.message : '', /^worker 0 was not ready within 0\.001 s: /)
    })

    it('in an endless loop ends after as many checkpoints as may fail, and its worker is ended', async () => {
      const error = await failureOf(neverReturns(), { startMs: 90_000, closeMs: 50 })
      if (error._tag !== 'CheckpointFailed') return assert.fail(`${error._tag}: ${error.message}`)
      assert.strictEqual(error.kind, 'TimedOut')
      assert.match(error.message, /was not finished within 150 ms/)
    })
  })

  it('to be built in a worker tells what was thrown there', async () => {
    const error = await errorOf(buildFailsElsewhere())
    assert.strictEqual(error._tag, 'InvalidPipeline')
    assert.match(
      error.message,
      /a worker thread built it again from .*failing-programs\.ts, and that failed there, not here \(both threads load modules by tsx\): Error: only at home/,
    )
  })

  it('to be told from another of the same name in its module is refused, with both exports', async () => {
    assert.include(
      (await errorOf(one())).message,
      'exports several definitions of this name, so a worker cannot tell which one is meant: one, other',
    )
  })
})
