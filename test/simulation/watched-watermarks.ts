// Watches what groupings and state give: nothing on time or early may lie behind the watermark that their task has already handed on. The
// world outside cannot see that, so the engine's own classes are watched while the simulator runs.
import { Task } from '../../runners/engine/task.ts'
import type { Batch } from '../../runners/harness/batch.ts'
import { StageInstance } from '../../runners/harness/stage-instance.ts'

const tasks = new WeakMap<StageInstance, Task>()

/** From here on, for the whole process. What lies behind a watermark fails the run by name. */
export const watchWatermarks = (): void => {
  const begin = Reflect.get(Task.prototype, 'begin') as (this: Task, nowMs: number) => void
  const run = Reflect.get(StageInstance.prototype, 'run') as (this: StageInstance, batch: Batch, handOn?: () => void) => void
  if (Object.hasOwn(begin, 'watched')) return
  Task.prototype.begin = Object.assign(
    function (this: Task, nowMs: number): void {
      tasks.set(this.instance, this)
      begin.call(this, nowMs)
    },
    { watched: true },
  )
  StageInstance.prototype.run = function (this: StageInstance, batch, handOn): void {
    const task = tasks.get(this)
    const { head } = this.stage
    // Where nothing may be late, a scenario has nothing that is.
    if (task !== undefined && (head._tag === 'Group' || (head._tag === 'Stateful' && head.strategy.allowedLateness === 0))) {
      const watermark = task.outputWatermark()
      for (const [i, timestamp] of batch.timestamps.entries()) {
        const timing = batch.panes?.[i]?.timing
        if (timestamp < watermark && timing !== 'late')
          throw new Error(`${task.name} gives ${timing} at ${timestamp}, behind its watermark ${watermark}`)
      }
    }
    run.call(this, batch, handOn)
  }
}
