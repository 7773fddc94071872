// The readers of all splits, polled in turn so that none waits for another.
import { Pausing } from '../engine/pausing.ts'
import type { SourceSplits } from '../engine/source-splits.ts'
import type { Task } from '../engine/task.ts'
import type { Plan } from '../plan/stage.ts'
import type { ConnectedSource, ReadBatch, SplitProgress, SplitReader } from '../../sdk/splittable/source.ts'
import { errorText } from '../../sdk/model/error-text.ts'
import type { Clock } from './clock.ts'
import type { CheckpointContent } from './checkpoint-content.ts'
import { attributedTo, io } from './errors.ts'
import { guardedReader } from './guarded.ts'
import type { Log } from './log.ts'
import type { PoisonRecord, SplitRef } from './poison.ts'
import { ReadingPoison } from './reading-poison.ts'

/** A split being read. */
export interface Reading {
  readonly task: Task
  readonly splits: SourceSplits
  readonly id: string
  readonly reader: SplitReader<unknown>
  ended: boolean
  /** What its reader was told last to be committed, or will be once the checkpoint under way is. */
  committing?: SplitProgress
  committed?: SplitProgress
  /** Handed on here. */
  elements: number
  bytes: number
  /** null: its source has no policy. */
  readonly poison: ReadingPoison | null
}

export interface ReaderState {
  readonly id: string
  readonly position: number | null
  readonly lag: number | null
  readonly lagMs: number | null
  readonly status: string
  readonly elements: number
  readonly bytes: number
  /** What the reader itself counts. */
  readonly figures: Readonly<Record<string, number>>
}

export const readingOf = (o: Pick<Reading, 'task' | 'splits' | 'id' | 'reader'>, record?: PoisonRecord): Reading => {
  const { head, id: stage } = o.task.stage
  const isWatched = head._tag === 'Source' && (head.source.poison ?? null) !== null
  const poison = isWatched ? ReadingPoison.of(record, stage, o.id, o.splits.progress(o.id)) : null
  return { ...o, ended: false, elements: 0, bytes: 0, poison }
}

/** Of those that have ended, the last are still shown. */
const mostEnded = 256

/** A server answers many questions at a time, and a read by subject has many splits. */
const openedAtOnce = 32

export interface ReadersContext {
  readonly content: Pick<CheckpointContent, 'poison'>
  readonly clock: Pick<Clock, 'wallMs'>
  readonly log: Log
}

export class Readers {
  /** Those that are polled whenever there is time. */
  readonly #readings: Reading[]
  /** How those stood that have ended, the last ones last. */
  readonly #ended: (ReaderState & { readonly task: Task })[] = []
  /** Of readers that have ended; one that fails is kept for `close`. */
  readonly #closing = new Set<Promise<void>>()
  /** Those that play a script: whoever plays it polls them. */
  readonly scripted: ReadonlyArray<Reading>
  /** Which sources are not polled for now, and why. */
  readonly pausing: Pausing
  readonly #clock: Pick<Clock, 'wallMs'>
  readonly #log: Log
  #turn = 0

  private constructor(readings: Reading[], scripted: ReadonlyArray<Reading>, pausing: Pausing, { clock, log }: ReadersContext) {
    this.#clock = clock
    this.#log = log
    this.pausing = pausing
    this.#readings = readings
    this.scripted = scripted
  }

  /** Each split goes on after what its task has handed on; one that is done is not opened. */
  static async open(
    plan: Plan,
    tasks: ReadonlyArray<Task>,
    sources: ReadonlyMap<string, ConnectedSource<unknown>>,
    context: ReadersContext,
    onChange: () => void,
  ): Promise<Readers> {
    const all: { readonly isScripted: boolean; readonly open: () => Promise<Reading> }[] = []
    for (const task of tasks) {
      const source = sources.get(task.stage.id)
      const { splits } = task
      if (source === undefined || splits === null) continue
      for (const { split, progress, done } of splits.records()) {
        if (done) continue
        const open = async (): Promise<Reading> => {
          const reader = guardedReader(task.stage.id, await io(task.stage.id, () => source.open(split, progress)))
          reader.onChange(onChange)
          return readingOf({ task, splits, id: split.id, reader }, context.content.poison)
        }
        all.push({ isScripted: source.scriptedMs !== undefined, open })
      }
    }
    const readings: Reading[] = []
    const scripted: Reading[] = []
    for (let from = 0; from < all.length; from += openedAtOnce) {
      const some = all.slice(from, from + openedAtOnce)
      // All have ended when one has failed: what is open by then, its source closes.
      const opened = await Promise.allSettled(some.map(({ open }) => open()))
      for (const [i, one] of opened.entries()) {
        if (one.status === 'rejected') throw one.reason
        ;(some[i]?.isScripted === true ? scripted : readings).push(one.value)
      }
    }
    return new Readers(readings, scripted, new Pausing(plan, tasks), context)
  }

  /** One more, of a split that its task has taken over. */
  add(reading: Reading): void {
    this.#readings.push(reading)
  }

  /** The split ends at `to` now: the rest is another's. */
  truncate(task: Task, id: string, to: number): void {
    for (const reading of this.#readings) if (reading.task === task && reading.id === id) reading.reader.truncate(to)
  }

  /** One batch from the next split that has any, but for sources that pause, given to its task. Throws what a reader failed with. */
  pollOne(maxElements: () => number, nowMs: number): ReadBatch<unknown> | null {
    const paused = this.pausing.paused()
    // Once a task, however many splits it has: each time it looks at all of them.
    const asked = new Set<Task>()
    let batch: ReadBatch<unknown> | null = null
    for (let tried = 0; batch === null && tried < this.#readings.length; tried++) {
      const reading = this.#readings[this.#turn++ % this.#readings.length]
      if (reading === undefined || reading.ended || paused.has(reading.task.stage.id)) continue
      const most = Math.min(maxElements(), reading.poison?.room() ?? Infinity)
      if (most <= 0) continue
      batch = this.#poll(reading, most)
      const hasEnded = takeIn(reading, batch, nowMs)
      asked.add(reading.task)
      if (hasEnded) this.#retire(reading)
    }
    for (const task of asked) task.onSourceProgress(nowMs)
    return batch
  }

  #poll(reading: Reading, most: number): ReadBatch<unknown> | null {
    const { poison, reader, task, id } = reading
    if (poison === null) return reader.poll(most)
    const { reason } = poison
    const batch = reason === null ? reader.poll(most) : giveUp(reader, reason)
    poison.took(batch?.positions.length ?? 0)
    const [position] = batch?.positions ?? []
    if (reason === null || position === undefined) return batch
    poison.reason = null
    poison.givenUp++
    this.#log('warn', `${task.stage.id}: the element at position ${position} of the split ${id} is given up: ${reason}`, {
      split: id,
      position,
    })
    return batch
  }

  /** The next element of one split and nothing else. */
  pollAlone({ stage, split }: SplitRef, nowMs: number): ReadBatch<unknown> | 'nothing' | 'waiting' {
    const reading = this.#readings.find(({ task, id }) => task.stage.id === stage && id === split)
    if (reading === undefined || reading.ended) return 'nothing'
    const batch = this.#poll(reading, 1)
    const hasEnded = takeIn(reading, batch, nowMs)
    reading.task.onSourceProgress(nowMs)
    const isIdle = !hasEnded && reading.reader.status()._tag === 'idle'
    if (hasEnded) this.#retire(reading)
    if (batch !== null && batch.positions.length > 0) return batch
    return hasEnded || isIdle ? 'nothing' : 'waiting'
  }

  /** The barrier of a checkpoint. */
  onBarrier(): void {
    for (const { poison } of this.#readings) poison?.onBarrier()
  }

  /** The checkpoint is published. */
  onCommitted(): void {
    for (const { poison } of this.#readings) poison?.onCommitted()
  }

  /** Just before a checkpoint begins: what is to be said once it is published, by task. */
  commits(): ReadonlyArray<{ readonly task: Task; readonly call: () => Promise<void> }> {
    return this.#readings.flatMap(reading => {
      const { task, splits, id, reader } = reading
      const progress = splits.progress(id)
      if (reader.commit === undefined || progress.note === null || progress === reading.committing) return []
      reading.committing = progress
      const call = async (): Promise<void> => {
        await reader.commit?.(progress)
        reading.committed = progress
        if (reading.ended) this.#retire(reading)
      }
      return [{ task, call }]
    })
  }

  /** A split that has ended leaves nothing to poll, close or count for; where its source has a last word to hear, after that. */
  #retire(reading: Reading): void {
    const { splits, id, reader } = reading
    const progress = splits.progress(id)
    if (reader.commit !== undefined && progress.note !== null && reading.committed !== progress) return
    const at = this.#readings.indexOf(reading)
    if (at < 0) return
    this.#readings.splice(at, 1)
    this.#ended.push(stateOf(reading, 0))
    if (this.#ended.length > mostEnded) this.#ended.shift()
    splits.retire(id)
    const closing = this.#close(reading).finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  /** So much waits for a commit that its server may soon send no more. */
  wantCommit(): boolean {
    return this.#readings.some(({ reader, poison }) => (poison !== null && poison.room() <= 0) || reader.wantsCommit?.() === true)
  }

  /** When nothing was there to poll: whether nothing is on its way either. An unbounded source may always bring more. */
  atRest(): boolean {
    return this.#readings.every(({ task, ended }) => ended || (task.stage.head._tag === 'Source' && !task.stage.head.source.isBounded))
  }

  states(): ReadonlyArray<ReaderState & { readonly task: Task }> {
    const nowMs = this.#clock.wallMs()
    return [...this.#ended, ...[...this.#readings, ...this.scripted].map(reading => stateOf(reading, nowMs))]
  }

  async close(): Promise<void> {
    await Promise.all([...this.#closing, ...[...this.#readings, ...this.scripted].map(reading => this.#close(reading))])
  }

  /** A failure is logged: what the reader has read stands. */
  async #close({ reader }: Reading): Promise<void> {
    try {
      await reader.close()
    } catch (error) {
      this.#log('warn', `a reader could not be closed: ${errorText(error)}`)
    }
  }
}

const stateOf = (
  { task, splits, id, reader, ended, elements, bytes, poison }: Reading,
  nowMs: number,
): ReaderState & { readonly task: Task } => ({
  task,
  id: `${task.stage.id}/${id}`,
  position: splits.progress(id).last,
  lag: ended ? 0 : reader.lag(),
  lagMs: ended ? 0 : (reader.lagMs?.(nowMs) ?? null),
  status: ended ? 'done' : reader.status()._tag,
  elements,
  bytes,
  figures: { ...reader.metrics?.(), ...(poison === null ? {} : { givenUp: poison.givenUp }) },
})

/** A reader that cannot give up an element has its policy from a source that promised too much. */
const giveUp = (reader: SplitReader<unknown>, reason: string): ReadBatch<unknown> | null => {
  if (reader.giveUp === undefined) throw new Error('the source has a poison policy, and its reader has no giveUp')
  return reader.giveUp(reason)
}

/** To its task, with what the reader then says of itself. */
export const handOn = (reading: Reading, batch: ReadBatch<unknown> | null, nowMs: number): void => {
  takeIn(reading, batch, nowMs)
  reading.task.onSourceProgress(nowMs)
}

/** Whether the split has ended. */
const takeIn = (reading: Reading, batch: ReadBatch<unknown> | null, nowMs: number): boolean => {
  const { task, id, reader } = reading
  if (batch !== null) {
    reading.elements += batch.values.length
    reading.bytes += batch.bytes
    task.onRead(id, batch)
  }
  const status = reader.status()
  switch (status._tag) {
    case 'failed':
      throw attributedTo(task.stage.id, status.error)
    case 'done':
      reading.ended = true
      task.onSplitDone(id)
      return true
    case 'idle':
      task.onSplitIdle(id, status.since, status.until ?? nowMs)
      return false
    case 'reading':
      return false
  }
}
