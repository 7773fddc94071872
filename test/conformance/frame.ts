// Runs a table of cases on every runner, under every setting.
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import { featuresOf } from '../../runners/plan/features.ts'
import type { JobMetrics, PipelineDefinition } from '../../sdk/index.ts'
import { checkInvariants, finals, type Pane, shown, takePanes } from './panes.ts'
import { type ConformanceRunner, runners, type Setting } from './runners.ts'

export interface Case {
  /** A sentence: what holds. */
  readonly says: string
  /** Exported by its module. What its assertions say holds under every setting. */
  readonly pipeline: PipelineDefinition<void>
  /** Of a pipeline that ends in `panes`. */
  readonly panes?: ExpectedPanes | undefined
  /** What the run tells of itself, when it is over; throws for what is wrong with it. */
  readonly metrics?: ((metrics: JobMetrics) => void) | undefined
}

export interface ExpectedPanes {
  /** The name that the pipeline gave its end. */
  readonly of: string
  /** As `shown` shows them, exactly: where all elements of an event are one bundle, and there is one task. */
  readonly exactly: string
  readonly accumulation: 'accumulating' | 'discarding'
  /** Trigger and lateness decide what is kept at all: then not even the contents in the end are the same under every bundling. */
  readonly finalsDiffer?: boolean | undefined
}

const fixed: Setting = { bundling: 'all', seed: 1, tasks: 1 }
const settings: ReadonlyArray<Setting> = [1, 2, 3].flatMap(tasks =>
  (
    [
      ['element', 1],
      ['all', 1],
      ['key', 1],
      ['random', 1],
      ['random', 2],
      ['random', 3],
    ] as const
  ).map(([bundling, seed]) => ({ bundling, seed, tasks })),
)

const named = ({ bundling, seed, tasks }: Setting): string =>
  `${bundling === 'random' ? `random bundles of seed ${seed}` : `bundles of ${bundling}`}, ${tasks} ${tasks === 1 ? 'task' : 'tasks'}`

/** Gives the panes, where the case has any. */
const runOnce = async (runner: ConformanceRunner, setting: Setting, { pipeline, panes, metrics }: Case): Promise<ReadonlyArray<Pane>> => {
  const result = await runner.run(setting)(pipeline())()
  if (E.isLeft(result)) {
    const cause: unknown = result.left._tag === 'AssertionFailed' ? result.left.cause : null
    const error = cause instanceof Error ? cause : new Error(result.left.message)
    error.message = `with ${named(setting)}: ${error.message}`
    throw error
  }
  assert.strictEqual(result.right.state, 'done')
  metrics?.(result.right.metrics)
  return panes === undefined ? [] : takePanes(panes.of)
}

const checkRefusal = async (runner: ConformanceRunner, { pipeline }: Case): Promise<void> => {
  const result = await runner.run(fixed)(pipeline())()
  if (E.isRight(result)) assert.fail(`${runner.name} lacks what the pipeline needs, and ran it`)
  assert.strictEqual(result.left._tag, 'InvalidPipeline')
  assert.include(result.left.message, 'does not support')
}

/** Rejects with what does not conform. */
export const checkCase = async (runner: ConformanceRunner, it: Case): Promise<void> => {
  if ([...featuresOf(it.pipeline().graph).keys()].some(feature => runner.lacks.has(feature))) return checkRefusal(runner, it)
  const exact = await runOnce(runner, fixed, it)
  const { panes } = it
  if (panes !== undefined) assert.strictEqual(shown(exact), panes.exactly)
  for (const setting of settings) {
    const all = await runOnce(runner, setting, it)
    if (panes === undefined) continue
    checkInvariants(all)
    if (panes.finalsDiffer === true) continue
    assert.deepEqual(finals(all, panes.accumulation), finals(exact, panes.accumulation), `with ${named(setting)}`)
  }
}

export const conformance = (subjects: Readonly<Record<string, ReadonlyArray<Case>>>): void => {
  for (const runner of runners) {
    describe(`${runner.name} conforms`, () => {
      for (const [subject, cases] of Object.entries(subjects))
        describe(subject, () => {
          for (const one of cases) it(one.says, () => checkCase(runner, one))
        })
    })
  }
}
