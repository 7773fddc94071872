// Why JetStream cannot give or take what a pipeline asks for: one error class, told apart by its tag, with what to do in its message.
import { PermissionViolationError } from '@nats-io/nats-core'
import type { Refused } from '../nats/problem.ts'

/** Why JetStreamIO cannot go on: the `_tag` of a {@link JetStreamIOError}. */
export type JetStreamFailure =
  /** No server answered, or it has no JetStream. */
  | 'CannotConnect'
  /** The server does not let this user in: wrong or expired credentials. */
  | 'AuthenticationFailed'
  /** This user may not publish or subscribe to what is needed. */
  | 'NotPermitted'
  /** The connection was closed while it was in use. */
  | 'ConnectionClosed'
  /** A connection object of another client library. */
  | 'UnsupportedConnection'
  /** The server was away for longer than a run waits. */
  | 'ServerUnavailable'
  /** JetStream refuses what a run needs, and would refuse it again. */
  | 'ServerRefused'
  /** A reader got nothing, however often it began again, though the server says that something is there. */
  | 'ReaderStalled'
  /** There is no stream of this name. */
  | 'StreamNotFound'
  /** A stream of this name was deleted and created again. */
  | 'StreamRecreated'
  /** The stream ends before what was read: the server lost messages. */
  | 'StreamTruncated'
  /** Messages were erased before they were read. */
  | 'MessagesErased'
  /** The stream's sequences are beyond 2^53, which a number cannot hold. */
  | 'UnsupportedSequences'
  /** What is asked for does not go with when the stream erases messages: after limits, by interest, or as a work queue. */
  | 'UnsupportedRetention'
  /** The consumer of that name would lose messages, or was deleted with what it had yet to deliver. */
  | 'UnsuitableConsumer'
  /** Two of the subjects to read share messages. */
  | 'OverlappingSubjects'
  /** Nothing can be published to it, or read by it. */
  | 'InvalidSubject'
  /** An option that is out of range, or does not go with another. */
  | 'InvalidOptions'
  /** No stream, or another one, takes messages of this subject. */
  | 'SubjectNotInStream'
  /** The server, or its stream, refused an output: it is too large, or the stream is full. */
  | 'PublishRejected'
  /** The destination's configuration would let duplicates or losses through. */
  | 'UnsafeDestination'
  /** Another process has taken the job over, or somebody else writes where only this sink may. */
  | 'Fenced'
  /** The pipeline would read what it writes. */
  | 'FeedbackLoop'
  /** Whether an output was stored can no longer be found out. */
  | 'RecoveryImpossible'
  /** Nobody serves the subject that was asked. */
  | 'NoResponders'
  /** A service gave no answer in time. */
  | 'RequestTimedOut'
  /** A service answered with an error. */
  | 'RequestRefused'
  /** A service's answer is not what the coder reads. */
  | 'UndecodableReply'
  /** A key of a bucket is not at the revision that a put expects. */
  | 'RevisionConflict'
  /** An object of an object store was deleted or put again before it was read. */
  | 'ObjectGone'
  /** An object's chunks and its digest do not match. */
  | 'ObjectDamaged'
  /** It was stopped while it waited for the server, or for acknowledgments. */
  | 'Closed'

/**
 * An expected failure of JetStreamIO. `message` says what, where and how to fix it; `name` is the tag. Thrown where a pipeline is built for
 * options that are wrong; in a run it is the `cause` of an IoFailed.
 *
 * @example
 * const read = E.tryCatch(() => JetStreamIO.read({ stream: 'VIEWS', coder: viewCoder, splits: 0 }), E.toError)
 * E.isLeft(read) && read.left instanceof JetStreamIOError && read.left._tag // => 'InvalidOptions'
 */
export class JetStreamIOError extends Error {
  readonly _tag: JetStreamFailure

  constructor(tag: JetStreamFailure, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = tag
    this._tag = tag
  }
}

/** The code of a JetStream API error (10059: stream not found, …), or null for anything else. */
export const apiErrorCode = (error: unknown): number | null => {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null
  return typeof code === 'number' ? code : null
}

export const streamNotFound = 10_059
export const consumerNotFound = 10_014

export { errorText } from '../../sdk/model/error-text.ts'

/** What the server did not allow, if that is why something failed. */
export const refusalIn = (error: unknown): Refused | null =>
  [error, causeOf(error)].find(each => each instanceof PermissionViolationError) ?? null

export const causeOf = (error: unknown): unknown => (error instanceof Error ? error.cause : undefined)

export const notPermitted = (label: string, { operation, subject }: Refused): JetStreamIOError =>
  new JetStreamIOError(
    'NotPermitted',
    `${label}: the server does not allow this user ${operation === 'publish' ? 'to publish' : 'to subscribe'} to ${subject}. Allow it, or connect as another user.`,
  )

export const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

/** For callbacks into the client: what is thrown there would end its reading of the socket, for everybody. */
export const orElse = (work: () => void, fail: (error: Error) => void): void => {
  try {
    work()
  } catch (error) {
    fail(asError(error))
  }
}

/** The failure of a run whose stream ends before what it has read from it, or stored in it. */
export const truncated = (
  { stream, label }: { readonly stream: string; readonly label: string },
  last: number,
  { sequence }: { readonly sequence: number },
): JetStreamIOError =>
  new JetStreamIOError(
    'StreamTruncated',
    `${label}: the stream ${stream} ends at sequence ${last}, but sequence ${sequence} was in it: its server lost messages (a restore from a backup, a disk without sync). ` +
      'Start from a savepoint that is older than the loss, or start a new run.',
  )
