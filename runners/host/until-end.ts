// A run that is told to stop at the end although its job began without one: what is there now becomes the end of its open ranges.
import type { ConnectedSource, Split } from '../../sdk/splittable/source.ts'
import type { SplitRecord } from '../engine/messages.ts'
import { stageOf } from '../engine/task-name.ts'
import type { CheckpointContent } from './checkpoint-content.ts'
import { io } from './errors.ts'

/** What was read stays read, and what has an end keeps it. */
export const endedNow = async (
  content: CheckpointContent,
  sources: ReadonlyMap<string, ConnectedSource<unknown>>,
): Promise<CheckpointContent> => {
  const ends = new Map<string, (split: Split) => Split>()
  for (const [id, source] of sources) ends.set(id, await io(id, () => endsOf(source)))
  const splits = Object.entries(content.splits).map(
    ([id, of]) => [id, of.map(split => ended(split, split.range.from, ends.get(id)))] as const,
  )
  const tasks = Object.entries(content.tasks).map(([name, task]) => {
    const end = ends.get(stageOf(name))
    const records = task.record.splits.map((record): SplitRecord => ({
      ...record,
      split: ended(record.split, (record.progress.last ?? record.split.range.from - 1) + 1, end),
    }))
    return [name, { ...task, record: { ...task.record, splits: records } }] as const
  })
  return { ...content, splits: Object.fromEntries(splits), tasks: Object.fromEntries(tasks) }
}

/** Without a word from the source about its splits: where the last of those ends that it would read now. */
const endsOf = async (source: ConnectedSource<unknown>): Promise<(split: Split) => Split> => {
  if (source.endNow !== undefined) return source.endNow()
  const now = await source.resolve({ desired: 1, toEnd: true })
  const to = Math.max(...now.map(({ range }) => range.to ?? Number.NEGATIVE_INFINITY))
  return split => (to === Number.NEGATIVE_INFINITY ? split : { ...split, range: { from: split.range.from, to } })
}

const ended = (split: Split, next: number, endOf: ((split: Split) => Split) | undefined): Split => {
  if (split.range.to !== null || endOf === undefined) return split
  const end = endOf(split)
  const { from, to } = end.range
  return to === null ? end : { ...end, range: { from, to: Math.max(to, next) } }
}
