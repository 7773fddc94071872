// What users test their pipelines with: assertions from the SDK, run on this runner at its strictest.
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type PCollection as Collection, type PDone } from '../../sdk/graph/pcollection.ts'
import { Pipeline } from '../../sdk/graph/pipeline.ts'
import { orThrow, type PipelineError, type PipelineResult } from '../../sdk/model/run.ts'
import { ignore } from '../../sdk/transforms/ignore.ts'
import { DirectRunner } from './index.ts'

export {
  PAssert,
  StatefulTest,
  TestStream,
  type Difference,
  type TestEvent,
  containsInAnyOrder,
  empty,
  type Expectation,
  type Expected,
  type ContentsOf,
  satisfies,
  singleton,
} from '../../sdk/testing/index.ts'

/** How `TestPipeline.run` runs. */
export interface TestOptions {
  /** For bundle sizes and whatever else is drawn; 1 unless told. */
  readonly seed?: number | undefined
  /** What runs it instead of the direct runner in strict mode. */
  readonly runner?: ((pipeline: Pipeline) => TE.TaskEither<PipelineError, PipelineResult>) | undefined
}

type Runs<P> = (pipeline: P) => TE.TaskEither<PipelineError, PipelineResult>

const runOn =
  <P>(runner: Runs<P>) =>
  async (pipeline: P): Promise<PipelineResult> => {
    const result = await orThrow(TE.mapLeft(assertionIn)(runner(pipeline)))
    if (result.state === 'done' || result.state === 'drained') return result
    throw new Error(`the run ended as ${result.state}, before its assertions were checked: give TestPipeline a runner that runs to the end`)
  }

/**
 * Runs what a test has put together, and rejects with the first assertion that does not hold: an AssertionError with `actual` and
 * `expected`, so that a test runner shows the difference. Anything else that ends the run rejects with its named error, and so does a
 * run that was suspended or cancelled, which checks nothing. Gives the result, with the run's metrics. Semantics: Beam's TestPipeline.
 *
 * `run` takes the branches that it ends in. `runOn` takes a pipeline, and any runner: worker threads need one that a definition made.
 *
 * @example
 * await pipe(Create.of([1, 2]), PCollection.map(n => n * 2), PAssert.that(containsInAnyOrder([2, 4])), TestPipeline.run())
 *
 * const doubled = Pipeline.define(import.meta, 'doubled', () =>
 *   pipe(Create.of([1, 2]), PCollection.map(n => n * 2), PAssert.that(containsInAnyOrder([2, 4])), PCollection.ignore))
 * await pipe(doubled(), TestPipeline.runOn(DirectRunner.run())) // or, where the definition is exported, WorkerThreadsRunner.run()
 */
export const TestPipeline = Object.freeze({
  /** The branches that end in `ends`, on the direct runner in strict mode unless told. */
  run:
    ({ seed = 1, runner = DirectRunner.run({ strict: true, seed }) }: TestOptions = {}) =>
    (...ends: ReadonlyArray<Collection<unknown> | PDone>): Promise<PipelineResult> =>
      // What Pipeline.of finds wrong rejects, too.
      Promise.resolve().then(() => runOn(runner)(Pipeline.of(...ends.map(end => (end._tag === 'PDone' ? end : ignore(end)))))),
  /** A pipeline that is made already, on any runner. */
  runOn,
})

const assertionIn = (error: PipelineError): unknown => (error._tag === 'AssertionFailed' ? error.cause : error)
