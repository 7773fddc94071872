// A run that is told to stop at the end although its job began without one: what is there now becomes the end of its open ranges.
import type { ConnectedSource, Split } from '../../sdk/splittable/source.ts'
import type { SplitRecord } from '../engine/messages.ts'
import type { CheckpointContent } from './checkpoint-content.ts'
import { io } from './errors.ts'

/** What was read stays read, and what has an end keeps it. */
export const endedNow = async (
  content: CheckpointContent,
  sources: ReadonlyMap<string, ConnectedSource<unknown>>,
): Promise<CheckpointContent> => {
  const ends = new Map<string, number>()
  for (const [id, source] of sources) {
    const now = await io(id, () => source.resolve({ desired: 1, toEnd: true }))
    ends.set(id, Math.max(...now.map(({ range }) => range.to ?? Number.NEGATIVE_INFINITY)))
  }
  const splits = Object.entries(content.splits).map(
    ([id, of]) => [id, of.map(split => ended(split, split.range.from, ends.get(id)))] as const,
  )
  const tasks = Object.entries(content.tasks).map(([name, task]) => {
    const end = ends.get(name.slice(0, name.lastIndexOf('@')))
    const records = task.record.splits.map((record): SplitRecord => ({
      ...record,
      split: ended(record.split, (record.progress.last ?? record.split.range.from - 1) + 1, end),
    }))
    return [name, { ...task, record: { ...task.record, splits: records } }] as const
  })
  return { ...content, splits: Object.fromEntries(splits), tasks: Object.fromEntries(tasks) }
}

const ended = (split: Split, next: number, end: number | undefined): Split =>
  split.range.to !== null || end === undefined || end === Number.NEGATIVE_INFINITY
    ? split
    : { ...split, range: { from: split.range.from, to: Math.max(end, next) } }
