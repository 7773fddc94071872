// Whether what was read from a store can be gone on from: with this version, and with this pipeline.
import type { Pipeline } from '../../sdk/graph/pipeline.ts'
import { differences, statefulSummary } from '../../sdk/graph/graph.ts'
import { CheckpointError } from '../checkpoint/store.ts'
import { type CheckpointContent, contentFormat } from './checkpoint-content.ts'
import { GraphMismatchError } from './errors.ts'

/** `what` begins a message: the newest checkpoint of a job, or a savepoint of it. Throws what a user must know. */
export const checkedContent = (content: unknown, what: string, pipeline: Pipeline): CheckpointContent => {
  const found = readContent(content, what)
  const changes = differences(found.stateful, statefulSummary(pipeline.graph))
  if (changes.length > 0) throw new GraphMismatchError(what, changes)
  return found
}

/** Of whatever pipeline. */
export const readContent = (content: unknown, what: string): CheckpointContent => {
  const { format } = content as { readonly format: unknown }
  if (format !== contentFormat)
    throw new CheckpointError(
      'Damaged',
      `${what} has format ${String(format)}, and this version reads ${contentFormat}. Use the version that wrote it`,
    )
  return content as CheckpointContent // its checksum says that we wrote it
}
