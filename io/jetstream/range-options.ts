// What a range reader is told: which sequences of which stream, where it ends, and what it selects.
import type { StreamInfo } from '@nats-io/jetstream'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { Link } from './connections.ts'
import type { StreamHistory } from './history.ts'
import type { PullSettings } from './pull-window.ts'
import type { Renewals } from './renewals.ts'
import type { SubjectMatcher } from './subject-filter.ts'

export interface RangeOptions {
  readonly link: Link
  readonly context: HostContext
  readonly stream: string
  /** For messages: who reads. */
  readonly label: string
  /** For the log; null: it reads for no split. */
  readonly split: string | null
  /** The stream's creation time when the run began. */
  readonly created: string
  readonly from: number
  /** Exclusive; null: without end. */
  readonly to: number | null
  /** Only messages published at this time or later, in milliseconds. */
  readonly since: number | null
  /** Only messages published before, in milliseconds; without `to` it ends once the server's clock is past it. */
  readonly until: number | null
  /** Ends after so many messages. */
  readonly count: number | null
  /** The stream is known to have had this sequence. */
  readonly lastKnown: number
  /** What to ask the server to select, and what to select here; decided anew for each consumer. */
  readonly filter: (info: StreamInfo) => Promise<{ readonly server: ReadonlyArray<string>; readonly client: SubjectMatcher | null }>
  /** The only sequences to hand on, where it is a list. */
  readonly accept: ((sequence: number) => boolean) | null
  readonly headersOnly: boolean
  /** Only the newest message of each subject as the stream is, and what comes behind: not in order where it begins anew. One server filter. */
  readonly newest: boolean
  readonly pull: PullSettings
  /** The name of its consumer; null: nobody knows it. */
  readonly durable: string | null
  /** null: as long as it is asked, and a minute more; of one with a name, for ever. */
  readonly inactiveMs: number | null
  /** What the stream has erased by itself ends it, wherever it lies. Single messages that were deleted are counted. */
  readonly gapless: boolean
  /** What was erased before it was read is passed over, and counted, instead of ending it. */
  readonly skips: boolean
  /**
   * It reads some of the subjects, and this says whether nothing of them was left when they were last read: then what was erased since may
   * all have been other subjects'. null: it reads all that the read selects.
   */
  readonly quiet: boolean | null
  /** When the message before `from` was published, as a checkpoint has it; null: it was not read. */
  readonly notedAt: number | null
  /** For messages: the one subject that it reads. */
  readonly subject: string | undefined
  /** What is known of the stream, against which it is compared; null: nothing of it was read before. */
  readonly history: StreamHistory | null
  /** Of all that read with it. */
  readonly renewals?: Renewals | undefined
}
