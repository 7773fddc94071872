// What a splittable DoFn gave, looked at before it goes on.
import { requireTimestamp } from '../../../sdk/model/timestamp-error.ts'
import type { Continuation, Timestamped } from '../../../sdk/splittable/do-fn.ts'
import { type Batch, emptyBatch } from '../../harness/batch.ts'
import { showElement } from '../../harness/errors.ts'
import type { Origin } from './entry.ts'

/** In the windows of the element that was read. Throws a TypeError or RangeError for what is no output. */
export const batchOf = (outputs: unknown, { windows, pane }: Origin): Batch => {
  if (!Array.isArray(outputs))
    throw new TypeError(`the generator yielded ${showElement(outputs)}: yield an array of Timestamped.at(timestamp)(value), empty or not`)
  const batch = emptyBatch({ keyed: false, windowed: windows !== null, panes: pane !== null })
  for (const output of outputs as ReadonlyArray<unknown>) {
    if (!isTimestamped(output))
      throw new TypeError(`the generator yielded an array that holds ${showElement(output)}: wrap it, Timestamped.at(timestamp)(value)`)
    const { value, timestamp } = output
    if (!Number.isSafeInteger(timestamp)) requireTimestamp("the timestamp of the generator's output", timestamp)
    batch.values.push(value)
    batch.timestamps.push(timestamp)
    if (windows !== null) batch.windows?.push(windows)
    if (pane !== null) batch.panes?.push(pane)
  }
  return batch
}

const isTimestamped = (output: unknown): output is Timestamped<unknown> =>
  typeof output === 'object' && output !== null && 'value' in output && 'timestamp' in output

/** Throws a TypeError for what is none. */
export const continuationIn = (result: unknown): Continuation => {
  if (typeof result === 'object' && result !== null && '_tag' in result) {
    if (result._tag === 'Stop') return { _tag: 'Stop' }
    if (result._tag === 'Resume' && 'after' in result && typeof result.after === 'number' && result.after >= 0)
      return result as Continuation
  }
  throw new TypeError(`the generator ended with ${showElement(result)}: return stop, or resumeAfter(delay)`)
}
