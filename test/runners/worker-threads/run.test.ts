// Pipelines on worker threads: results, failures, and what is refused.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AssertionError } from 'node:assert'
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import {
  Checkpoints,
  Create,
  type JobEvent,
  millis,
  orThrow,
  PCollection,
  Pipeline,
  pipe,
  type PipelineError,
  type PortablePipeline,
} from '../../../sdk/index.ts'
import { DirectRunner } from '../../../runners/direct/index.ts'
import { TestPipeline } from '../../../runners/direct/testing.ts'
import { WorkerThreadsRunner, type WorkerThreadsOptions } from '../../../runners/worker-threads/index.ts'
import {
  countedOnce,
  counts,
  exitsOnce,
  finalized,
  madeOfHidden,
  standsStill,
  sums,
  throwsAlways,
  throwsOnce,
  unlike,
  wrongCounts,
} from './programs.ts'

const failure = async (pipeline: PortablePipeline, o: WorkerThreadsOptions = { workers: 2 }): Promise<PipelineError> => {
  const result = await WorkerThreadsRunner.run(o)(pipeline)()
  return E.isLeft(result) ? result.left : assert.fail(`it ended as ${result.right.state}`)
}

describe('the worker-thread runner', () => {
  for (const workers of [1, 2, 3, 4]) {
    it(`groups keys over ${workers} workers, each of which reads a part`, async () => {
      const { state, metrics } = await orThrow(pipe(counts(), WorkerThreadsRunner.run({ workers })))
      assert.strictEqual(state, 'done')
      assert.strictEqual(metrics.elementsRead, 10_000)
      assert.lengthOf(metrics.splits, workers)
    })
  }

  it('gives one global sum', async () => {
    await orThrow(pipe(sums(), WorkerThreadsRunner.run({ workers: 3 })))
  })

  it('fails with an assertion that does not hold, and shows the difference', async () => {
    const error = await failure(wrongCounts())
    assert.strictEqual(error._tag, 'AssertionFailed')
    assert.include(error.message, 'the elements differ')
  })

  it('runs tests of a definition, and rejects with the assertion that does not hold', async () => {
    const onThreads = TestPipeline.runOn(WorkerThreadsRunner.run({ workers: 2 }))
    assert.strictEqual((await onThreads(counts())).state, 'done')
    const thrown: unknown = await onThreads(wrongCounts()).then(
      () => null,
      (error: unknown) => error,
    )
    assert.instanceOf(thrown, AssertionError)
    assert.include(thrown.message, 'the elements differ')
  })

  describe('with files and checkpoints', () => {
    let folder = ''
    const expected = Array.from({ length: 10 }, (_, digit) => `${digit}: 1000`)
    const paths = () => ({ from: join(folder, 'in.txt'), to: join(folder, 'out.txt'), flag: join(folder, 'flag') })
    const options = (): WorkerThreadsOptions => ({
      workers: 2,
      checkpoints: Checkpoints.directory(join(folder, 'state'), { every: millis(50) }),
      restart: { attempts: 2, initial: millis(10) },
      log: () => undefined,
    })
    const written = async (): Promise<ReadonlyArray<string>> => (await readFile(paths().to, 'utf8')).trimEnd().split('\n').sort()

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'jetbeam-workers-'))
      await writeFile(paths().from, Array.from({ length: 10_000 }, (_, i) => `${i}\n`).join(''))
    })
    afterEach(() => rm(folder, { recursive: true, force: true }))

    it('writes what the direct runner writes', async () => {
      await orThrow(pipe(countedOnce(paths()), WorkerThreadsRunner.run(options())))
      assert.deepEqual(await written(), expected)
      await orThrow(pipe(countedOnce(paths()), DirectRunner.run({ job: 'another' })))
      assert.deepEqual(await written(), expected)
    })

    for (const [what, program] of [
      ['a function that throws', throwsOnce],
      ['a worker that exits', exitsOnce],
    ] as const) {
      it(`begins again from the last checkpoint after ${what}, and counts nothing twice`, async () => {
        const { state } = await orThrow(pipe(program(paths()), WorkerThreadsRunner.run(options())))
        assert.strictEqual(state, 'done')
        assert.deepEqual(await written(), expected)
      })
    }

    it('calls what waits for a commit once the outputs are written, and what an attempt that failed has asked for never', async () => {
      const notes = join(folder, 'notes')
      await orThrow(pipe(finalized({ ...paths(), notes }), WorkerThreadsRunner.run(options())))
      const noted = (await readFile(notes, 'utf8')).trimEnd().split('\n')
      assert.isEmpty(noted.filter(note => !note.endsWith(' written')))
      assert.isAbove(noted.length, 0)
      assert.strictEqual(new Set(noted).size, noted.length)
      assert.lengthOf(await written(), 10_000)
    })

    it('tells of a worker that is lost, of the attempt that follows, and which worker reads what', async () => {
      const events: JobEvent[] = []
      await orThrow(pipe(exitsOnce(paths()), WorkerThreadsRunner.run({ ...options(), onEvent: event => void events.push(event) })))
      const told = events.map(({ _tag }) => _tag)
      const lost = events.find(event => event._tag === 'WorkerLost') ?? assert.fail()
      assert.include(lost.message, `worker ${lost.worker} died: it exited with code 7`)
      assert.isBelow(told.indexOf('WorkerLost'), told.indexOf('Restarting'))
      assert.deepEqual(
        events.flatMap(event => (event._tag === 'StateChanged' ? [event.state] : [])),
        ['running', 'restarting', 'running', 'done'],
      )
      const assigned = events.flatMap(event => (event._tag === 'SplitAssigned' ? [event] : []))
      assert.isNotEmpty(assigned)
      for (const { worker } of assigned) assert.include([0, 1], worker)
    })

    it('gives up a checkpoint that a worker does not get to in time, and completes a later one', async () => {
      const events: JobEvent[] = []
      const checkpoints = Checkpoints.directory(join(folder, 'state'), { every: millis(20), timeout: millis(150), failures: 100 })
      const { metrics } = await orThrow(
        pipe(standsStill(paths()), WorkerThreadsRunner.run({ ...options(), checkpoints, onEvent: event => void events.push(event) })),
      )
      assert.deepEqual(await written(), expected)
      const aborted = events.flatMap(event => (event._tag === 'CheckpointAborted' ? [event] : []))
      assert.isAbove(metrics.checkpoints.failed, 0)
      assert.match(aborted[0]?.message ?? '', /was not finished within 150 ms: .*/)
      assert.strictEqual(metrics.restarts, 0)
    })

    it('ends with the error, the element and the transform of an element that fails each time', async () => {
      const error = await failure(throwsAlways(paths()), options())
      if (error._tag !== 'UserCodeFailed') return assert.fail(`${error._tag}: ${error.message}`)
      assert.strictEqual(error.transform, 'map#1')
      assert.strictEqual(error.element, '"5000"')
      assert.isNumber(error.position)
      assert.include(error.message, `at position ${error.position} of the split ${error.split}`)
      assert.include(error.message, 'not this one')
    })

    it('begins again three times unless it is told otherwise', async () => {
      const told: string[] = []
      const log = (level: string, message: string): void => {
        if (level !== 'info') told.push(message)
      }
      const job = await orThrow(
        pipe(throwsAlways(paths()), WorkerThreadsRunner.start({ ...options(), workers: 1, restart: undefined, log })),
      )
      while (told.length === 0 && job.state() === 'running') await new Promise(resolve => setTimeout(resolve, 5))
      await job.cancel()
      assert.match(told[0] ?? '', /the run failed, and begins again .* in 500 ms \(1 of 3 in a row\)/)
    })

    it('ends at once where there are no checkpoints to go back to', async () => {
      const error = await failure(exitsOnce(paths()), { ...options(), checkpoints: undefined })
      assert.strictEqual(error._tag, 'WorkerFailed')
      assert.include(error.message, 'exited with code 7')
    })
  })

  describe('refuses', () => {
    it('a number of workers that is none', async () => {
      for (const workers of [0, -1, 1.5]) assert.strictEqual((await failure(counts(), { workers }))._tag, 'InvalidPipeline')
    })

    it('a pipeline that a worker cannot make again, for its definition is not exported', async () => {
      const { message } = await failure(madeOfHidden())
      assert.include(message, 'no export')
      assert.include(message, '"hidden"')
    })

    it('a pipeline that depends on more than its options', async () => {
      assert.include((await failure(unlike())).message, 'got another pipeline')
    })

    it('a pipeline without a definition, where a caller has no types to stop it', async () => {
      const pipeline: unknown = Pipeline.of(pipe(Create.of([1]), PCollection.ignore))
      const { message } = await failure(pipeline as PortablePipeline)
      assert.include(message, 'Pipeline.define')
    })

    it('a live object, which cannot leave its thread', async () => {
      const provide: unknown = [{ _tag: 'LocalBinding', key: 'jetstream:default', value: {} }]
      const { message } = await failure(counts(), { workers: 2, provide: provide as WorkerThreadsOptions['provide'] })
      assert.include(message, 'jetstream:default is bound to a live object')
    })

    it('a module that runs its pipeline when it is imported, instead of running it again in every worker', async () => {
      const ended: unknown = await import('./runs-itself.ts').catch((error: unknown) => error)
      assert.include(ended instanceof Error ? ended.message : 'no error', 'PipelineRunsItself')
    })
  })
})
