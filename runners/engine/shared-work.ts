// What a task says of its share of a stage's work, gives of it, and takes of another's or of what has appeared.
import { Instant } from '../../sdk/model/time.ts'
import type { Split } from '../../sdk/splittable/source.ts'
import type { Moved, Share } from './sharing.ts'
import type { Task } from './task.ts'

export const shareOf = (task: Task): Share => {
  const remaining = task.splits?.remaining() ?? task.restrictions?.remaining() ?? 0
  // What is on its way to a splittable stage may become work.
  const hasAll = task.splits !== null || task.inputWatermark() === Instant.max
  return {
    stage: task.stage.id,
    watermark: task.ownWatermark(),
    output: task.outputWatermark(),
    remaining,
    settled: remaining === 0 && hasAll,
  }
}

/** null: it has nothing to give. `cut`: the split that ends sooner now, and where; its reader must be told. */
export const givenBy = (
  task: Task,
): { readonly moved: Moved; readonly cut: { readonly id: string; readonly to: number } | null } | null => {
  const part = task.splits?.give() ?? null
  if (part !== null) {
    const { id, split, watermark } = part
    return { moved: { _tag: 'Split', split, watermark }, cut: { id, to: split.range.from } }
  }
  const restriction = task.restrictions?.give() ?? null
  return restriction === null ? null : { moved: { _tag: 'Restriction', ...restriction }, cut: null }
}

/** What a look for new splits has found for this task; see {@link SourceSplits.discovered}. */
export const discoveredBy = (task: Task, splits: ReadonlyArray<Split>, horizon: number, nowMs: number): void => {
  task.splits?.discovered(splits, horizon)
  task.onSourceProgress(nowMs)
}

/** Says which split is to be read from now on, if it is one. */
export const takenBy = (task: Task, moved: Moved, nowMs: number): string | null => {
  switch (moved._tag) {
    case 'Split':
      task.splits?.add(moved.split, moved.watermark)
      return moved.split.id
    case 'Restriction':
      task.restrictions?.take(moved.bytes, nowMs)
      return null
  }
}
