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

/** How a stream is made that is missing. */
export interface StreamSize {
  /** From 1 to 5; null: as many as the most of the streams `beside` have. */
  readonly replicas: number | null
  /** Streams of the same connection. One that does not exist counts for nothing. */
  readonly beside: ReadonlyArray<string>
  /** The first of these that the server can reserve. */
  readonly maxBytes: ReadonlyArray<number>
  readonly description: string
}

export interface EnsuredStream {
  readonly allowsDirect: boolean
  readonly replicas: number
  /** Of the streams beside it. */
  readonly replicasBeside: number
}

/** Finds the stream, or makes it. Rejects with a CheckpointError where one of this name would not keep checkpoints. */
export const ensureStream = async (link: Link, size: StreamSize): Promise<EnsuredStream> => {
  if (link.maxPayload < pieceBytes + headerBytes)
    throw new CheckpointError(
      'StoreFailed',
      `The server at ${link.address} takes messages of ${link.maxPayload} bytes, and checkpoints are kept in pieces of ${pieceBytes}: ` +
        `raise its max_payload to ${pieceBytes + headerBytes} or more.`,
    )
  const budgetMs = Math.min(link.patienceMs, 5_000)
  const replicasBeside = await mostReplicas(link, size.beside, budgetMs)
  const wanted = { ...size, replicas: size.replicas ?? replicasBeside }
  const info = await link.patiently('find or make the stream', () => findOrMake(link, wanted), budgetMs)
  const wrong = Object.entries(essential(link.stream)).filter(
    ([name, wanted]) => JSON.stringify(info.config[name as keyof StreamConfig] ?? 0) !== JSON.stringify(wanted), // its own keys
  )
  if (wrong.length > 0)
    throw new CheckpointError(
      'StoreFailed',
      `${placeOf(link)} is not made for checkpoints: they need ${wrong.map(([name, wanted]) => `${name} ${JSON.stringify(wanted)}`).join(', ')}. ` +
        'Correct its configuration, or keep checkpoints in a stream of another name, which is made by itself.',
    )
  return { allowsDirect: info.config.allow_direct, replicas: info.config.num_replicas, replicasBeside }
}

export const streamNotFound = 10_059
const nameInUse = 10_058

/** From 1. */
const mostReplicas = async (link: Link, streams: ReadonlyArray<string>, budgetMs: number): Promise<number> => {
  const replicasOf = async (stream: string): Promise<number> => {
    try {
      return (await link.jsm.streams.info(stream)).config.num_replicas
    } catch (error) {
      if (codeOf(error) === streamNotFound) return 1
      throw error
    }
  }
  const found = await Promise.all(streams.map(stream => link.patiently(`look at the stream ${stream}`, () => replicasOf(stream), budgetMs)))
  return Math.max(1, ...found)
}

/** No room for the reservation that `max_bytes` makes. */
const noRoom = new Set([10_023, 10_028, 10_047])

const findOrMake = async (
  { jsm, stream }: Link,
  { replicas, maxBytes, description }: Omit<StreamSize, 'replicas'> & { readonly replicas: number },
): Promise<StreamInfo> => {
  const find = (): Promise<StreamInfo> => jsm.streams.info(stream)
  try {
    return await find()
  } catch (error) {
    if (codeOf(error) !== streamNotFound) throw error
  }
  for (const [i, bytes] of maxBytes.entries())
    try {
      return await jsm.streams.add({
        ...essential(stream),
        subjects: [...essential(stream).subjects],
        name: stream,
        description,
        storage: StorageType.File,
        num_replicas: replicas,
        max_bytes: bytes,
        // For pieces, which never change; whatever changes is asked of the leader.
        allow_direct: true,
      })
    } catch (error) {
      const code = codeOf(error)
      // Another process was faster, with other replicas.
      if (code === nameInUse) return find()
      if (i === maxBytes.length - 1 || code === undefined || !noRoom.has(code)) throw error
    }
  throw new RangeError(`${stream}: no size is given for the stream`)
}
