// A destination that is made where it is missing.
import { type StreamInfo, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import type { Link } from './connections.ts'
import { JetStreamIOError, apiErrorCode, errorText } from './errors.ts'
import { markerPlace } from './marker-subject.ts'
import { streamInfo } from './stream-info.ts'

/** What it is to be. Ages in milliseconds. */
export interface NewStream {
  readonly subjects: ReadonlyArray<string>
  readonly storage: 'file' | 'memory'
  readonly replicas: number
  readonly maxAgeMs: number
  readonly maxBytes: number | null
  readonly maxMessages: number | null
  readonly duplicateWindowMs: number
  readonly atomicBatches: boolean
}

const nameInUse = 10_058

/** Asks the stream's leader; makes it where there is none. A stream that is there stays as it is. */
export const streamMadeOrFound = async (link: Link, stream: string, label: string, create: NewStream | null): Promise<StreamInfo> => {
  try {
    return await streamInfo(link, stream, label)
  } catch (error) {
    if (create === null || !(error instanceof JetStreamIOError) || error._tag !== 'StreamNotFound') throw error
  }
  try {
    return await link.jsm.streams.add({
      name: stream,
      subjects: subjectsFor(stream, create),
      retention: RetentionPolicy.Limits,
      storage: create.storage === 'file' ? StorageType.File : StorageType.Memory,
      num_replicas: create.replicas,
      max_age: create.maxAgeMs * 1_000_000,
      max_bytes: create.maxBytes ?? -1,
      max_msgs: create.maxMessages ?? -1,
      duplicate_window: create.duplicateWindowMs * 1_000_000,
      ...(create.atomicBatches ? { allow_atomic: true } : {}),
    })
  } catch (error) {
    const code = apiErrorCode(error)
    // Another process was quicker.
    if (code === nameInUse) return streamInfo(link, stream, label)
    if (code === null) throw error
    throw new JetStreamIOError('InvalidOptions', `${label}: the stream ${stream} is missing and cannot be made: ${errorText(error)}.`, {
      cause: error,
    })
  }
}

/** With room for a marker. */
const subjectsFor = (stream: string, { subjects, atomicBatches }: NewStream): string[] =>
  atomicBatches && markerPlace(subjects) === null ? [...subjects, `_jetbeam.${stream}.>`] : [...subjects]
