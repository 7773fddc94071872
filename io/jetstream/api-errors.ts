// JetStream's error codes: which answers may be others when they are asked for again. All others are final, and never asked for again.
import { JetStreamApiError } from '@nats-io/jetstream'
import { field } from './fields.ts'

/**
 * Refusals that pass, although their status is one of the client's mistakes (4xx). Every other one of that kind is final; what a server could not do
 * at the moment (5xx) passes, but for {@link finalErrors}.
 */
const passing: ReadonlyMap<number, string> = new Map([
  [10_005, 'no suitable peers for placement: a server of the cluster is away'],
  [10_014, 'consumer not found: on a replica that lags'],
  [10_026, 'maximum consumers limit: those of an earlier run are forgotten within a minute'],
  [10_037, 'no message found'],
  [10_040, 'peer not a member: it joins later'],
  [10_044, 'server is not a member of the cluster: it joins later'],
  [10_059, 'stream not found: StreamNotFound tells it by name'],
  [10_071, 'wrong last sequence: the message may have arrived before'],
  [10_105, 'consumer is still active'],
  [10_158, 'the same message id is being stored'],
  [10_164, 'the last sequence is not known yet'],
  [10_167, 'too many requests'],
  [10_176, 'the batch is incomplete: the connection lost some of it'],
  [10_199, 'the batch is too large: a smaller one is tried'],
  [10_202, 'a change of the cluster is under way'],
  [10_210, 'too many batches at once'],
  [10_211, 'too many batches at once'],
])

/** Refusals that stay, although their status is one of the server (5xx). */
const finalErrors: ReadonlyMap<number, string> = new Map([
  [10_153, "inactive_threshold exceeds the stream's consumer_limits"],
  [10_172, 'the counter is broken'],
])

/** What a stream with `discard: new` answers when a limit of it is reached; by the description, because the code covers any failed store. */
const fullDescriptions: ReadonlyArray<readonly [pattern: RegExp, limit: string]> = [
  [/maximum messages per subject exceeded/i, 'max_msgs_per_subject'],
  [/maximum messages exceeded/i, 'max_msgs'],
  [/maximum bytes exceeded/i, 'max_bytes'],
]

/** The limit of a stream that refuses new messages, as its configuration names it; null: it is not full. */
export const fullLimit = (description: string): string | null =>
  fullDescriptions.find(([pattern]) => pattern.test(description))?.[1] ?? null

/** Whether an answer of JetStream may be another one later. `status`: 400 to 599. `code`: JetStream's own; 0: it has none. */
export const mayPass = (status: number, code: number, description: string): boolean => {
  if (fullLimit(description) !== null || finalErrors.has(code)) return false
  return passing.has(code) || status >= 500 || status === 429 || status === 408
}

/** A final answer of JetStream's API; null: it may pass, or it is no such answer. */
export const finalAnswer = (error: unknown): { readonly code: number; readonly description: string } | null => {
  if (!(error instanceof JetStreamApiError)) return null
  const { code, message } = error
  const status = field(error.apiError(), 'code')
  return mayPass(typeof status === 'number' ? status : 500, code, message) ? null : { code, description: message }
}
