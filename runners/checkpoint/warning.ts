// Where warnings go that nobody asked for elsewhere.

export const processWarning = (message: string, cause: unknown): void => {
  process.emitWarning(`${message}${cause instanceof Error ? ` ${cause.message}` : ''}`, 'CheckpointWarning')
}
