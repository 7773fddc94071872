// A run in one thread: conducted and worked by turns. All clocks and all I/O are in the room `host`; here they meet.
import type { JobMetrics } from '../../sdk/model/job-metrics.ts'
import type { PipelineResult } from '../../sdk/model/run.ts'
import { checkAssertions, gatheredIn } from '../host/assertions.ts'
import { Bundles } from '../host/bundles.ts'
import { type CheckpointContent, statesIn } from '../host/checkpoint-content.ts'
import { Conductor, type Crew } from '../host/conductor.ts'
import { discoveringIn } from '../host/discovery-watch.ts'
import { Errands } from '../host/errands.ts'
import { metricsOf, progressOf } from '../host/metrics.ts'
import type { Opened, Place } from '../host/opening.ts'
import { Pacer } from '../host/pacer.ts'
import { ProgressWatch } from '../host/progress-watch.ts'
import { Sinks } from '../host/sinks.ts'
import { TaskLoop } from '../host/task-loop.ts'
import { alwaysHeld } from '../host/thread-lease.ts'

export class Host {
  readonly #opened: Opened
  readonly #place: Place
  readonly #pacer: Pacer
  readonly #errands: Errands
  readonly #sinks: Sinks
  readonly #loop: TaskLoop
  readonly #conductor: Conductor
  readonly #watch: ProgressWatch
  readonly #beganMs: number

  constructor(opened: Opened, place: Place) {
    const { plan, content, shards, session, sources, clients } = opened
    const poke = (): void => this.#pacer.poke()
    this.#opened = opened
    this.#place = place
    this.#pacer = new Pacer(place.clock)
    this.#beganMs = place.clock.monotonicMs()
    this.#watch = new ProgressWatch(place.tell)
    this.#errands = new Errands(poke)
    this.#sinks = new Sinks(opened.sinks)
    this.#loop = new TaskLoop(
      {
        plan,
        content,
        site: {
          shards: ascending(shards),
          of: shards,
          shared: new Set(),
          discovering: discoveringIn(sources),
          sendAway: nobodyIsAway,
          stateOf: statesIn(content, session),
        },
        sources,
        sinks: this.#sinks,
        clients,
        errands: this.#errands,
        bundles: new Bundles(place.options),
        backedUp: () => false,
        told: false,
        lease: opened.lease ?? alwaysHeld,
        strict: place.options.strict === true,
        seed: place.options.seed ?? 0,
        log: place.log,
        clock: place.clock,
      },
      {
        onSnapshot: (epoch, snapshot) => this.#conductor.onSnapshot(epoch, snapshot),
        onChange: poke,
      },
    )
    this.#conductor = new Conductor(opened, place, this.#crew(), this.#errands, poke)
  }

  #crew(): Crew {
    const loop = this.#loop
    return {
      attempt: (epoch, { scope }) => ({
        inject: () => loop.inject(epoch, scope),
        positions: async () => (await loop.positions(epoch)) ?? {},
        persisted: () => loop.persisted(epoch),
        abort: async () => loop.aborted(epoch),
        publish: async () => {
          await loop.publish({ generation: this.#opened.session?.generation ?? 0, epoch })
          loop.committed(epoch)
        },
      }),
      tryAlone: split => loop.lone.ask(split),
      endTrials: () => loop.lone.end(),
      stale: () => 0,
      discovered: dealt => this.#errands.later(() => loop.discovered(dealt)),
      stopPulling: () => loop.stopPulling(),
      drain: () => loop.drain(),
      finished: () => loop.finished(),
      pendingBytes: () => loop.pendingBytes(),
    }
  }

  prepare(): Promise<void> {
    return this.#loop.prepare()
  }

  /** To the end of the run; rejects with what ended it early. */
  async run(): Promise<PipelineResult> {
    const [loop, conductor] = [this.#loop, this.#conductor]
    try {
      await this.#pacer.run({
        step: () => this.#step(),
        restMs: () => (this.#opened.lease?.inDoubt === true ? conductor.restMs() : Math.min(loop.restMs(), conductor.restMs())),
        ended: () => conductor.ended !== null,
      })
      const state = conductor.ended ?? 'cancelled'
      if (state === 'done' || state === 'drained') checkAssertions(this.#opened.plan, [gatheredIn(loop.instances)])
      this.#progress()
      return { state, metrics: this.metrics() }
    } finally {
      conductor.close()
      await loop.close()
    }
  }

  /** Whether there is more to do at once. */
  #step(): boolean {
    this.#sinks.ask()
    if (!this.#conductor.step(() => this.#progress())) return false
    this.#loop.tick()
    if (this.#loop.read()) return true
    // The last look at a reader may have found its end.
    return !this.#conductor.ending && this.#loop.finished()
  }

  #progress(): void {
    const { onProgress } = this.#place.options
    const now = this.#place.clock.wallMs()
    if (onProgress === undefined) return this.#watch.look(progressOf(this.#opened.plan, [this.#loop.report()]), now)
    const metrics = this.metrics()
    this.#watch.look(metrics, now)
    onProgress(metrics)
  }

  // ---- what a job asks

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
    const { plan, lease } = this.#opened
    const at = { beganMs: this.#beganMs, nowMs: this.#place.clock.monotonicMs() }
    const metrics = metricsOf(plan, at, [this.#loop.report()], this.#conductor.stats)
    return lease === null ? metrics : { ...metrics, lease: lease.metrics() }
  }
}

const ascending = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

const nobodyIsAway = (from: string, stage: string): never => {
  throw new Error(`${from} sent to a task of ${stage} in another thread, and all are here`)
}
