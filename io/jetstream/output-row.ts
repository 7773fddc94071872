// One element on its way out: as a verb gives it, and as a row of its sink's batch.
import type { Headers, OutputBatch } from '../../sdk/graph/sink.ts'

/** What one element becomes. */
export interface Row {
  readonly subject: string
  readonly headers: Headers | undefined
  readonly payload: Uint8Array
  /** null: it has one of the run's, or none. */
  readonly id: string | null
}

/** A row of a sink's batch, on its own. */
export interface Output {
  readonly to: string
  readonly headers: Headers | null
  readonly payload: Uint8Array
}

export const append = (out: OutputBatch, { to, headers, payload }: Output): void => {
  out.destinations.push(to)
  out.headers.push(headers)
  out.payloads.push(payload)
  out.bytes += payload.length
}
