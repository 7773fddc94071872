// A run on worker threads, from the main thread: it conducts, and the workers work.
import { codeHashes } from '../../sdk/graph/code-hash.ts'
import { descriptions } from '../../sdk/graph/graph.ts'
import type { PortablePipeline } from '../../sdk/graph/pipeline.ts'
import type { JobMetrics } from '../../sdk/model/job-metrics.ts'
import type { PipelineResult } from '../../sdk/model/run.ts'
import { checkAssertions } from '../host/assertions.ts'
import type { CheckpointContent } from '../host/checkpoint-content.ts'
import { Conductor } from '../host/conductor.ts'
import { Errands } from '../host/errands.ts'
import { RemoteFailure } from '../host/errors.ts'
import type { Run } from '../host/job.ts'
import { longestSetupMs } from '../host/life-cycle.ts'
import { metricsOf, progressOf } from '../host/metrics.ts'
import type { Opened, Place } from '../host/opening.ts'
import { Pacer } from '../host/pacer.ts'
import { ProgressWatch } from '../host/progress-watch.ts'
import { WorkerCrew } from './crew.ts'
import type { StartStep } from './protocol.ts'
import { type Threads, workerThreads } from './port.ts'

/** Time limits for workers that may never answer. */
export interface Patience {
  /** Until all workers are ready; milliseconds. */
  readonly startMs: number
  /** To close what they hold; then their threads are ended. */
  readonly closeMs: number
}
/** The limit of setup functions, and 30 s for the rest. */
const usual: Patience = { startMs: longestSetupMs + 30_000, closeMs: 5_000 }

/** For a start that takes longer than `startMs`. Default: 90 s. */
export const patienceOf = (startMs: number | undefined): Patience => (startMs === undefined ? usual : { ...usual, startMs })

const raiseIt = 'If it only needs longer, raise workerStartTimeout (--worker-start-timeout)'

const tooLate = (worker: number, ms: number, { url, name }: PortablePipeline['origin'], step: StartStep | null): Error => {
  const message = `worker ${worker} was not ready within ${ms / 1_000} s: ${stepText(step, url, name)}. ${raiseIt}`
  return new RemoteFailure({ _tag: 'WorkerFailed', worker, message, cause: null })
}

const stepText = (step: StartStep | null, url: string, name: string): string => {
  switch (step) {
    case null:
      return 'its thread has not started'
    case 'import':
      return `it is still importing ${url}. Check what the module waits for while it is imported`
    case 'build':
      return (
        `the build function of ${JSON.stringify(name)}, in ${url}, has not returned. Each worker calls it again, and what it computes, ` +
        'such as the elements of Create.of, is computed in each worker. Let a source read large collections'
      )
    case 'open':
      return 'it is still opening sources and sinks, or calling setup functions. Check that its servers can be reached'
  }
}

export class WorkersRun implements Run {
  readonly #pipeline: PortablePipeline
  readonly #opened: Opened
  readonly #place: Place
  readonly #patience: Patience
  readonly #pacer: Pacer
  readonly #errands = new Errands(() => this.#pacer.poke())
  readonly #crew: WorkerCrew
  readonly #conductor: Conductor
  readonly #watch: ProgressWatch
  readonly #beganMs: number

  constructor(pipeline: PortablePipeline, opened: Opened, place: Place, patience = usual, threads: Threads = workerThreads) {
    this.#pipeline = pipeline
    this.#opened = opened
    this.#place = place
    this.#patience = patience
    this.#pacer = new Pacer(place.clock)
    this.#beganMs = place.clock.monotonicMs()
    this.#watch = new ProgressWatch(place.tell)
    const poke = (): void => this.#pacer.poke()
    this.#crew = new WorkerCrew(opened, place, threads, {
      onSnapshot: (epoch, snapshot) => this.#errands.guarded(() => this.#conductor.onSnapshot(epoch, snapshot)),
      onFailure: error => {
        this.#errands.fail(error)
        poke()
      },
      onChange: poke,
    })
    this.#conductor = new Conductor(opened, place, this.#crew, this.#errands, poke)
  }

  async prepare(): Promise<void> {
    const { content, shards, session, lease } = this.#opened
    const { options } = this.#place
    const { graph, origin } = this.#pipeline
    const setup = {
      workers: shards,
      origin,
      nodes: descriptions(graph),
      code: codeHashes(graph),
      content,
      provide: (options.provide ?? []).flatMap(binding => (binding._tag === 'Binding' ? [binding] : [])),
      generation: session?.generation ?? 0,
      lease: lease === null ? null : { memory: lease.shared.memory, expiryMs: lease.expiryMs },
      durable: session !== null,
      strict: options.strict === true,
      seed: options.seed ?? 0,
      bundling: options.bundling,
    }
    const { startMs, closeMs } = this.#patience
    const { signal } = this.#place
    const stopped = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('the run was stopped while its workers started')), { once: true })
    })
    stopped.catch(() => undefined) // heard while they start
    try {
      await Promise.race([
        this.#crew.start(setup, {
          limitMs: startMs,
          late: worker => tooLate(worker, startMs, this.#pipeline.origin, this.#crew.stepOf(worker)),
        }),
        stopped,
      ])
    } catch (error) {
      await this.#crew.close(closeMs)
      throw error
    }
  }

  async run(): Promise<PipelineResult> {
    const [crew, conductor] = [this.#crew, this.#conductor]
    if ([...this.#opened.sources.values()].some(source => source.scriptedMs !== undefined))
      this.#errands.later(async () => {
        await this.#playScripts()
        return () => undefined
      })
    try {
      await this.#pacer.run({
        step: () => this.#step(),
        restMs: () => conductor.restMs(),
        ended: () => conductor.ended !== null,
      })
      const state = conductor.ended ?? 'cancelled'
      if (state === 'done' || state === 'drained') checkAssertions(this.#opened.plan, await crew.gathered())
      this.#progress()
      return { state, metrics: this.metrics() }
    } finally {
      conductor.close()
      await crew.close(this.#patience.closeMs)
    }
  }

  /** Plays scripts: the clock goes on, or an event happens, whenever all workers are at rest and nothing is on its way between them. */
  async #playScripts(): Promise<void> {
    const crew = this.#crew
    let sentBefore = Number.NaN
    while (this.#conductor.ended === null) {
      const { quiescent, dueMs, next, sent } = await crew.rest()
      // One look is not enough: a message may have been sent and taken in between two workers' answers.
      const settled = quiescent && sent === sentBefore
      sentBefore = quiescent ? sent : Number.NaN
      if (!settled) await new Promise<void>(resolve => this.#place.clock.nextTurn(resolve))
      else if (next === null) return
      else if (dueMs <= next.atMs) await crew.advanceTo(dueMs)
      else {
        await crew.advanceTo(next.atMs)
        await crew.play(next.worker)
      }
    }
  }

  #step(): false {
    this.#crew.askSinks()
    this.#conductor.step(() => this.#progress())
    return false
  }

  #progress(): void {
    const { onProgress } = this.#place.options
    const now = this.#place.clock.wallMs()
    if (onProgress === undefined)
      return this.#watch.look(progressOf(this.#opened.plan, this.#crew.reports(), this.#crew.haveAllReported()), now)
    const metrics = this.metrics()
    this.#watch.look(metrics, now)
    onProgress(metrics)
  }

  suspend(): void {
    this.#conductor.suspend()
  }

  drain(): void {
    this.#conductor.drain()
  }

  cancel(): void {
    this.#conductor.cancel()
  }

  savepoint(name: string): Promise<string> {
    return this.#conductor.savepoint(name)
  }

  unfinished(): string {
    return this.#conductor.unfinished()
  }

  newest(): CheckpointContent {
    return this.#conductor.content
  }

  metrics(): JobMetrics {
    const at = { beganMs: this.#beganMs, nowMs: this.#place.clock.monotonicMs() }
    const { plan, lease } = this.#opened
    const metrics = metricsOf(plan, at, this.#crew.reports(), this.#conductor.stats, this.#crew.haveAllReported())
    return lease === null ? metrics : { ...metrics, lease: lease.metrics() }
  }
}
