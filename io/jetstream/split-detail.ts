// What only this source knows of a split: plain data in checkpoints.
import type { Split } from '../../sdk/splittable/source.ts'
import { JetStreamIOError } from './errors.ts'
import type { HashPart } from './hash-splits.ts'

/** What only this source understands of a split: plain data. */
export interface SplitDetail {
  /** The stream's creation time: another one means another stream. */
  readonly created: string
  /** The stream's last sequence when the split was made. */
  readonly lastSequence: number
  /** When that message was stored, in milliseconds; 0: the stream had none. Checkpoints of earlier versions do not have it. */
  readonly lastAt?: number | undefined
  /** Only messages published at this time or later; left out: all. */
  readonly sinceMs?: number | null | undefined
  /** Only messages published before this time; null: all. Without an end, the split ends once the server's clock is past it. */
  readonly untilMs: number | null
  /** The only sequences of the range to read, up to `lastSequence`; null: all. The first, then the distance to the next, and so on. */
  readonly list: ReadonlyArray<number> | null
  /** The only subject to read, of a read that is split by subject. */
  readonly subject?: string | undefined
  /** Which messages to read, of a read that is split by the hash of subjects. */
  readonly hash?: HashPart | undefined
}

export const detailOf = (split: Split, label: string): SplitDetail => {
  const detail = split.detail
  if (
    typeof detail === 'object' &&
    detail !== null &&
    'created' in detail &&
    'lastSequence' in detail &&
    'untilMs' in detail &&
    'list' in detail
  )
    return detail as SplitDetail
  throw new JetStreamIOError('InvalidOptions', `${label}: the split ${split.id} was not made by this source.`)
}

/** Whether a sequence is to be read; null where all are. */
export const acceptsOf = (detail: SplitDetail): ((sequence: number) => boolean) | null => {
  if (detail.list === null) return null
  const sequences = new Set<number>()
  let at = 0
  for (const step of detail.list) sequences.add((at += step))
  return sequence => sequence > detail.lastSequence || sequences.has(sequence)
}
