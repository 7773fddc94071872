// Runs a table of cases on every runner, under every setting.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from 'chai'
import * as E from 'fp-ts/lib/Either.js'
import { pipelineErrorOf } from '../../runners/host/errors.ts'
import { featureName, featuresOf } from '../../runners/plan/features.ts'
import { Checkpoints, hours, type Job, type JobMetrics, type Pipeline, type PipelineError, type PipelineResult } from '../../sdk/index.ts'
import { forgetNotes, notesOf } from './notes.ts'
import { checkInvariants, finals, type Pane, shown, takePanes } from './panes.ts'
import { type ConformanceRunner, runners, type Setting } from './runners.ts'

export interface Case {
  /** A sentence: what holds. */
  readonly says: string
  /** Of a definition that its module exports. What its assertions say holds under every setting. */
  readonly pipeline: () => Pipeline
  /** Of a pipeline that ends in `panes`. */
  readonly panes?: ExpectedPanes | undefined
  /** What the run tells of itself, when it is over; throws for what is wrong with it. */
  readonly metrics?: ((metrics: JobMetrics) => void) | undefined
  /** What the pipeline's functions noted under this name; throws for what is wrong with it. */
  readonly notes?: { readonly of: string; readonly check: (notes: ReadonlyArray<string>, setting: Setting) => void } | undefined
  /** The error that it must end with. */
  readonly fails?: { readonly with: PipelineError['_tag']; readonly saying: RegExp } | undefined
  /** What the run said to its log, which is then not shown. */
  readonly logs?: ((lines: ReadonlyArray<string>) => void) | undefined
  /** What is done with the job while it runs. */
  readonly meanwhile?: ((job: Job) => Promise<void>) | undefined
  /** 'done' unless told. */
  readonly ends?: PipelineResult['state'] | undefined
  /** Its job keeps checkpoints, and takes none but the one at its end. */
  readonly durable?: boolean | undefined
  /** It waits for something: each bundling once is enough, as for one that fails or is driven. */
  readonly slow?: boolean | undefined
  /** A setting that the case is about: all unless told. */
  readonly only?: Setting['bundling'] | undefined
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

const bundlings = ['all', 'element', 'key', 'random'] as const
/** First that under which panes are exact. */
const everyWay: ReadonlyArray<Setting> = [
  { tasks: 1, each: bundlings },
  { tasks: 2, each: ['all', 'key', 'random'] as const },
  { tasks: 3, each: ['element', 'key', 'random'] as const },
  { tasks: 4, each: ['all', 'element', 'random'] as const },
].flatMap(({ tasks, each }) => each.map(bundling => ({ bundling, seed: tasks, tasks })))
/** Of what takes its time, or ends alike however elements come together: each bundling once, and each number of tasks. */
const eachBundling: ReadonlyArray<Setting> = bundlings.map((bundling, i) => ({ bundling, seed: 4 + i, tasks: [1, 3, 2, 4][i] ?? 1 }))

const settingsOf = ({ fails, meanwhile, durable, slow, only }: Case): ReadonlyArray<Setting> =>
  (fails !== undefined || meanwhile !== undefined || durable === true || slow === true ? eachBundling : everyWay).filter(
    ({ bundling }) => only === undefined || bundling === only,
  )

const named = ({ bundling, seed, tasks }: Setting): string =>
  `${bundling === 'random' ? `random bundles of seed ${seed}` : `bundles of ${bundling}`}, ${tasks} ${tasks === 1 ? 'task' : 'tasks'}`

/** Gives what `work` gives; what it rejects with names the setting. */
const under = async <A>(setting: Setting, work: () => Promise<A>): Promise<A> => {
  try {
    return await work()
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    error.message = `with ${named(setting)}: ${error.message}`
    throw error
  }
}

const withFolder = async <A>(durable: boolean, work: (folder: string | null) => Promise<A>): Promise<A> => {
  if (!durable) return work(null)
  const folder = await mkdtemp(join(tmpdir(), 'jetbeam-conformance-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** To its end, whatever that is. */
const outcomeOf = (runner: ConformanceRunner, setting: Setting, { pipeline, meanwhile, durable = false, logs }: Case) =>
  withFolder(durable, async (folder): Promise<E.Either<PipelineError, PipelineResult>> => {
    const built = E.tryCatch(pipeline, pipelineErrorOf)
    if (E.isLeft(built)) return built
    const checkpoints = folder === null ? {} : { checkpoints: Checkpoints.directory(folder, { every: hours(1) }) }
    const lines: string[] = []
    const logging = logs === undefined ? {} : { log: (_: string, line: string) => void lines.push(line) }
    const started = await runner.start({ ...setting, ...checkpoints, ...logging })(built.right)()
    if (E.isLeft(started)) return started
    const job = started.right
    const ended = job.done()
    try {
      await meanwhile?.(job)
    } catch (error) {
      await job.cancel()
      throw error
    }
    await ended
    logs?.(lines)
    return ended
  })

/** Gives the panes, where the case has any. */
const runOnce = async (runner: ConformanceRunner, setting: Setting, it: Case): Promise<ReadonlyArray<Pane>> => {
  const { panes, metrics, notes, fails, ends = 'done' } = it
  try {
    const result = await outcomeOf(runner, setting, it)
    if (fails !== undefined) {
      if (E.isRight(result)) return assert.fail(`it should have failed, and ended as ${result.right.state}`)
      assert.strictEqual(result.left._tag, fails.with, result.left.message)
      // In full, where chai would cut it short.
      if (!fails.saying.test(result.left.message)) assert.fail(`its error does not match ${String(fails.saying)}: ${result.left.message}`)
    } else {
      if (E.isLeft(result)) {
        const cause: unknown = result.left._tag === 'AssertionFailed' ? result.left.cause : null
        throw cause instanceof Error ? cause : new Error(result.left.message)
      }
      assert.strictEqual(result.right.state, ends)
      metrics?.(result.right.metrics)
    }
    if (notes !== undefined) notes.check(notesOf(notes.of), setting)
    return panes === undefined ? [] : takePanes(panes.of)
  } finally {
    if (notes !== undefined) forgetNotes(notes.of)
  }
}

/** Throws where the runner does not name each feature that it lacks. */
const checkRefusal = async (runner: ConformanceRunner, { pipeline }: Case): Promise<void> => {
  const built = pipeline()
  const result = await runner.start({ bundling: 'all', seed: 1, tasks: 1 })(built)()
  if (E.isRight(result)) {
    await result.right.cancel()
    return assert.fail(`${runner.name} lacks what the pipeline needs, and ran it`)
  }
  assert.strictEqual(result.left._tag, 'InvalidPipeline')
  for (const feature of featuresOf(built).keys())
    if (runner.lacks.has(feature)) assert.include(result.left.message, `${runner.name} does not support ${featureName(feature)}`)
}

/** Rejects with what does not conform. */
export const checkCase = async (runner: ConformanceRunner, it: Case): Promise<void> => {
  const needed = E.tryCatch(() => featuresOf(it.pipeline()), String)
  if (E.isRight(needed) && [...needed.right.keys()].some(feature => runner.lacks.has(feature))) return checkRefusal(runner, it)
  const { panes } = it
  let exact: ReadonlyArray<Pane> | null = null
  for (const setting of settingsOf(it)) {
    await under(setting, async () => {
      const all = await runOnce(runner, setting, it)
      if (panes === undefined) return
      if (exact === null) assert.strictEqual(shown(all), panes.exactly)
      exact ??= all
      checkInvariants(all)
      if (panes.finalsDiffer !== true) assert.deepEqual(finals(all, panes.accumulation), finals(exact, panes.accumulation))
    })
  }
}

/** Until `holds`, looked at every few milliseconds; the test's own time limit ends it. */
export const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await sleep(2)
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
