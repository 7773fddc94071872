// Where the watermarks of one thread's tasks stand, since when, and what keeps the lowest of them there.
import { Instant } from '../../sdk/model/time.ts'
import type { WatermarkHold } from '../../sdk/model/watermark-hold.ts'
import type { Task } from '../engine/task.ts'
import type { ReaderState } from './readers.ts'

export class WatermarkWatch {
  readonly #seen = new Map<string, { readonly at: number; readonly sinceMs: number }>()

  /** What holds the lowest of these, which lie in the order of the plan; null once event time is over. */
  look(tasks: ReadonlyArray<Task>, readers: ReadonlyArray<ReaderState>, worker: number, nowMs: number): WatermarkHold | null {
    let slowest: Task | null = null
    for (const task of tasks) {
      const at = task.outputWatermark()
      if (this.#seen.get(task.name)?.at !== at) this.#seen.set(task.name, { at, sinceMs: nowMs })
      if (at < (slowest?.outputWatermark() ?? Instant.max)) slowest = task
    }
    if (slowest === null) return null
    return {
      transform: slowest.stage.id,
      worker,
      watermark: slowest.outputWatermark(),
      sinceMs: this.#seen.get(slowest.name)?.sinceMs ?? nowMs,
      ...holderOf(slowest, readers),
    }
  }
}

/** Of several threads': the lowest, and of equal ones the first in the plan, which the others wait for. */
export const lowestOf = (holds: ReadonlyArray<WatermarkHold | null>, stages: ReadonlyArray<string>): WatermarkHold | null => {
  let lowest: WatermarkHold | null = null
  for (const hold of holds) {
    if (hold === null) continue
    const isLower =
      lowest === null ||
      hold.watermark < lowest.watermark ||
      (hold.watermark === lowest.watermark && stages.indexOf(hold.transform) < stages.indexOf(lowest.transform))
    if (isLower) lowest = hold
  }
  return lowest
}

const holderOf = (task: Task, readers: ReadonlyArray<ReaderState>): Pick<WatermarkHold, 'by' | 'text'> => {
  const { stage } = task
  if (task.splits !== null) return { by: 'split', text: splitText(task, readers) }
  if (task.outputWatermark() === task.inputWatermark()) return { by: 'inFlight', text: `what is on its way to ${stage.id}` }
  switch (stage.head._tag) {
    case 'Group':
      return { by: 'window', text: `a window in ${stage.id} that has not fired` }
    case 'Stateful':
      return { by: 'state', text: `the state or a timer of ${stage.id}` }
    case 'Sided':
      return { by: 'sideInput', text: `${task.waiting()} elements in ${stage.id} that wait for their side input` }
    case 'Async':
      return { by: 'call', text: `a call of ${stage.id} that has not ended` }
    case 'Splittable':
      return { by: 'restriction', text: restrictionText(task) }
    case 'Source':
    case 'Reshuffle':
      throw new Error(`${task.name} holds its watermark at ${task.outputWatermark()}, and has nothing to hold it with`)
  }
}

const splitText = ({ stage, splits }: Task, readers: ReadonlyArray<ReaderState>): string => {
  const records = splits?.records() ?? []
  const [first] = records
  if (first === undefined) return `the splits of ${stage.id}, of which this task has been given none yet`
  const slowest = records.reduce((a, b) => (b.watermark < a.watermark ? b : a), first)
  const id = `${stage.id}/${slowest.split.id}`
  const reader = readers.find(it => it.id === id)
  const lag = reader?.lag ?? null
  return `the split ${id}, ${reader?.status ?? 'not opened'}${lag === null ? '' : `, ${lag} to read`}`
}

const restrictionText = ({ stage, restrictions }: Task): string => {
  const states = restrictions?.states() ?? []
  const [first] = states
  if (first === undefined) return `the restrictions of ${stage.id}`
  const slowest = states.reduce((a, b) => (b.watermark < a.watermark ? b : a), first)
  return `the restriction ${stage.id}/${slowest.id}, ${slowest.status}${slowest.remaining === null ? '' : `, ${slowest.remaining} to do`}`
}
