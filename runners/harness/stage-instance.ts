// A stage ready to run: compiled, with its exits' buffers and its DoFns' bundles. One for each task.
import type { UserFunction } from '../../sdk/graph/node.ts'
import { enterScope, type MetricScope } from '../../sdk/model/metric-scope.ts'
import type { AfterCommit } from '../../sdk/stateful/effects.ts'
import type { Stage } from '../plan/stage.ts'
import type { Batch } from './batch.ts'
import { Bundle } from './bundle.ts'
import { type CompiledStage, compileStage } from './compile.ts'
import { ExitBuffer } from './exit-buffer.ts'
import { MetricCells } from './metric-cells.ts'
import { Room } from './room.ts'
import { hooksOf, pathOf, type StageHooks } from './stage-hooks.ts'
import { StageWork } from './stage-work.ts'
import type { Strictness } from './strictness.ts'

/** To be called once a checkpoint is durable and published; `transform`: the path of whoever asked for it. */
export interface Finalizer {
  readonly transform: string
  readonly call: AfterCommit['call']
}

const nothing: ReadonlyArray<Finalizer> = []

export class StageInstance {
  readonly stage: Stage
  readonly exits: ReadonlyArray<ExitBuffer>
  /** A user's function with the strict checks around it, if there are any. */
  readonly guard: (f: UserFunction, path: string) => unknown
  readonly strict: boolean
  readonly #bundles: ReadonlyMap<number, Bundle>
  /** What the bundles since the last `takeFinalizers` ask for. */
  #finalizers: Finalizer[] = []
  readonly #room: Room
  readonly #hooks: StageHooks
  readonly #compiled: CompiledStage
  readonly metrics: MetricCells
  /** Of functions that the head itself calls, outside of `run`: a CombineFn's, a stateful DoFn's, an asynchronous one. */
  readonly headScope: MetricScope
  readonly #stepScope: MetricScope

  /** What it has done, and how long that took. */
  readonly work: StageWork

  /** `now`: processing time in milliseconds, which a gauge remembers. `clock`: milliseconds that never go back, to measure with. */
  constructor(stage: Stage, strictness: Strictness | null, now: () => number = Date.now, clock: () => number = () => 0) {
    this.stage = stage
    this.work = new StageWork(clock, stage.head._tag === 'Async')
    this.strict = strictness !== null
    this.guard = (f, path) => (strictness === null ? f : strictness.guard(f, path))
    this.metrics = new MetricCells(now)
    this.headScope = this.metrics.scope(() => stage.id)
    this.#stepScope = this.metrics.scope(() => pathOf(stage, this.#compiled.at()))
    this.exits = stage.exits.map((exit, i) => new ExitBuffer(exit, exitStrategy(stage, i)))
    this.#room = new Room(this.exits)
    this.#bundles = new Map(
      stage.steps.flatMap((step, i) => {
        const { transform, path, strategy } = step
        if (transform._tag !== 'Bundled') return []
        const afterCommit = ({ call }: AfterCommit): void => void this.#finalizers.push({ transform: path, call })
        return [[i, new Bundle(path, transform.spec, strategy, f => this.guard(f, path), afterCommit, this.#room)] as const]
      }),
    )
    this.#hooks = hooksOf(stage, this.exits, this.#room, this.#bundles, strictness)
    this.#compiled = compileStage(stage, this.#hooks)
  }

  /** The greatest timestamp that the head has given so far. */
  get maxTimestamp(): number {
    return this.#hooks.progress.maxTimestamp
  }

  /** For a split that begins or goes on: what it had seen. */
  resetMaxTimestamp(to: number): void {
    this.#hooks.progress.maxTimestamp = to
  }

  /**
   * Runs a batch as one bundle; what comes out waits in `exits`, and in `takeFinalizers`. `handOn` is called in the middle of it where that is
   * much. Throws a UserCodeError.
   */
  run(batch: Batch, handOn: () => void = () => undefined): void {
    const outer = enterScope(this.#stepScope)
    const began = this.work.clock()
    this.#room.handOn = () => {
      const cutAt = this.work.clock()
      handOn()
      this.work.wasAway(cutAt)
    }
    try {
      this.#compiled.run(batch)
      this.#compiled.finishBundle()
      this.work.ran(began, batch.values.length)
    } finally {
      enterScope(outer)
    }
  }

  /** The functions that a head calls count as the head's; `elements`: how many have come in with it. */
  asHead(work: () => void, elements: number): void {
    const outer = enterScope(this.headScope)
    const began = this.work.enterHead()
    try {
      work()
    } finally {
      this.work.headRan(began, elements)
      enterScope(outer)
    }
  }

  takeFinalizers(): ReadonlyArray<Finalizer> {
    if (this.#finalizers.length === 0) return nothing
    const taken = this.#finalizers
    this.#finalizers = []
    return taken
  }

  /** Those whose setup and teardown are to be called, in the order of the data, with their transforms' paths. */
  lifeCycles(): ReadonlyArray<readonly [path: string, bundle: Pick<Bundle, 'setup' | 'teardown'>]> {
    return [...this.#bundles].map(([step, bundle]) => [pathOf(this.stage, step), bundle] as const)
  }
}

/** How elements are windowed where they leave: as the step before the exit left them. */
const exitStrategy = (stage: Stage, exit: number): Stage['strategy'] => {
  const leads = (targets: ReadonlyArray<{ readonly _tag: string; readonly exit?: number }>): boolean =>
    targets.some(t => t._tag === 'Exit' && t.exit === exit)
  if (leads(stage.targets)) return stage.strategy
  const step = stage.steps.find(({ targets }) => Object.values(targets).some(leads))
  if (step === undefined) return stage.strategy
  return step.transform._tag === 'WindowInto' ? step.transform.strategy : step.strategy
}
