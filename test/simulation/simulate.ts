// One seed from beginning to end: processes live and die until the pipeline is done, then what was written is compared.
import { stageOf } from '../../runners/engine/task-name.ts'
import type { CheckpointContent } from '../../runners/host/checkpoint-content.ts'
import type { PipelineResult } from '../../sdk/model/run.ts'
import { problemsOf } from './check.ts'
import type { Event, Scenario } from './scenario.ts'
import { takeLeftQuestions, watchQuestions } from './watched-questions.ts'
import { watchWatermarks } from './watched-watermarks.ts'
import { type Counts, type Life, World } from './world.ts'

export interface Outcome {
  readonly seed: number
  readonly scenario: Scenario
  /** None: the seed has passed. */
  readonly problems: ReadonlyArray<string>
  readonly steps: number
  readonly lives: number
  /** A hash of all steps. */
  readonly trace: number
  /** How often each thing happened. */
  readonly counts: Counts
  /** Events and log records, as text. */
  readonly events: () => ReadonlyArray<string>
}

watchWatermarks()
watchQuestions()

const mostSteps = 100_000
const mostLives = 4

/** `mix`: the same pipeline and data with other faults, in another order. */
export const simulate = async (seed: number, { mix = 0 }: { readonly mix?: number } = {}): Promise<Outcome> => {
  const world = new World(seed, mix)
  const { executor, scenario } = world
  const run = new SeedRun(world)
  const problems = await run.toEnd()
  const { steps, trace } = executor
  return { seed, scenario, problems, steps, lives: run.lives, trace, counts: world.counts, events: () => world.events.map(text => text()) }
}

/** What a job had read when it was drained: all of its input, as its results must show it. */
const readBy = (scenario: Scenario, { tasks }: CheckpointContent): Scenario => {
  const records = Object.entries(tasks).flatMap(([task, { record }]) => record.splits.map(it => ({ ...it, stage: stageOf(task) })))
  const readIn = (stage: string, events: ReadonlyArray<ReadonlyArray<Event>>): ReadonlyArray<ReadonlyArray<Event>> =>
    events.map((split, i) => {
      const mine = records.filter(it => it.stage === stage && it.split.id.split('/')[0] === String(i))
      return split.filter((_, at) => mine.some(({ split: { range }, progress }) => range.from <= at && at <= (progress.last ?? -1)))
    })
  const { side } = scenario
  return {
    ...scenario,
    sources: scenario.sources.map((events, i) => readIn(`source${i}`, events)),
    side: side === null ? null : { ...side, splits: readIn('side', side.splits) },
  }
}

/** What a restored state may keep until its watermark moves again, which at the end of the input it does not. */
const restoredOnce: ReadonlySet<string> = new Set(['windows', 'owedPanes', 'timers'])

const textOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))

class SeedRun {
  readonly #world: World
  /** That which was begun last, or that holds the lease still. */
  #current: Life | null = null
  /** Those that were stopped, and replaced: they wake up. */
  #replaced: Life[] = []
  lives = 0
  #late = 0
  #isDone = false
  #problem: string | null = null

  constructor(world: World) {
    this.#world = world
  }

  async toEnd(): Promise<ReadonlyArray<string>> {
    const { executor, scenario, streams, problems: seen } = this.#world
    const onRejection = (error: unknown): void => void seen.push(`a rejection that nothing handles: ${textOf(error)}`)
    process.on('unhandledRejection', onRejection)
    takeLeftQuestions()
    try {
      this.#begin()
      await executor.drive(() => this.#look())
      if (this.#problem !== null) return [this.#problem]
      if (!this.#isOver()) return ['nothing is left that could happen, and the job has not ended']
      // What is still on its way comes now.
      await executor.drive(() => false)
    } catch (error) {
      return [textOf(error)]
    } finally {
      process.off('unhandledRejection', onRejection)
    }
    const stored = [...streams.values()].flatMap(({ problems }) => problems)
    const { content } = this.#world.medium
    if (content === null) return ['the job has ended without a checkpoint']
    const counts = this.#world.lineage.counts(content)
    const read = content.status === 'drained' ? readBy(scenario, content) : scenario
    return [...seen, ...stored, ...problemsOf(read, { rows: name => this.#world.stream(name).outs(counts) }, this.#late)]
  }

  #begin(): void {
    if (++this.lives > mostLives) this.#world.becomeCalm()
    this.#current = this.#world.begin()
  }

  #isOver(): boolean {
    return this.#isDone && this.#current === null && this.#replaced.length === 0
  }

  /** Before each step: whether there is nothing more to do. */
  #look(): boolean {
    const world = this.#world
    if (world.executor.steps > mostSteps) this.#problem = `it has not come to an end after ${mostSteps} steps`
    for (const life of this.#replaced) if (life.ending !== null || life.process.dead) this.#settle(life)
    const current = this.#current
    if (current !== null && current.ending === null && !current.process.dead && world.befall(current) === 'replace') {
      this.#replaced.push(current)
      this.#begin()
    }
    if (current !== null && (current.ending !== null || current.process.dead)) {
      this.#settle(current)
      if (this.#current === null && !this.#isDone && this.#problem === null) this.#beginLater()
    }
    this.#problem ??= world.problems[0] ?? takeLeftQuestions()[0] ?? null
    return this.#problem !== null || this.#isOver()
  }

  #settle(life: Life): void {
    const world = this.#world
    this.#replaced = this.#replaced.filter(other => other !== life)
    if (this.#current === life) this.#current = null
    const { ending, process } = life
    if (ending !== null && !process.dead) {
      if (ending._tag === 'Broken') this.#problem = textOf(ending.error)
      // Its last life had drained it, and died before it could say so.
      if (ending._tag === 'Failed' && ending.error._tag === 'InvalidPipeline' && world.medium.content?.status === 'drained')
        this.#isDone = true
      else if (ending._tag === 'Failed' && !(world.tolerates(ending.error) && this.lives <= mostLives + 2))
        this.#problem = `it failed: ${ending.error._tag}: ${ending.error.message}`
      if (ending._tag === 'Ended') {
        this.#late += ending.result.metrics.droppedLate
        if (ending.result.state === 'done') this.#requireEmpty(ending.result)
        if (ending.result.state === 'done' || ending.result.state === 'drained') this.#isDone = true
      }
    }
    process.kill()
    // Its successor has met a lease that is held.
    if (this.#current === null && !this.#isDone) this.#current = this.#replaced.pop() ?? null
  }

  /** All windows have expired, and nothing waits: what is still there would stay for ever. Splits are counted even when they are done. */
  #requireEmpty({ metrics }: PipelineResult): void {
    for (const { transform, state } of metrics.transforms)
      for (const [structure, entries] of Object.entries(state))
        if (entries > 0 && structure !== 'splits' && (this.lives === 1 || !restoredOnce.has(structure)))
          this.#problem ??= `${transform} has ${entries} ${structure} left at the end`
  }

  /** Sometimes beyond the time in which a destination knows an id again. */
  #beginLater(): void {
    const { executor, draw } = this.#world
    executor.schedule(null, 'next life', draw.pick([0, 20, 50_000]), () => this.#begin())
  }
}
