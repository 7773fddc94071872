// A destination that is made where it is missing.
import { DiscardPolicy, PersistMode, RetentionPolicy, type StreamConfig, type StreamInfo, StorageType } from '@nats-io/jetstream'
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
    return await link.jsm.streams.add(configOf(stream, create))
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

/** Asks the stream's leader, and changes nothing: of a missing stream, what it will be once a run has created it. */
export const streamFoundOrPlanned = async (
  link: Link,
  stream: string,
  label: string,
  create: NewStream | null,
): Promise<{ readonly info: StreamInfo; readonly isPlanned: boolean }> => {
  try {
    return { info: await streamInfo(link, stream, label), isPlanned: false }
  } catch (error) {
    if (create === null || !(error instanceof JetStreamIOError) || error._tag !== 'StreamNotFound') throw error
    return { info: plannedInfo(configOf(stream, create)), isPlanned: true }
  }
}

const configOf = (stream: string, create: NewStream): NewStreamConfig => ({
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

type NewStreamConfig = Partial<StreamConfig> & Pick<StreamConfig, 'name'>

/** With the server's defaults. */
const plannedInfo = (config: NewStreamConfig): StreamInfo => {
  const created = new Date(0).toISOString()
  return {
    config: {
      subjects: [],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      num_replicas: 1,
      max_age: 0,
      max_bytes: -1,
      max_msgs: -1,
      max_msgs_per_subject: -1,
      max_msg_size: -1,
      max_consumers: -1,
      discard: DiscardPolicy.Old,
      duplicate_window: 0,
      allow_direct: true,
      mirror_direct: false,
      allow_rollup_hdrs: false,
      deny_delete: false,
      deny_purge: false,
      discard_new_per_subject: false,
      sealed: false,
      first_seq: 0,
      allow_msg_ttl: false,
      allow_msg_counter: false,
      allow_msg_schedules: false,
      allow_atomic: false,
      persist_mode: PersistMode.Default,
      ...config,
    },
    created,
    total: 0,
    offset: 0,
    limit: 0,
    state: {
      messages: 0,
      bytes: 0,
      first_seq: 0,
      first_ts: created,
      last_seq: 0,
      last_ts: created,
      consumer_count: 0,
      num_deleted: 0,
      deleted: [],
      lost: { msgs: [], bytes: 0 },
    },
  }
}

/** With room for a marker. */
const subjectsFor = (stream: string, { subjects, atomicBatches }: NewStream): string[] =>
  atomicBatches && markerPlace(subjects) === null ? [...subjects, `_jetbeam.${stream}.>`] : [...subjects]
