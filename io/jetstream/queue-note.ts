// What a checkpoint has of a queue, and where acknowledgments go that were not asked for here.
import { JetStreamIOError } from './errors.ts'
import { field, isCount } from './fields.ts'
import { type SequenceRecord, isSequenceRecord } from './sequence-set.ts'

/** What a checkpoint has of a queue beside a position: plain data. */
export interface QueueNote {
  readonly handedOn: SequenceRecord
  /** What is handed on next, alone, as it may end the run. */
  readonly trying?: number | undefined
}

export const handedOnIn = (note: unknown): SequenceRecord => {
  const handedOn = field(note, 'handedOn') ?? []
  if (isSequenceRecord(handedOn)) return handedOn
  throw new JetStreamIOError(
    'InvalidOptions',
    'The checkpoint of a read that acknowledges does not say which messages were handed on: it is damaged, or of another version. Start a new run.',
  )
}

export const triedIn = (note: unknown): number | null => {
  const trying = field(note, 'trying')
  return isCount(trying) ? trying : null
}

/** Where the acknowledgment of a message goes that was delivered to somebody else. The server looks at the sequences alone. */
export const replyFor = (stream: string, consumer: string, sequence: number, consumerSequence: number): string =>
  `$JS.ACK.${stream}.${consumer}.1.${sequence}.${consumerSequence}.0.0`
