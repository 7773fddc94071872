// Poison elements: what a checkpoint records about elements that end each run that reads them, and what a start concludes from it.
import { stageOf } from '../engine/task-name.ts'
import type { Plan } from '../plan/stage.ts'
import type { CheckpointContent } from './checkpoint-content.ts'

/** One split of a source's stage. */
export interface SplitRef {
  readonly stage: string
  readonly split: string
}

/** A place in a split: behind the last position that was handed on. */
interface Behind {
  readonly last: number | null
}

export interface PoisonRecord {
  /** By split: how many runs have begun here, this one included, and came to no checkpoint with another position. */
  readonly begun: Readonly<Record<string, Behind & { readonly runs: number }>>
  /** The splits whose next elements this run tries alone. */
  readonly suspects: ReadonlyArray<SplitRef>
  /** Its next element is tried alone: nothing else is read until a checkpoint holds what follows from it. */
  readonly trying: (SplitRef & Behind) | null
  /** By split: the next element was tried alone and ended its run. */
  readonly givenUp: Readonly<Record<string, Behind & { readonly attempts: number }>>
}

export const keyOf = ({ stage, split }: SplitRef): string => `${stage}/${split}`

/** How a run came to its content. */
export interface Beginning {
  /** From a checkpoint of an earlier run, and not from a savepoint. */
  readonly resumed: boolean
  /** The run before ended with what no element can be the cause of, such as a server that did not answer. */
  readonly innocent: boolean
}

/** What this run records before it reads anything; null: no source has a policy. */
export const poisonRecord = (plan: Plan, content: CheckpointContent, { resumed, innocent }: Beginning): PoisonRecord | null => {
  const policies = new Map(
    plan.stages.flatMap(({ id, head }) => (head._tag === 'Source' && head.source.poison ? [[id, head.source.poison] as const] : [])),
  )
  if (policies.size === 0) return null
  const before = resumed ? content.poison : undefined
  // A run that was suspended ended by itself.
  const failed = resumed && !innocent && content.status !== 'suspended'
  const begun: Record<string, PoisonRecord['begun'][string]> = {}
  const givenUp: Record<string, PoisonRecord['givenUp'][string]> = {}
  const suspects: SplitRef[] = []
  for (const { stage, split, last } of unfinished(content)) {
    const policy = policies.get(stage)
    if (policy === undefined) continue
    const key = keyOf({ stage, split })
    const entry = before?.begun[key]
    const others = entry?.last === last ? entry.runs : 1
    const trying = before?.trying
    const known = before?.givenUp[key]
    const wasTried = failed && trying !== undefined && trying !== null && keyOf(trying) === key && trying.last === last
    if (wasTried) givenUp[key] = { last, attempts: policy.attempts + 1 }
    else if (known?.last === last) givenUp[key] = known
    // The elements after one that was just given up have not been tried yet.
    const runs = !resumed || wasTried ? 1 : others + (failed ? 1 : 0)
    begun[key] = { last, runs }
    if (runs > policy.attempts) suspects.push({ stage, split })
  }
  return { begun, suspects, trying: null, givenUp }
}

/** How long to wait before anything is read: the longest delay of the sources that failed here before. */
export const poisonDelayMs = (plan: Plan, { begun }: PoisonRecord): number => {
  const failed = Object.entries(begun).flatMap(([key, { runs }]) => (runs > 1 ? [key] : []))
  return Math.max(
    0,
    ...plan.stages.map(({ id, head }) =>
      head._tag === 'Source' && failed.some(key => key.startsWith(`${id}/`)) ? (head.source.poison?.delayMs ?? 0) : 0,
    ),
  )
}

const unfinished = ({ tasks, splits }: CheckpointContent): ReadonlyArray<SplitRef & Behind> => {
  const records = Object.entries(tasks).flatMap(([task, { record }]) => record.splits.map(of => ({ stage: stageOf(task), ...of })))
  const recorded = new Set(Object.keys(tasks).map(stageOf))
  return [
    ...records.flatMap(({ stage, split, progress, done }) => (done ? [] : [{ stage, split: split.id, last: progress.last }])),
    ...Object.entries(splits).flatMap(([stage, of]) => (recorded.has(stage) ? [] : of.map(({ id }) => ({ stage, split: id, last: null })))),
  ]
}
