// The runners that the suite runs on: one entry each.
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { DirectRunner } from '../../runners/direct/index.ts'
import { WorkerThreadsRunner } from '../../runners/worker-threads/index.ts'
import type { Feature } from '../../runners/plan/features.ts'
import type { Checkpoints, Job, Pipeline, PipelineError, PortablePipeline } from '../../sdk/index.ts'

/** How elements come together, and how many tasks share the work. */
export interface Setting {
  readonly bundling: 'element' | 'all' | 'key' | 'random'
  readonly seed: number
  readonly tasks: number
  readonly checkpoints?: Checkpoints | undefined
  readonly log?: ((level: string, message: string) => void) | undefined
}

export interface ConformanceRunner {
  /** As its messages call it. */
  readonly name: string
  /** What it does not support, and so refuses by name. */
  readonly lacks: ReadonlySet<Feature>
  readonly start: (setting: Setting) => (pipeline: Pipeline) => TaskEither<PipelineError, Job>
}

export const runners: ReadonlyArray<ConformanceRunner> = [
  {
    name: 'the direct runner',
    lacks: new Set(),
    start: setting => DirectRunner.start({ ...setting, strict: setting.bundling === 'random' }),
  },
  {
    name: 'the worker-thread runner',
    lacks: new Set(['noDefinition']),
    start:
      ({ tasks, ...setting }) =>
      pipeline =>
        // One without a definition is what it must refuse, whatever its types let through.
        WorkerThreadsRunner.start({ ...setting, workers: tasks, strict: setting.bundling === 'random' })(pipeline as PortablePipeline),
  },
]
