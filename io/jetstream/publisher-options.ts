// What the publisher is told once, and what it is given to publish.
import type { Headers } from '../../sdk/graph/sink.ts'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { Link } from './connections.ts'

export interface PublisherOptions {
  readonly link: Link
  readonly context: HostContext
  readonly stream: string
  readonly label: string
  readonly created: string
  /** Where the destination stood: whatever is published is stored after it. */
  readonly floor: number
  /** Whether messages have ids: then what is in doubt is looked up before it is sent again. */
  readonly withIds: boolean
}

/** Rows to publish; columns of equal length. */
export interface Rows {
  readonly destinations: ReadonlyArray<string>
  readonly headers: ReadonlyArray<Headers | null>
  readonly payloads: ReadonlyArray<Uint8Array>
  readonly ids: ReadonlyArray<string> | null
}
