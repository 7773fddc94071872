// From what was thrown to the error that a run ends with.
import { InvalidPipelineError } from '../../sdk/graph/invalid-pipeline.ts'
import { withoutSecrets } from '../../sdk/model/redaction.ts'
import type { PipelineError } from '../../sdk/model/run.ts'
import { errorName, errorText, readable } from '../../sdk/model/error-text.ts'
import { CheckpointError } from '../checkpoint/store.ts'
import { UserCodeError } from '../harness/errors.ts'
import { ShutdownTimedOut } from './shutdown.ts'

/** What a source or sink answered, with the transform that it belongs to. */
export class IoError extends Error {
  readonly transform: string
  constructor(transform: string, thrown: unknown) {
    const cause = readable(thrown)
    super(`${transform}: ${withoutLabel(transform, errorText(cause))}`, { cause })
    this.name = errorName(cause, 'IoFailed')
    this.transform = transform
  }
}

/** A source's own label at the head of its message is the end of its transform's path, unless it has a name: once is enough. */
const withoutLabel = (transform: string, message: string): string => {
  const label = `${transform.slice(transform.lastIndexOf('/') + 1).replace(/#\d+$/, '')}: `
  return message.startsWith(label) ? message.slice(label.length) : message
}

/** The checkpoint was taken of a pipeline that this one cannot go on from. */
export class GraphMismatchError extends Error {
  readonly differences: ReadonlyArray<string>
  constructor(what: string, differences: ReadonlyArray<string>) {
    super(
      `${what} is of another pipeline:\n${differences.map(difference => `- ${difference}`).join('\n')}\n` +
        'Start the changed pipeline under another job name, or undo these changes',
    )
    this.name = 'GraphMismatch'
    this.differences = differences
  }
}

export class AssertionFailure extends Error {
  constructor(cause: unknown) {
    super(errorText(cause), { cause })
    this.name = 'AssertionFailed'
  }
}

/** What a run in another thread ended with. */
export class RemoteFailure extends Error {
  readonly error: PipelineError
  /** The class of what was thrown there, which does not survive the way. */
  readonly failureClass: string
  constructor(error: PipelineError, failureClass: string = error._tag) {
    super(error.message, { cause: 'cause' in error ? error.cause : undefined })
    this.name = error._tag
    this.error = error
    this.failureClass = failureClass
  }
}

/** What waited for the lease is rejected with what the lease was lost to: that is the job's, whichever transform met it. */
export const attributedTo = (transform: string, cause: unknown): Error =>
  cause instanceof IoError || cause instanceof CheckpointError ? cause : new IoError(transform, cause)

/** `io` attributes what a source or sink rejects with to its transform. */
export const io = async <A>(transform: string, work: () => Promise<A>): Promise<A> => {
  try {
    return await work()
  } catch (cause) {
    throw attributedTo(transform, cause)
  }
}

/** Without secrets, in its cause too: it leaves the run here. */
export const pipelineErrorOf = (error: unknown): PipelineError => withoutSecrets(errorAsData(readable(error)))

const errorAsData = (error: unknown): PipelineError => {
  const message = errorText(error)
  if (error instanceof RemoteFailure) return error.error
  if (error instanceof UserCodeError)
    return {
      _tag: 'UserCodeFailed',
      transform: error.transform,
      element: error.element,
      split: error.split,
      position: error.position,
      message,
      cause: error.cause,
    }
  if (error instanceof InvalidPipelineError) return { _tag: 'InvalidPipeline', problems: error.problems, message }
  if (error instanceof GraphMismatchError) return { _tag: 'GraphMismatch', differences: error.differences, message }
  if (error instanceof CheckpointError) return { _tag: 'CheckpointFailed', kind: error.kind, message, cause: error }
  if (error instanceof AssertionFailure) return { _tag: 'AssertionFailed', message, cause: error.cause }
  if (error instanceof ShutdownTimedOut) return { _tag: 'ShutdownTimedOut', unfinished: error.unfinished, message, cause: error.cause }
  if (error instanceof IoError) return { _tag: 'IoFailed', transform: error.transform, message, cause: error.cause }
  return { _tag: 'InternalError', message: `Internal error: ${message}. Please report it, with the stack of its cause`, cause: error }
}
