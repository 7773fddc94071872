// A simulated world: a scenario, the servers that outlive its processes, and what befalls them, all from one seed.
import type { CheckpointContent } from '../../runners/host/checkpoint-content.ts'
import { stageOf } from '../../runners/engine/task-name.ts'
import type { CommitId } from '../../sdk/graph/sink.ts'
import type { Split, SplitProgress } from '../../sdk/splittable/source.ts'
import { Host } from '../../runners/direct/host.ts'
import { settled, startJob } from '../../runners/host/job.ts'
import { allFeatures } from '../../runners/plan/features.ts'
import { WorkersRun } from '../../runners/worker-threads/run.ts'
import type { Pipeline, PortablePipeline } from '../../sdk/graph/pipeline.ts'
import { Checkpoints, type Job, millis, type PipelineError } from '../../sdk/index.ts'
import type { JobEvent } from '../../sdk/model/job-event.ts'
import type { PipelineResult } from '../../sdk/model/run.ts'
import { Draw } from './draw.ts'
import { Executor } from './executor.ts'
import { hasPassed, Lineage } from './lineage.ts'
import { pipelineOf } from './pipelines.ts'
import { type Scenario, scenarioOf, shardsOf } from './scenario.ts'
import { connectedTo, type DestinationTraits, earliest, Stream } from './simulated-destination.ts'
import { SimulatedProcess } from './simulated-process.ts'
import { connectedSource, hidesSplits, splitsOf } from './simulated-source.ts'
import { Medium, SimulatedStore } from './simulated-store.ts'
import { SimulatedThreads } from './simulated-threads.ts'

/** What befalls processes and servers: shares of steps, of messages and of requests. */
export interface Faults {
  readonly crash: number
  /** Of the events of a job's checkpoints: right behind them. */
  readonly crashAtEvent: number
  readonly workerDeath: number
  readonly storeFailure: number
  readonly late: number
  readonly suspend: number
  readonly cancel: number
  readonly savepoint: number
  /** One thread stands still. */
  readonly stall: number
  /** All of them do, and time goes on. */
  readonly stop: number
  readonly cutOff: number
  /** It is stopped, and another one begins meanwhile. */
  readonly replace: number
  readonly rollback: number
  readonly drain: number
  /** The machine's wall clock is set. */
  readonly clockJump: number
  /** Of requests, packets and looks. */
  readonly sinkFailure: number
  readonly sourceFailure: number
  /** Of answers of workers. */
  readonly repeated: number
  readonly reordered: number
  readonly lostAnswer: number
}

const none: Faults = {
  crash: 0,
  crashAtEvent: 0,
  workerDeath: 0,
  storeFailure: 0,
  late: 0,
  suspend: 0,
  cancel: 0,
  savepoint: 0,
  stall: 0,
  stop: 0,
  cutOff: 0,
  replace: 0,
  rollback: 0,
  drain: 0,
  clockJump: 0,
  sinkFailure: 0,
  sourceFailure: 0,
  repeated: 0,
  reordered: 0,
  lostAnswer: 0,
}

/** Whether it is known for each output of an abandoned run if a savepoint holds it: what leaves as it comes may wait for a call or a side input. */
const canRollBack = ({ immediate, before, side }: Scenario): boolean =>
  !immediate || (side === null && !before.includes('async') && !before.includes('expand'))

const faultsOf = (draw: Draw, scenario: Scenario): Faults => {
  const { tooLate, threads } = scenario
  if (tooLate || draw.chance(0.15)) return none
  const rollsBack = canRollBack(scenario) && draw.chance(0.2)
  return {
    crash: draw.pick([0, 0.001, 0.004, 0.01]),
    crashAtEvent: draw.pick([0, 0, 0.1, 0.5]),
    workerDeath: threads ? draw.pick([0, 0, 0.001, 0.005]) : 0,
    storeFailure: draw.pick([0, 0, 0.03, 0.2]),
    late: draw.pick([0, 0, 0.02, 0.2]),
    suspend: draw.pick([0, 0, 0.002]),
    cancel: draw.pick([0, 0, 0.001]),
    savepoint: rollsBack ? 0.02 : draw.pick([0, 0, 0.003]),
    stall: draw.pick([0, 0, 0.002]),
    stop: draw.pick([0, 0, 0.001]),
    cutOff: draw.pick([0, 0, 0.001]),
    replace: draw.pick([0, 0, 0.002]),
    rollback: rollsBack ? 0.01 : 0,
    drain: draw.chance(0.15) ? 0.002 : 0,
    clockJump: draw.pick([0, 0, 0.003]),
    sinkFailure: draw.pick([0, 0, 0, 0.003]),
    sourceFailure: draw.pick([0, 0, 0, 0.003]),
    repeated: threads ? draw.pick([0, 0.05]) : 0,
    reordered: threads ? draw.pick([0, 0.05]) : 0,
    lostAnswer: threads ? draw.pick([0, 0, 0.05]) : 0,
  }
}

/** A destination that is slower than checkpoints may be, a source that goes on for seconds, and a process that dies as soon as one is durable. */
const isSlow = (seed: number, { tooLate }: Scenario): boolean => !tooLate && new Draw(seed ^ 0x5104).chance(0.12)

const slowed = (scenario: Scenario): Scenario => ({
  ...scenario,
  threads: true,
  immediate: true,
  copy: true,
  largestBatch: 3,
  // They come one at a time: a few seconds of them are enough.
  sources: scenario.sources.map(splits => splits.map(events => events.slice(0, 12))),
})

export type Ending =
  | { readonly _tag: 'Ended'; readonly result: PipelineResult }
  | { readonly _tag: 'Failed'; readonly error: PipelineError }
  /** Nothing that a run may end with. */
  | { readonly _tag: 'Broken'; readonly error: unknown }

/** One life of a process. */
export interface Life {
  readonly process: SimulatedProcess
  readonly threads: SimulatedThreads | null
  job: Job | null
  ending: Ending | null
}

/** How often each thing happened. */
export type Counts = Record<string, number>

export class World {
  readonly scenario: Scenario
  readonly executor: Executor
  readonly medium: Medium
  readonly streams = new Map<string, Stream>()
  readonly draw: Draw
  readonly counts: Counts = {}
  /** Each as text, made when it is asked for. */
  readonly events: (() => string)[] = []
  /** What was seen on the way that must not be, though the run may end well. */
  readonly problems: string[] = []
  readonly lineage = new Lineage()
  readonly #destination: DestinationTraits
  readonly #pipeline: PortablePipeline
  readonly #faults: Faults
  readonly #paceMs: number
  readonly #steadyMs: number | null
  readonly #clones: boolean
  readonly #forgets: boolean
  readonly #checkpoints: Checkpoints
  readonly #parallel: boolean
  readonly #restarts: number
  /** Each costs a checkpoint its whole time. */
  readonly #losesAnswers: boolean
  #calm = false
  #aborted = false
  #processes = 0
  #savepoints = 0

  constructor(seed: number, mix: number) {
    const mixed = seed ^ (mix * 0x0101_0101)
    const drawn = scenarioOf(seed)
    const slow = isSlow(seed, drawn)
    const scenario = (this.scenario = slow ? slowed(drawn) : drawn)
    // Draws of their own, so that one more draw in a scenario does not change how its events are mixed.
    const draw = (this.draw = new Draw(mixed ^ 0x5eed_5eed))
    const executor = (this.executor = new Executor(new Draw(mixed ^ 0x0e5e_c070), draw.pick([0.02, 0.1, 0.5]), draw.pick([0, 0.002])))
    this.#faults = slow ? { ...none, late: draw.pick([0.3, 0.6]), crashAtEvent: 0.6 } : faultsOf(draw, scenario)
    this.#paceMs = draw.pick([0.5, 2, 8])
    this.#steadyMs = slow ? draw.pick([60, 200]) : null
    this.#clones = draw.chance(0.1)
    this.#forgets = draw.chance(0.3)
    this.#parallel = draw.chance(0.6)
    this.#restarts = draw.pick([0, 3])
    const everyMs = draw.pick([5, 20, 60, 300])
    const timeoutMs = draw.pick(scenario.tooLate ? [600_000] : slow ? [60, 200] : [20, 60, 200, 2_000, 600_000])
    this.#losesAnswers = timeoutMs <= 200
    this.#checkpoints = Checkpoints.directory('simulated', {
      every: millis(everyMs),
      timeout: millis(timeoutMs),
      failures: draw.pick(slow ? [20, 100] : [3, 5, 20]),
    })
    this.medium = new Medium(executor, {
      paceMs: draw.pick([0.5, 2, 10]),
      failures: () => this.faults.storeFailure,
      expiryMs: draw.pick([2_000, 10_000]),
      keep: draw.int(1, 3),
    })
    this.medium.onDurable = (process, { epoch, content }) => {
      const written = JSON.parse(content) as CheckpointContent // as a run wrote it
      this.lineage.onDurable(written, process.savepointRead)
      this.#requireStored(process, epoch, written)
    }
    this.medium.onSavepoint = (name, content) => this.lineage.onSavepoint(name, content)
    this.#destination = {
      paceMs: draw.pick([0.5, 2, 10]),
      late: () => this.faults.late,
      lateMs: slow ? draw.pick([1_000, 3_000]) : draw.pick([20, 200]),
      failures: () => this.faults.sinkFailure,
      together: slow ? 0.1 : 0.7,
      duplicateWindowMs: 20_000,
      window: slow ? 1_000 : draw.pick([4, 1_000]),
    }
    this.#pipeline = this.#built()
  }

  get faults(): Faults {
    return this.#calm ? none : this.#faults
  }

  /** It has had its share: one that is suspended again and again never ends. */
  becomeCalm(): void {
    this.#calm = true
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  stream(name: string): Stream {
    const known = this.streams.get(name) ?? new Stream(name, this.executor, this.#destination.duplicateWindowMs)
    this.streams.set(name, known)
    return known
  }

  #built(): PortablePipeline {
    const { scenario, executor, draw } = this
    const pipeline: Pipeline = pipelineOf(scenario, {
      source: name => async () => {
        const events = name === 'side' ? (scenario.side?.splits ?? []) : (scenario.sources[Number(name.slice('source'.length))] ?? [])
        return connectedSource(executor, {
          events,
          splits: splitsOf(scenario, events),
          hidesSplits: name !== 'side' && hidesSplits(scenario),
          largestBatch: scenario.largestBatch,
          paceMs: this.#paceMs,
          steadyMs: this.#steadyMs,
          failures: () => this.faults.sourceFailure,
          onCommit: this.#forgets ? (split, progress) => this.#requireDurable(name, split, progress) : null,
        })
      },
      sink: name => context =>
        connectedTo(this.stream(name), this.#current(), this.#destination, context, id => this.#requireCommitted(id)),
      parallel: this.#parallel,
      earliest,
      later: () => executor.pause(executor.delay(this.#paceMs * 3)),
      share: () => draw.share(),
    })
    return { ...pipeline, origin: { url: 'simulated', name: 'simulated', options: null } }
  }

  /** Whose code runs now. */
  readonly #owners = new Map<string, SimulatedProcess>()
  #current(): SimulatedProcess {
    const name = this.executor.current?.name.split('.')[0] ?? ''
    const process = this.#owners.get(name)
    if (process === undefined) throw new Error(`no process runs: ${name}`)
    return process
  }

  /** A start from this manifest reads nothing again that it has passed: what was published of that must be stored by now. */
  #requireStored({ publishers }: SimulatedProcess, epoch: number, content: CheckpointContent): void {
    const lost = publishers.flatMap(publisher => publisher.lost())
    const passed = lost.find(({ of }) => of.runId === content.runId && hasPassed(content, of.split, of.position))
    if (passed !== undefined)
      this.problems.push(`checkpoint ${epoch} is durable, and a crash now would lose ${passed.id}, which was published before its barrier`)
  }

  /** What a checkpoint holds is published once it is durable. */
  #requireCommitted({ shard, generation, epoch }: CommitId): void {
    if (!this.medium.durable.has(`${generation}/${epoch}`))
      this.problems.push(`outputs of ${shard} are published with checkpoint ${epoch} of generation ${generation}, which is not durable`)
  }

  /** A server is told to forget only what a start would not read again. */
  #requireDurable(stage: string, { id }: Split, { last }: SplitProgress): void {
    this.count('forgotten')
    const tasks = this.medium.content?.tasks ?? {}
    const durable = Object.entries(tasks).flatMap(([task, { record }]) =>
      stageOf(task) === stage ? record.splits.filter(({ split }) => split.id === id) : [],
    )
    if (durable.length > 0 && durable.every(({ progress }) => (progress.last ?? -1) < (last ?? -1)))
      this.problems.push(`${stage} was told to forget ${id} up to ${last}, and the newest checkpoint is at ${durable[0]?.progress.last}`)
  }

  /** A process begins. */
  begin(): Life {
    const { executor, scenario, medium } = this
    const process = new SimulatedProcess(executor, this.#processes++)
    this.#owners.set(process.main.name, process)
    const workers = Math.min(3, shardsOf(scenario, this.#processes))
    const clock = executor.clockOf(process.main)
    const threads = scenario.threads
      ? new SimulatedThreads({
          executor,
          main: process.main,
          rebuild: () => Promise.resolve(this.#pipeline),
          traits: {
            clones: this.#clones,
            paceMs: this.#paceMs / 4,
            deaths: () => this.faults.workerDeath,
            repeats: () => this.faults.repeated,
            reorders: () => this.faults.reordered,
            losses: () => (this.#losesAnswers ? this.faults.lostAnswer : 0),
            onAnswer: what => this.count(what),
          },
        })
      : null
    if (threads !== null) process.workers = () => threads.living
    const life: Life = { process, threads, job: null, ending: null }
    const run = async (): Promise<void> => {
      try {
        const started = await settled(() =>
          startJob(
            this.#pipeline,
            {
              job: 'simulated',
              // In a calm world every checkpoint gets its time.
              checkpoints: this.#calm ? { ...this.#checkpoints, timeoutMs: 600_000 } : this.#checkpoints,
              tasks: workers,
              ...(threads === null ? {} : { threads: workers }),
              strict: scenario.strict,
              seed: scenario.seed,
              log: (level, message) => {
                this.count(`log ${level}`)
                const { nowMs } = executor
                this.events.push(() => `${Math.round(nowMs)} process ${process.number} ${level}: ${message}`)
              },
              onEvent: event => this.#onEvent(process, event),
            },
            {
              support: { runner: 'the simulated runner', features: allFeatures },
              clock,
              store: new SimulatedStore(medium, process),
              runOf: (opened, place) =>
                threads === null ? new Host(opened, place) : new WorkersRun(this.#pipeline, opened, place, undefined, threads),
              restart: { attempts: this.#restarts, initial: millis(20) },
            },
          ),
        )()
        if (started._tag === 'Left') {
          life.ending = { _tag: 'Failed', error: started.left }
          return
        }
        const job = (life.job = started.right)
        const done = await job.done()
        life.ending = done._tag === 'Right' ? { _tag: 'Ended', result: done.right } : { _tag: 'Failed', error: done.left }
      } catch (error) {
        life.ending = { _tag: 'Broken', error }
      }
    }
    process.main.onUncaught = error => {
      life.ending = { _tag: 'Broken', error }
    }
    executor.schedule(process.main, 'start', 0, () => void run())
    return life
  }

  #onEvent(process: SimulatedProcess, event: JobEvent): void {
    this.count(event._tag)
    const { atMs, ...rest } = event
    const isBehindAbort = this.#aborted && event._tag === 'CheckpointDurable'
    if (event._tag === 'CheckpointAborted') this.#aborted = true
    else if (event._tag === 'CheckpointCompleted') this.#aborted = false
    // What was given up is when a late answer may be taken for another one's.
    const share = event._tag.startsWith('Checkpoint') ? this.faults.crashAtEvent * (isBehindAbort ? 1 : 0.1) : 0
    if (this.draw.chance(share))
      this.executor.schedule(null, 'crash', this.executor.delay(1), () => {
        if (process.dead) return
        this.count('crash')
        process.kill()
      })
    this.events.push(() => `${Math.round(atMs)} process ${process.number}: ${JSON.stringify(rest)}`)
  }

  /** What befalls the process before its next step. */
  befall(life: Life): 'replace' | null {
    const { faults, draw, executor } = this
    const { process, threads, job } = life
    if (process.main.paused) return null
    if (draw.chance(faults.crash)) {
      this.count('crash')
      process.kill()
      return null
    }
    if (draw.chance(faults.replace)) {
      this.count('replace')
      this.#stop(process, draw.pick([500, 5_000, 40_000]) * draw.share())
      return 'replace'
    }
    if (draw.chance(faults.stop)) {
      this.count('stop')
      this.#stop(process, draw.pick([10, 300, 3_000]) * draw.share())
    }
    if (draw.chance(faults.stall)) {
      this.count('stall')
      const thread = draw.pick([process.main, ...(threads?.living ?? [])])
      thread.paused = true
      executor.schedule(null, 'go on', draw.pick([5, 50, 500]) * draw.share(), () => executor.resume(thread))
    }
    if (draw.chance(faults.cutOff)) {
      this.count('cutOff')
      process.cutOffUntilMs = executor.nowMs + draw.pick([20, 200]) * draw.share()
    }
    if (draw.chance(faults.clockJump)) {
      this.count('clockJump')
      // Timers of processing time that a checkpoint holds wait in the next process until its clock says so: they must not wait for an hour.
      executor.wallAheadMs += draw.pick([-3_000, -300, 300, 3_600_000]) * draw.share()
    }
    if (job === null) return null
    if (draw.chance(faults.drain)) {
      this.count('drain')
      executor.schedule(process.main, 'drain', 0, () => void job.drain())
    }
    const { savepoints } = this.medium
    if (savepoints.size > 0 && draw.chance(faults.rollback)) {
      this.count('rollback')
      const name = draw.pick([...savepoints.keys()])
      executor.schedule(process.main, 'rollback', 0, () => void job.rollback(name)())
    }
    if (draw.chance(faults.suspend)) {
      this.count('suspend')
      executor.schedule(process.main, 'suspend', 0, () => void job.suspend())
    }
    if (draw.chance(faults.cancel)) {
      this.count('cancel')
      executor.schedule(process.main, 'cancel', 0, () => void job.cancel())
    }
    if (draw.chance(faults.savepoint)) {
      this.count('savepoint')
      const name = `point${this.#savepoints++}`
      executor.schedule(process.main, 'savepoint', 0, () => void job.savepoint(name)())
    }
    return null
  }

  #stop(process: SimulatedProcess, ms: number): void {
    process.stop()
    this.executor.schedule(null, 'go on', ms, () => process.goOn())
  }

  /** Whether a process may end with it, given what befell it. */
  tolerates(error: PipelineError): boolean {
    const f = this.#faults
    switch (error._tag) {
      case 'CheckpointFailed':
        if (error.kind === 'LeaseLost' || error.kind === 'LeaseHeld') return f.replace > 0
        return error.kind === 'TimedOut' || error.kind === 'StoreFailed' || error.kind === 'StoreFull'
      case 'WorkerFailed':
        return f.workerDeath > 0 && error.message.includes('simulated')
      case 'IoFailed':
        return (f.sinkFailure > 0 || f.sourceFailure > 0) && error.message.includes('simulated')
      default:
        return false
    }
  }
}
