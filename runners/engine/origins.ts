// Origins: what an output that leaves as it comes was read from, and how far reading has passed it. What an earlier life of a run has
// published of an origin is remembered only by whoever may publish it again.
import type { TaskRecord } from './messages.ts'
import { stageOf } from './task-name.ts'
import type { Task } from './task.ts'

/** Splits have names of their own only within their source. */
export const originOf = (stage: string, split: string): string => `${stage}/${split}`

/** By origin: the last position whose outputs will not come again; Infinity: none of them will. */
export type Passed = ReadonlyMap<string, number>

/** Of what these tasks read. */
export const passedBy = (tasks: ReadonlyArray<Task>): Passed =>
  new Map(
    tasks.flatMap(({ stage, splits }) =>
      (splits?.records() ?? []).map(
        ({ split, progress, done }) => [originOf(stage.id, split.id), done ? Infinity : (progress.last ?? -Infinity)] as const,
      ),
    ),
  )

/** Splits that others read. */
export const othersOf = (stage: string, splits: ReadonlyArray<{ readonly id: string }>): Passed =>
  new Map(splits.map(({ id }) => [originOf(stage, id), Infinity]))

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

type Splits = Readonly<Record<string, ReadonlyArray<{ readonly id: string }>>>
