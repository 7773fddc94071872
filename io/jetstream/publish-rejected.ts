// What the client itself refuses to publish: mostly a message that is too large for the server.
import type { NatsConnection } from '@nats-io/nats-core'
import { JetStreamIOError, errorText } from './errors.ts'

/** With the limit, which the payload alone may keep: what the run names a message by is among its headers. */
export const publishRejected = (
  label: string,
  { subject, payload }: { readonly subject: string; readonly payload: Uint8Array },
  info: NatsConnection['info'],
  error: unknown,
): JetStreamIOError => {
  const limit = info?.max_payload
  const known = limit === undefined ? '' : ` It takes ${limit} bytes a message, with all headers, which the run adds to.`
  return new JetStreamIOError(
    'PublishRejected',
    `${label} cannot publish ${payload.length} bytes of payload to ${subject}: ${errorText(error)}.${known} Make the message smaller, or raise the server's max_payload.`,
    { cause: error },
  )
}
