// A stage that looks at what its grouping or its state gives: nothing on time or early may lie behind the watermark that was already
// handed on.
import type { Batch } from '../../runners/harness/batch.ts'
import { StageInstance } from '../../runners/harness/stage-instance.ts'
import type { Strictness } from '../../runners/harness/strictness.ts'
import type { Stage } from '../../runners/plan/stage.ts'
import type { Task } from '../../runners/engine/task.ts'

export class CheckedInstance extends StageInstance {
  readonly #task: () => Task

  constructor(stage: Stage, strict: Strictness | null, task: () => Task) {
    super(stage, strict)
    this.#task = task
  }

  override run(batch: Batch): void {
    const { head } = this.stage
    // Where nothing may be late, a scenario has nothing that is.
    if (head._tag === 'Group' || (head._tag === 'Stateful' && head.strategy.allowedLateness === 0)) {
      const watermark = this.#task().outputWatermark()
      for (const [i, timestamp] of batch.timestamps.entries()) {
        const timing = batch.panes?.[i]?.timing
        if (timestamp < watermark && timing !== 'late')
          throw new Error(`${this.#task().name} gives ${timing} at ${timestamp}, behind its watermark ${watermark}`)
      }
    }
    super.run(batch)
  }
}
