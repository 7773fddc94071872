// Which outputs count after rollbacks: those of the newest run, and of each run before it those that belong to the savepoint it was left at.
import { originOf } from '../../runners/engine/origins.ts'
import { stageOf } from '../../runners/engine/task-name.ts'
import type { CheckpointContent } from '../../runners/host/checkpoint-content.ts'
import type { Origin } from './simulated-destination.ts'

/** Whether a checkpoint has passed what was read at a position of a split. */
export const hasPassed = ({ tasks }: Pick<CheckpointContent, 'tasks'>, origin: string, position: number): boolean =>
  Object.entries(tasks).some(([task, { record }]) =>
    record.splits.some(
      ({ split, progress }) =>
        originOf(stageOf(task), split) === origin && split.range.from <= position && position <= (progress.last ?? -Infinity),
    ),
  )

export class Lineage {
  /** By run: the savepoints that lead to it. */
  readonly #runs = new Map<string, ReadonlyArray<CheckpointContent>>()
  readonly #savepoints = new Map<string, ReadonlyArray<CheckpointContent>>()

  onSavepoint(name: string, content: CheckpointContent): void {
    this.#savepoints.set(name, [...(this.#runs.get(content.runId) ?? []), content])
  }

  /** `from`: the savepoint that a run begins at if it is a new one; null: at nothing. */
  onDurable({ runId }: CheckpointContent, from: string | null): void {
    if (this.#runs.has(runId)) return
    this.#runs.set(runId, from === null ? [] : (this.#savepoints.get(from) ?? []))
  }

  /**
   * For the final check, by the newest checkpoint. A run that is drained ends where it is: what an attempt that failed had published from
   * beyond that stays, and nothing reads there again.
   */
  counts(newest: CheckpointContent): (of: Origin) => boolean {
    const { runId, status } = newest
    const before = new Map((this.#runs.get(runId) ?? []).map(savepoint => [savepoint.runId, savepoint]))
    return of => {
      if (of.runId === runId) return status !== 'drained' || of.epoch !== null || hasPassed(newest, of.split, of.position)
      const savepoint = before.get(of.runId)
      if (savepoint === undefined) return false
      return of.epoch === null ? hasPassed(savepoint, of.split, of.position) : of.epoch <= (savepoint.epoch ?? -1)
    }
  }
}
