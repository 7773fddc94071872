// What a protocol is given of the stream that it writes to.
import type { StreamInfo } from '@nats-io/jetstream'
import type { SinkContext } from '../../sdk/graph/sink.ts'
import type { Link } from './connections.ts'
import type { Position } from './position.ts'
import type { Window } from './publisher-options.ts'

export interface StreamPlace {
  readonly link: Link
  readonly context: SinkContext
  readonly label: string
  readonly stream: string
  /** When the run was opened. */
  readonly info: StreamInfo
  readonly window: Window
  /** A subject of the stream that has room for markers; null: there is none. */
  readonly room: string | null
  /** Where the checkpoint has it; null for a new run. */
  readonly stood: Position | null
  /** Where the run that this one replaces had it last. */
  readonly replaced: Position | null
  /** For what it guarantees: `, because …`, or nothing. */
  readonly because: string
  /** Throws FeedbackLoop for a subject that this pipeline reads. */
  readonly requireNoLoop: (subjects: ReadonlyArray<string>) => void
  /** The same, and throws SubjectNotInStream for one that the stream does not take. */
  readonly requireTaken: (subjects: ReadonlyArray<string>) => void
}
