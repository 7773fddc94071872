// A stage ready to run: compiled, with its exits' buffers and its DoFns' bundles. One for each task.
import type { UserFunction } from '../../sdk/graph/node.ts'
import type { Stage } from '../plan/stage.ts'
import type { Batch } from './batch.ts'
import { Bundle } from './bundle.ts'
import { type CompiledStage, compileStage } from './compile.ts'
import { ExitBuffer } from './exit-buffer.ts'
import { hooksOf, type StageHooks } from './stage-hooks.ts'
import type { Strictness } from './strictness.ts'

export class StageInstance {
  readonly stage: Stage
  readonly exits: ReadonlyArray<ExitBuffer>
  /** A user's function with the strict checks around it, if there are any. */
  readonly guard: (f: UserFunction, path: string) => unknown
  readonly #bundles: ReadonlyMap<number, Bundle>
  readonly #hooks: StageHooks
  readonly #compiled: CompiledStage

  constructor(stage: Stage, strictness: Strictness | null) {
    this.stage = stage
    this.guard = (f, path) => (strictness === null ? f : strictness.guard(f, path))
    this.exits = stage.exits.map((exit, i) => new ExitBuffer(exit, exitStrategy(stage, i)))
    this.#bundles = new Map(
      stage.steps.flatMap((step, i) => {
        const { transform, path, strategy } = step
        if (transform._tag !== 'Bundled') return []
        return [[i, new Bundle(transform.spec, strategy, f => this.guard(f, path))] as const]
      }),
    )
    this.#hooks = hooksOf(stage, this.exits, this.#bundles, strictness)
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

  /** Runs a batch as one bundle; what comes out waits in `exits`. Throws a UserCodeError. */
  run(batch: Batch): void {
    this.#compiled.run(batch)
    this.#compiled.finishBundle()
  }

  async setup(): Promise<void> {
    for (const bundle of this.#bundles.values()) await bundle.setup()
  }

  async teardown(): Promise<void> {
    for (const bundle of this.#bundles.values()) await bundle.teardown()
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
