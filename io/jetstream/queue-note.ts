// What a checkpoint has of a queue, and where acknowledgments go that were not asked for here.
import type { SequenceRecord } from './sequence-set.ts'

/** What a checkpoint has of a queue beside a position: plain data. */
export interface QueueNote {
  readonly handedOn: SequenceRecord
  /** What is handed on next, alone, as it may end the run. */
  readonly trying?: number | undefined
}

export const handedOnIn = (note: unknown): SequenceRecord =>
  typeof note === 'object' && note !== null && 'handedOn' in note ? (note as QueueNote).handedOn : []

export const triedIn = (note: unknown): number | null =>
  typeof note === 'object' && note !== null && 'trying' in note && typeof note.trying === 'number' ? note.trying : null

/** Where the acknowledgment of a message goes that was delivered to somebody else. The server looks at the sequences alone. */
export const replyFor = (stream: string, consumer: string, sequence: number, consumerSequence: number): string =>
  `$JS.ACK.${stream}.${consumer}.1.${sequence}.${consumerSequence}.0.0`
