// Where warnings go that nobody asked for elsewhere.
import { redactedText } from '../../sdk/model/secret-text.ts'

export const processWarning = (message: string, cause: unknown): void => {
  process.emitWarning(redactedText(`${message}${cause instanceof Error ? ` ${cause.message}` : ''}`), 'CheckpointWarning')
}
