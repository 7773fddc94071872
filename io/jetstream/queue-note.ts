// What a checkpoint has of a queue.
import { JetStreamIOError } from './errors.ts'
import { field, isCount } from './fields.ts'
import { type SequenceRecord, SequenceSet, type StampRecord, isSequenceRecord, isStampRecord } from './sequence-set.ts'

/** What a checkpoint has of a queue beside a position: plain data. */
export interface QueueNote {
  readonly handedOn: SequenceRecord
  /** When that was stored. Checkpoints of earlier versions do not have it. */
  readonly stamps?: StampRecord | undefined
  /** What is handed on next, alone, as it may end the run. */
  readonly trying?: number | undefined
}

export const handedOnIn = (note: unknown): SequenceSet => {
  const handedOn = field(note, 'handedOn') ?? []
  if (isSequenceRecord(handedOn)) {
    const stamps = field(note, 'stamps') ?? null
    if (stamps === null || isStampRecord(stamps, handedOn)) return SequenceSet.of(handedOn, stamps)
  }
  throw new JetStreamIOError(
    'InvalidOptions',
    'The checkpoint of a read that acknowledges does not say which messages were handed on: it is damaged, or of another version. Start a new run.',
  )
}

export const triedIn = (note: unknown): number | null => {
  const trying = field(note, 'trying')
  return isCount(trying) ? trying : null
}
