// Origins: what an output that leaves as it comes was read from, and how far reading has passed it. What an earlier life of a run has
// published of an origin is remembered only by whoever may publish it again. A part that was cut off a split has its origin: positions tell
// them apart, and a replay may find them in one again.
import type { TaskRecord } from './messages.ts'
import { stageOf } from './task-name.ts'
import type { Split } from '../../sdk/splittable/source.ts'
import type { SourceSplits } from './source-splits.ts'

/** Splits have names of their own only within their source. */
export const originOf = (stage: string, { id, origin = id }: Pick<Split, 'id' | 'origin'>): string => `${stage}/${origin}`

/** By origin: the last position whose outputs will not come again; Infinity: none of them will. */
export type Passed = ReadonlyMap<string, number>

interface Reads {
  readonly stage: { readonly id: string }
  readonly splits: Pick<SourceSplits, 'records'> | null
}

/** Of what these tasks read. Of parts of one split, whoever has come least far says it. */
export const passedBy = (tasks: ReadonlyArray<Reads>): Passed => {
  const passed = new Map<string, number>()
  for (const { stage, splits } of tasks)
    for (const { split, progress, done } of splits?.records() ?? []) {
      const origin = originOf(stage.id, split)
      passed.set(origin, Math.min(passed.get(origin) ?? Infinity, done ? Infinity : (progress.last ?? -Infinity)))
    }
  return passed
}

/** Splits that others read. */
export const othersOf = (stage: string, splits: ReadonlyArray<Split>): Passed =>
  new Map(splits.map(split => [originOf(stage, split), Infinity]))

/**
 * Of all that a checkpoint names, as whoever reads none of it sees it. A split that the checkpoint does not know is left out: it may be
 * found again, by anyone.
 */
export const othersIn = (tasks: Readonly<Record<string, { readonly record: TaskRecord }>>, splits: Splits): Passed =>
  new Map([
    ...Object.entries(splits).flatMap(([stage, all]) => [...othersOf(stage, all)]),
    ...Object.entries(tasks).flatMap(([task, { record }]) => [
      ...othersOf(
        stageOf(task),
        record.splits.map(({ split }) => split),
      ),
    ]),
  ])

type Splits = Readonly<Record<string, ReadonlyArray<Split>>>
