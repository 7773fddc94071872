// One message on one subject, replaced only by whoever knows which one is there: compare-and-set, and what a lost answer meant.
//
// The stream's leader compares the expected sequence with that of the subject's last message and stores, in one step and in one order for
// all writers. Reads ask the leader too, by $JS.API.STREAM.MSG.GET: a direct get may be answered by a replica that is behind.
//
// A write whose answer was lost is settled by what is there: the message itself (it arrived), another one (it never will: the sequence it
// expects is not the last one any more), or what was there before; then it is written again with the same expectation, which at most one
// of the two meets.
import { PublishRefused, isConflict, isTransient, storeError } from './jetstream-error.ts'
import { type Link, pauseBefore, placeOf } from './jetstream-link.ts'
import { lastOf } from './jetstream-object.ts'
import { CheckpointError } from './store.ts'
import { errorText } from '../../sdk/model/error-text.ts'

export interface Found {
  readonly text: string
  readonly sequence: number
}

export type Outcome =
  | { readonly _tag: 'Written'; readonly sequence: number }
  /** Another message is there, or none where one was expected. */
  | { readonly _tag: 'Refused'; readonly found: Found | null }
  /** `mayBeThere`: nobody could be asked. It is there, or will be, or will not. */
  | { readonly _tag: 'Failed'; readonly error: CheckpointError; readonly mayBeThere: boolean }

export const readRegister = async (link: Link, subject: string, budgetMs?: number): Promise<Found | null> => {
  const found = await lastOf(link, subject, budgetMs)
  return found === null ? null : { text: found.string(), sequence: found.seq }
}

export interface Write {
  readonly subject: string
  /** Unlike every other text that is ever written there. */
  readonly text: string
  /** The sequence of the last message on the subject; 0: there is none. */
  readonly expected: number
  /** Completes "could not …". */
  readonly doing: string
  readonly budgetMs?: number
}

/** Never rejects. */
export const writeRegister = async (
  link: Link,
  { subject, text, expected, doing, budgetMs = link.patienceMs }: Write,
): Promise<Outcome> => {
  const payload = new TextEncoder().encode(text)
  const since = performance.now()
  let mayBeThere = false
  for (let n = 0; ; n++) {
    try {
      return { _tag: 'Written', sequence: await link.publish(subject, payload, expected) }
    } catch (error) {
      if (!isConflict(error) && !isTransient(error)) return { _tag: 'Failed', error: storeError(doing, placeOf(link), error), mayBeThere }
      // Refused for good are only those that the stream answered; whatever is not an answer may have been stored.
      mayBeThere ||= !(error instanceof PublishRefused)
      const leftMs = budgetMs - (performance.now() - since)
      const found = await readRegister(link, subject, leftMs).catch((cause: unknown) => unknown(doing, link, cause))
      if (found instanceof CheckpointError) return { _tag: 'Failed', error: found, mayBeThere }
      if (found?.text === text) return { _tag: 'Written', sequence: found.sequence }
      if ((found?.sequence ?? 0) !== expected) return { _tag: 'Refused', found }
      if (leftMs < 0) return { _tag: 'Failed', error: unknown(doing, link, error), mayBeThere }
      await pauseBefore(n)
    }
  }
}

const unknown = (doing: string, link: Link, cause: unknown): CheckpointError =>
  new CheckpointError(
    'StoreFailed',
    `Could not ${doing} in ${placeOf(link)}: ${errorText(cause)} ` +
      'Whether it was stored is not known yet; the next checkpoint finds out.',
    cause,
  )
