// What the client itself refuses to publish: mostly a message that is too large for the server.
import type { NatsConnection } from '@nats-io/nats-core'
import { JetStreamIOError, errorText } from './errors.ts'

/** '' where the server has told none. */
export const limitText = (info: NatsConnection['info']): string =>
  info?.max_payload === undefined ? '' : ` The server takes ${info.max_payload} bytes a message, with all headers, which the run adds to.`

/** With the limit, which the payload alone may keep: what the run names a message by is among its headers. */
export const publishRejected = (
  label: string,
  { subject, payload }: { readonly subject: string; readonly payload: Uint8Array },
  info: NatsConnection['info'],
  error: unknown,
): JetStreamIOError =>
  new JetStreamIOError(
    'PublishRejected',
    `${label} cannot publish ${payload.length} bytes of payload to ${subject}: ${errorText(error)}.${limitText(info)} Make the message smaller, or raise the server's max_payload.`,
    { cause: error },
  )
