// Sinks that only one thread can write to, such as a file: the main thread does, once a checkpoint is durable.
import type { PlannedSink } from '../plan/stage.ts'

export const isHome = ({ sink, mode }: PlannedSink): boolean => !sink.parallel && mode === 'checkpointed'
