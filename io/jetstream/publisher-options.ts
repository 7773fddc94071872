// What the publisher is told once, and what it is given to publish.
import type { Headers, OutputBatch } from '../../sdk/graph/sink.ts'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { Chain } from './chain.ts'
import type { Link } from './connections.ts'
import type { StreamHistory } from './history.ts'

export interface PublisherOptions {
  readonly link: Link
  readonly context: HostContext
  readonly stream: string
  readonly label: string
  readonly created: string
  /** What is known of the stream, against which it is compared before anything is sent again. */
  readonly history: StreamHistory
  /** Where the destination stood: whatever is published is stored after it. */
  readonly floor: number
  /** Whether messages have ids: then what is in doubt is looked up before it is sent again. */
  readonly withIds: boolean
  readonly window: Window
  /** Each message says behind which one it is to be stored. */
  readonly chain: Chain | null
}

/** What may be on its way at once. The transport takes whatever it is given into its buffer: this is what bounds it. */
export interface Window {
  readonly messages: number
  /** Of payloads. */
  readonly bytes: number
}

/** Where a batch of rows that begins at `from` ends: as many as fit. */
export const endOfBatch = ({ payloads }: OutputBatch, from: number, maxRows: number, maxBytes: number): number => {
  let bytes = 0
  let to = from
  while (to < payloads.length && to - from < maxRows && (to === from || bytes + (payloads[to]?.length ?? 0) <= maxBytes)) {
    bytes += payloads[to]?.length ?? 0
    to++
  }
  return to
}

/** Rows to publish; columns of equal length. */
export interface Rows {
  readonly destinations: ReadonlyArray<string>
  readonly headers: ReadonlyArray<Headers | null>
  readonly payloads: ReadonlyArray<Uint8Array>
  readonly ids: ReadonlyArray<string> | null
}
