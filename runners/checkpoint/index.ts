// The room's door: what runners use of it.
export { directoryStore, directoryWith, type DirectoryOptions } from './directory.ts'
export { jetStreamStore, type JetStreamStoreOptions } from './jetstream.ts'
export { type JobRegister, jobRegister, type RegisteredJob, type WrittenStream } from './job-register.ts'
export { memoryStore } from './memory.ts'
export {
  CheckpointError,
  type CheckpointErrorKind,
  type CheckpointSession,
  type CheckpointStore,
  type Manifest,
  type Segment,
} from './store.ts'
