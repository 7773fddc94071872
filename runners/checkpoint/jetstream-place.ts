// The stream, and the names in it: everything a JetStream store publishes has its subject named here.
import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig, type StreamInfo } from '@nats-io/jetstream'
import { folderName, generationOf } from './job-folder.ts'
import { codeOf } from './jetstream-error.ts'
import { type Link, placeOf } from './jetstream-link.ts'
import { CheckpointError } from './store.ts'

/** What one message of an object holds; part of the format, for where a piece lies follows from it. */
export const pieceBytes = 131_072
const headerBytes = 1_024

/** Where a job's messages are. */
export interface JobPlace {
  readonly job: string
  /** For messages. */
  readonly label: string
  /** The lease and the history, in one message. */
  readonly head: string
  readonly segments: string
  readonly savepoints: string
  /** What savepoints are made of, complete or not. */
  readonly saving: string
}

export const jobPlace = (link: Link, job: string): JobPlace => {
  const prefix = `$JETBEAM.${link.stream}.${tokenOf(folderName(job))}`
  return {
    job,
    label: `the job ${JSON.stringify(job)} in ${placeOf(link)}`,
    head: `${prefix}.head`,
    segments: `${prefix}.segment`,
    savepoints: `${prefix}.savepoint`,
    saving: `${prefix}.saving`,
  }
}

/** A point would end the token; names of jobs and savepoints have no `~`. */
export const tokenOf = (name: string): string => name.replaceAll('.', '~')
export const nameIn = (token: string): string => token.replaceAll('~', '.')

const ending = '.segment'
/** The subject that a segment's pieces are numbered below. */
export const segmentSubject = (place: JobPlace, name: string): string => `${place.segments}.${name.slice(0, -ending.length)}`

/** The names of segments there are messages of, by generations before `generation`. */
export const segmentsBefore = (place: JobPlace, generation: number, subjects: ReadonlyArray<string>): ReadonlySet<string> => {
  const names = new Set<string>()
  for (const subject of subjects) {
    const [token = ''] = subject.slice(place.segments.length + 1).split('.')
    if ((generationOf(token + ending) ?? generation) < generation) names.add(token + ending)
  }
  return names
}

export const subjectsBelow = async (link: Link, subject: string): Promise<ReadonlyArray<string>> => {
  const info = await link.patiently('list what is', () => link.jsm.streams.info(link.stream, { subjects_filter: `${subject}.>` }))
  return Object.keys(info.state.subjects ?? {})
}

/** What the store's guarantees rest on. */
const essential = (stream: string) =>
  ({
    subjects: [`$JETBEAM.${stream}.>`],
    retention: RetentionPolicy.Limits,
    // A message replaces the one before on its subject: to send it again is harmless, and no duplicate window matters.
    max_msgs_per_subject: 1,
    // A full stream refuses what is new and keeps what is there.
    discard: DiscardPolicy.New,
    max_age: 0,
  }) as const satisfies Partial<StreamConfig>

/** Finds the stream, or makes it. Rejects with a CheckpointError where one of this name would not keep checkpoints. */
export const ensureStream = async (link: Link, replicas: number): Promise<{ readonly allowsDirect: boolean }> => {
  if (link.maxPayload < pieceBytes + headerBytes)
    throw new CheckpointError(
      'StoreFailed',
      `The server at ${link.address} takes messages of ${link.maxPayload} bytes, and checkpoints are kept in pieces of ${pieceBytes}: ` +
        `raise its max_payload to ${pieceBytes + headerBytes} or more.`,
    )
  const info = await link.patiently('find or make the stream', () => findOrMake(link, replicas), Math.min(link.patienceMs, 5_000))
  const wrong = Object.entries(essential(link.stream)).filter(
    ([name, wanted]) => JSON.stringify(info.config[name as keyof StreamConfig] ?? 0) !== JSON.stringify(wanted), // its own keys
  )
  if (wrong.length > 0)
    throw new CheckpointError(
      'StoreFailed',
      `${placeOf(link)} is not made for checkpoints: they need ${wrong.map(([name, wanted]) => `${name} ${JSON.stringify(wanted)}`).join(', ')}. ` +
        'Correct its configuration, or keep checkpoints in a stream of another name, which is made by itself.',
    )
  return { allowsDirect: info.config.allow_direct }
}

const streamNotFound = 10_059
const nameInUse = 10_058

const findOrMake = async ({ jsm, stream }: Link, replicas: number): Promise<StreamInfo> => {
  const find = (): Promise<StreamInfo> => jsm.streams.info(stream)
  try {
    return await find()
  } catch (error) {
    if (codeOf(error) !== streamNotFound) throw error
  }
  try {
    return await jsm.streams.add({
      ...essential(stream),
      subjects: [...essential(stream).subjects],
      name: stream,
      description: 'Checkpoints of Jetbeam pipelines',
      storage: StorageType.File,
      num_replicas: replicas,
      // For pieces, which never change; whatever changes is asked of the leader.
      allow_direct: true,
    })
  } catch (error) {
    // Another process was faster, with other replicas.
    if (codeOf(error) === nameInUse) return find()
    throw error
  }
}
