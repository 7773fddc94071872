// What a NATS server answers, told as a CheckpointError with the place and a remedy; and which answers are worth asking again for.
import { JetStreamApiError } from '@nats-io/jetstream'
import { ClosedConnectionError, errors, NoRespondersError, TimeoutError } from '@nats-io/nats-core'
import { ConnectionProblem } from '../../io/nats/problem.ts'
import { CheckpointError } from './store.ts'
import { errorText } from '../../sdk/model/error-text.ts'

/** A publish that a stream did not take. */
export class PublishRefused extends Error {
  readonly status: number
  readonly code: number

  constructor(status: number, code: number, description: string) {
    super(`${description} (${code})`)
    this.name = 'PublishRefused'
    this.status = status
    this.code = code
  }
}

/** There is no connection to the server at this moment. */
export class ServerAway extends Error {}

/** Somebody else has written since: the sequence that was expected is not the last one. The second is the same, told while it happens. */
export const isConflict = (error: unknown): boolean => error instanceof PublishRefused && (error.code === 10_071 || error.code === 10_164)

/** The number of a JetStream API error, or undefined for any other. */
export const codeOf = (error: unknown): number | undefined =>
  error instanceof PublishRefused || error instanceof JetStreamApiError ? error.code : undefined

/** Not an answer: what was asked for may have been done, and may be asked for again. */
export const isTransient = (error: unknown): boolean => {
  if (error instanceof ConnectionProblem) return error._tag === 'CannotConnect'
  if (error instanceof PublishRefused || error instanceof JetStreamApiError)
    return !isFull(error) && error.code !== noReplicas && (error.status >= 500 || error.status === 429)
  return (
    error instanceof ServerAway ||
    error instanceof TimeoutError ||
    error instanceof NoRespondersError ||
    // The client does not export its class.
    (error instanceof Error && error.name === 'JetStreamNotEnabled') ||
    (error instanceof errors.RequestError && !(error.cause instanceof errors.PermissionViolationError))
  )
}

const insufficientResources = new Set([10_002, 10_023, 10_028, 10_047])
const storeFailed = 10_077
/** More replicas than one, on a server that is alone. */
const noReplicas = 10_074

const isFull = (error: unknown): boolean => {
  const code = codeOf(error)
  if (code === undefined || !(error instanceof Error)) return false
  // The stream tells by its text alone why it could not store: 'maximum bytes exceeded', 'no space left on device'.
  return insufficientResources.has(code) || (code === storeFailed && /maximum|exceeded|no space|quota/i.test(error.message))
}

/** `doing` completes "could not …". A CheckpointError passes through: it already says what it has to. */
export const storeError = (doing: string, place: string, error: unknown): CheckpointError => {
  if (error instanceof CheckpointError) return error
  const reason = errorText(error)
  return new CheckpointError(
    isFull(error) ? 'StoreFull' : permissionOf(error) === null ? 'StoreFailed' : 'NotPermitted',
    `Could not ${doing} in ${place}: ${reason.replace(/\.$/, '')}. ${remedyFor(error)}`,
    error,
  )
}

const remedyFor = (error: unknown): string => {
  if (isFull(error)) return 'Raise the limits of the stream or of the account, or make room on the disk; the next checkpoint tries again.'
  if (permissionOf(error) !== null)
    return 'Allow this user to publish to $JS.API.> and to the subjects of the stream, and to subscribe to _INBOX.>; or keep checkpoints in a directory: Checkpoints.directory(path), --checkpoints DIR.'
  if (error instanceof ConnectionProblem) return 'Checkpoints are kept there: nothing runs without it.'
  if (error instanceof ClosedConnectionError) return 'The connection was closed by this program.'
  if (codeOf(error) === 10_060)
    return 'Another stream takes these subjects: remove them there, or keep checkpoints in a stream of another name.'
  if (codeOf(error) === noReplicas) return 'Fewer servers than replicas: give checkpoints fewer replicas.'
  if (isTransient(error)) return 'Look whether the server runs, with JetStream (-js) and a leader for this stream; then start again.'
  return "Look at the stream with 'nats stream info', or keep checkpoints in another one."
}

const permissionOf = (error: unknown): Error | null => {
  if (error instanceof errors.PermissionViolationError) return error
  return error instanceof Error && error.cause instanceof errors.PermissionViolationError ? error.cause : null
}
