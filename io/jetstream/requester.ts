// One request and its answer, or why there is none, by name.
import { type Msg, errors, headers as makeHeaders } from '@nats-io/nats-core'
import type { Headers } from '../../sdk/graph/sink.ts'
import { readableHeaders } from './client-headers.ts'
import type { Link } from './connections.ts'
import { JetStreamIOError, errorText, notPermitted, refusalIn } from './errors.ts'

/** Gives the answer's payload. Rejects with NoResponders, RequestTimedOut, RequestRefused, PublishRejected or ServerUnavailable. */
export type Requester = (subject: string, payload: Uint8Array, headers: Headers | null) => Promise<Uint8Array>

export const requesterOf =
  (link: Link, label: string, timeoutMs: number): Requester =>
  async (subject, payload, headers) => {
    const answer = await link.nc
      .request(subject, payload, { timeout: timeoutMs, ...(headers === null ? {} : { headers: wired(headers) }) })
      .catch((error: unknown) => {
        throw whyNot(error, `${label}: ${subject}`, link, timeoutMs)
      })
    requireServed(answer, `${label}: ${subject}`)
    return answer.data
  }

const wired = (headers: Headers) => {
  const made = makeHeaders()
  for (const [name, values] of Object.entries(headers)) for (const value of values) made.append(name, value)
  return made
}

const whyNot = (error: unknown, what: string, link: Link, timeoutMs: number): Error => {
  const o = { cause: error }
  const cause = error instanceof errors.RequestError && error.cause instanceof Error ? error.cause : error
  if (cause instanceof errors.NoRespondersError)
    return new JetStreamIOError(
      'NoResponders',
      `${what} has no responders on ${link.address}: no service listens to it. Start it, or correct the subject.`,
      o,
    )
  if (cause instanceof errors.TimeoutError)
    return new JetStreamIOError(
      'RequestTimedOut',
      `${what} gave no answer within ${timeoutMs} ms. Raise the timeout option, or look at the service.`,
      o,
    )
  const refused = refusalIn(error)
  if (refused !== null) return notPermitted(what, refused)
  if (link.nc.isClosed())
    return new JetStreamIOError('ServerUnavailable', `${what} was not asked: the connection to ${link.address} was closed.`, o)
  return new JetStreamIOError('PublishRejected', `${what} could not be asked: ${errorText(cause)}.`, o)
}

/** Services of the NATS framework tell their errors in headers. */
const requireServed = (answer: Msg, what: string): void => {
  const headers = readableHeaders(answer)
  const code = headers?.get('Nats-Service-Error-Code') ?? ''
  if (code === '') return
  throw new JetStreamIOError('RequestRefused', `${what} answered with the error ${code}: ${headers?.get('Nats-Service-Error') ?? ''}.`)
}
