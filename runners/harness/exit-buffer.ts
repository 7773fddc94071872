// What leaves a stage while it runs a batch: one buffer an exit, emptied by the task after every batch.
import type { AssertedElement } from '../../sdk/graph/node.ts'
import { emptyOutputs, type OutputBatch } from '../../sdk/graph/sink.ts'
import type { WindowingStrategy } from '../../sdk/model/windowing-strategy.ts'
import type { Exit } from '../plan/stage.ts'
import { type Batch, emptyBatch, type FillingBatch } from './batch.ts'
import { LiftTable } from './lift-table.ts'

export class ExitBuffer {
  readonly exit: Exit
  /** Only of a shuffle with a lifted combine. */
  readonly table: LiftTable | null
  batch: FillingBatch
  outputs: OutputBatch = emptyOutputs()
  readonly gathered: AssertedElement[] = []
  readonly #windowed: boolean

  constructor(exit: Exit, strategy: WindowingStrategy) {
    this.exit = exit
    this.#windowed = strategy.windowFn.kind._tag !== 'Global'
    this.table = exit._tag === 'Shuffle' && exit.lift !== null ? new LiftTable(exit.lift) : null
    this.batch = this.#fresh()
  }

  #fresh(): FillingBatch {
    const { exit } = this
    const keyed = exit._tag === 'Shuffle'
    return emptyBatch({ keyed, windowed: this.#windowed, panes: exit._tag === 'Forward' || (keyed && exit.panes) })
  }

  takeBatch(): Batch | null {
    if (this.batch.values.length === 0) return null
    const { batch } = this
    this.batch = this.#fresh()
    return batch
  }

  takeOutputs(): OutputBatch | null {
    if (this.outputs.payloads.length === 0) return null
    const { outputs } = this
    this.outputs = emptyOutputs()
    return outputs
  }
}
