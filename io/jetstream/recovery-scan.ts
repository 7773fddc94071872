// Which ids a destination holds, read from a sequence to its end, headers only. It fails where it cannot know: where anything in
// that range was erased.
import { type Option, isSome } from 'fp-ts/lib/Option.js'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { Link } from './connections.ts'
import { JetStreamIOError } from './errors.ts'
import { persistently } from './patience.ts'
import { pullDefaults } from './pull-window.ts'
import { RangeReader } from './range-reader.ts'
import { streamInfo } from './stream-info.ts'

export interface ScanOptions {
  readonly link: Link
  readonly context: HostContext
  readonly stream: string
  readonly label: string
  readonly created: string
}

const unfiltered = (): Promise<{ readonly server: readonly []; readonly client: null }> => Promise.resolve({ server: [], client: null })

/** Calls `found` for each message from `from` to the end as it is now that has an id. Rejects with RecoveryImpossible. */
export const scanIds = async (o: ScanOptions, from: number, found: (id: string, sequence: number) => void): Promise<void> => {
  const info = await persistently({ what: o.label, signal: o.context.signal, link: o.link }, () => streamInfo(o.link, o.stream, o.label))
  const reader = new RangeReader({
    ...o,
    split: null,
    from,
    to: info.state.last_seq + 1,
    until: null,
    count: null,
    lastKnown: Math.max(from - 1, info.state.last_seq),
    filter: unfiltered,
    accept: null,
    headersOnly: true,
    pull: pullDefaults,
    durable: null,
    inactiveMs: null,
    gapless: true,
    skips: false,
    quiet: null,
    subject: undefined,
  })
  try {
    await reader.start()
    await drain(reader, found)
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

const drain = async (reader: RangeReader, found: (id: string, sequence: number) => void): Promise<void> => {
  for (;;) {
    const status = reader.status()
    if (status._tag === 'failed') throw status.error
    if (status._tag === 'done') return
    const batch = reader.poll(4_096)
    if (batch === null) await new Promise<void>(resolve => reader.onChange(resolve))
    else for (const message of batch.values) report(message.id, message.sequence, found)
  }
}

const report = (id: Option<string>, sequence: number, found: (id: string, sequence: number) => void): void => {
  if (isSome(id)) found(id.value, sequence)
}
