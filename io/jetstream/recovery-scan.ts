// Which ids a destination holds, read from a sequence to its end, headers only. It fails where it cannot know: where the stream itself may have
// erased outputs in that range.
import { isSome } from 'fp-ts/lib/Option.js'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { Link } from './connections.ts'
import { JetStreamIOError } from './errors.ts'
import type { StreamHistory } from './history.ts'
import { persistently } from './patience.ts'
import { evidenceOf } from './stream-evidence.ts'
import type { StreamMessage } from './message.ts'
import { pullDefaults } from './pull-window.ts'
import type { RangeOptions } from './range-options.ts'
import { RangeReader } from './range-reader.ts'

export interface ScanOptions {
  readonly link: Link
  readonly context: HostContext
  readonly stream: string
  readonly label: string
  readonly created: string
  /** What is known of the stream, against which it is compared; left out: nothing. */
  readonly history?: StreamHistory | null | undefined
}

const unfiltered = (): Promise<{ readonly server: readonly []; readonly client: null }> => Promise.resolve({ server: [], client: null })

/** Calls `found` for each message from `from` to the end as it is now that has an id. Rejects with RecoveryImpossible. */
export const scanIds = async (o: ScanOptions, from: number, found: (id: string, sequence: number) => void): Promise<void> => {
  const { signal } = o.context
  // A former leader would give an end that lies before what it does not know of.
  const { last } = await persistently({ what: o.label, signal, link: o.link }, () =>
    evidenceOf(o.link, o.stream).settledLook(o.label, signal),
  )
  const reader = new RangeReader(scanPlan(o, from, last))
  try {
    await reader.start()
    await drain(reader, ({ id, sequence }) => isSome(id) && found(id.value, sequence))
    // No limit erases single messages of this stream: others deleted theirs, or gave them a time to live.
    if (reader.deleted > 0)
      o.context.log(
        'warn',
        `${o.label}: ${reader.deleted} messages from sequence ${from} of the stream ${o.stream} were deleted one by one. An output of this run among them is published again`,
        {
          deleted: reader.deleted,
        },
      )
  } catch (error) {
    if (!(error instanceof JetStreamIOError) || error._tag !== 'MessagesErased') throw error
    throw new JetStreamIOError(
      'RecoveryImpossible',
      `${o.label}: whether some outputs are already in the stream ${o.stream} can no longer be found out: ${error.message}. ` +
        'Nothing was published again. Give the destination limits that outlast the longest stop, and start a new run; some outputs since the last checkpoint may then appear twice.',
      { cause: error },
    )
  } finally {
    await reader.close()
  }
}

/** Headers of all messages from `from` to `last`. */
export const scanPlan = (o: ScanOptions, from: number, last: number): RangeOptions => ({
  ...o,
  split: null,
  from,
  to: last + 1,
  since: null,
  until: null,
  count: null,
  lastKnown: Math.max(from - 1, last),
  filter: unfiltered,
  accept: null,
  headersOnly: true,
  newest: false,
  pull: pullDefaults,
  durable: null,
  inactiveMs: null,
  gapless: true,
  skips: false,
  quiet: null,
  notedAt: null,
  subject: undefined,
  history: o.history ?? null,
})

/** Gives each message to `found` until nothing is left; rejects with what the reader fails with. */
export const drain = async (reader: RangeReader, found: (message: StreamMessage) => void): Promise<void> => {
  for (;;) {
    const status = reader.status()
    if (status._tag === 'failed') throw status.error
    if (status._tag === 'done') return
    const batch = reader.poll(4_096)
    if (batch === null) await new Promise<void>(resolve => reader.onChange(resolve))
    else for (const message of batch.values) found(message)
  }
}
