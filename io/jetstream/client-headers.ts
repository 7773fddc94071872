// Headers as the client gives them. It throws for names and values that it would not send itself, and other clients do.
import type { Msg, MsgHdrs } from '@nats-io/nats-core'

type WithHeaders = Pick<Msg, 'headers'> | { readonly header: MsgHdrs }

/** null: there are none, or none that can be read. */
export const readableHeaders = (message: WithHeaders): MsgHdrs | null => {
  try {
    return ('header' in message ? message.header : message.headers) ?? null
  } catch {
    return null
  }
}
