// Errors on their way from a worker to the main thread: what a run may end with is plain data already, but for what a user threw.
import { withoutSecrets } from '../../sdk/model/redaction.ts'
import type { PipelineError } from '../../sdk/model/run.ts'
import { showElement } from '../harness/errors.ts'
import { pipelineErrorOf } from '../host/errors.ts'

/** What cannot be cloned is shown instead. */
const plain = (value: unknown): unknown => {
  try {
    return structuredClone(value)
  } catch {
    return value instanceof Error ? Object.assign(new Error(value.message), { name: value.name, stack: value.stack }) : showElement(value)
  }
}

/** For a broken invariant of ours, too: the main thread cannot look into a worker. */
const ofThrown = (worker: number, thrown: unknown): PipelineError => {
  try {
    const error = pipelineErrorOf(thrown)
    return 'cause' in error ? { ...error, cause: plain(error.cause) } : error
  } catch {
    const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
    return withoutSecrets({ _tag: 'WorkerFailed', worker, message: `worker ${worker} failed: ${message}`, cause: plain(thrown) })
  }
}

export const failureOf = { plain, ofThrown } as const
