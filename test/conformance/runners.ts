// The runners that the suite runs on: one line each.
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { DirectRunner } from '../../runners/direct/index.ts'
import { WorkerThreadsRunner } from '../../runners/worker-threads/index.ts'
import type { Feature } from '../../runners/plan/features.ts'
import type { PipelineError, PipelineResult, PortablePipeline } from '../../sdk/index.ts'

/** How elements come together, and how many tasks share the work. */
export interface Setting {
  readonly bundling: 'element' | 'all' | 'key' | 'random'
  readonly seed: number
  readonly tasks: number
}

export interface ConformanceRunner {
  readonly name: string
  /** What it does not support, and so refuses by name. */
  readonly lacks: ReadonlySet<Feature>
  readonly run: (setting: Setting) => (pipeline: PortablePipeline) => TaskEither<PipelineError, PipelineResult>
}

export const runners: ReadonlyArray<ConformanceRunner> = [
  { name: 'the direct runner', lacks: new Set(), run: setting => DirectRunner.run({ ...setting, strict: setting.bundling === 'random' }) },
  {
    name: 'the worker-thread runner',
    lacks: new Set(),
    run: ({ tasks, ...setting }) => WorkerThreadsRunner.run({ ...setting, workers: tasks, strict: setting.bundling === 'random' }),
  },
]
