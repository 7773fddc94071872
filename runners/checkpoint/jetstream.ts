// Checkpoints in a JetStream stream: a pipeline goes on from any machine that reaches its servers.
import { shownServers } from '../../io/nats/address.ts'
import { type BindingLookup, resolveConnection } from '../../io/nats/settings.ts'
import { checkExpiry, checkKeep } from './checked-options.ts'
import { manifestName } from './job-folder.ts'
import { type JetStreamLease, takeLease } from './jetstream-lease.ts'
import { connectLink, placeOf } from './jetstream-link.ts'
import { type Reading, readObject, removeObject } from './jetstream-object.ts'
import { ensureStream, type JobPlace, jobPlace, segmentsBefore, segmentSubject, subjectsBelow } from './jetstream-place.ts'
import { abandonedSavepoints, readSavepoint, writeSavepoint } from './jetstream-savepoint.ts'
import { jetStreamSession } from './jetstream-session.ts'
import { damagedManifest, manifestIn } from './manifest-file.ts'
import { segmentNames } from './retention.ts'
import { checkSavepointName } from './savepoint-name.ts'
import { CheckpointError, type CheckpointSession, type CheckpointStore, type Manifest, type Segment } from './store.ts'
import { sweeper } from './sweeper.ts'
import { processWarning } from './warning.ts'

export interface JetStreamStoreOptions {
  /** The stream's name; made if it is not there. */
  readonly stream: string
  /** Replicas of a stream that is made here, from 1. Default: as many as the streams `beside` have. */
  readonly replicas?: number | null | undefined
  /** The streams, on the same connection, that the pipeline reads and writes. Default: none. */
  readonly beside?: ReadonlyArray<string> | undefined
  /** Largest size of a stream that is made here, in bytes. Default: 1 GiB, or less where the server has less. */
  readonly maxBytes?: number | null | undefined
  /** The name of the connection: 'default' unless told. */
  readonly connection?: string | undefined
  /** Where a connection's name is looked up; NATS_URL, or this machine's server, unless told. */
  readonly binding?: BindingLookup | undefined
  /** How many checkpoints stay, from 1. 3 unless told. */
  readonly keep?: number | undefined
  /**
   * A process that cannot be asked (another host's, a stopped one) loses its lease to the next one that asks, once that one has watched it
   * be silent for so many milliseconds. 15,000 unless told.
   */
  readonly leaseExpiryMs?: number | undefined
  /** For how many milliseconds the server may be away before what was asked for fails. 20,000 unless told. */
  readonly patienceMs?: number | undefined
  /** For what failed without failing a checkpoint, as removing an old one. `process.emitWarning` unless told. */
  readonly onWarning?: ((message: string, cause: unknown) => void) | undefined
}

/**
 * A checkpoint store in a stream of a NATS server, from version 2.9 on. What it promises rests on the server's acknowledgments: against
 * loss of power, `sync_interval: always` or replicas. A process that crashed on this host is known to be gone at once; one on another
 * host, or a stopped one, after `leaseExpiryMs`, and if it wakes up then it is refused (`LeaseLost`). Throws a RangeError for an option
 * out of range.
 *
 * @example
 * const session = await jetStreamStore({ stream: 'STATE' }).open('page-time')
 * const segment = await session.writeSegment([new TextEncoder().encode('state')])
 * await session.commit(0, [segment], { run: 'a run' })
 * await session.release()
 */
export const jetStreamStore = (options: JetStreamStoreOptions): CheckpointStore => {
  const { stream, replicas = null, beside = [], maxBytes = null, keep = 3, leaseExpiryMs: expiryMs = 15_000, patienceMs = 20_000 } = options
  const { binding = () => undefined, connection, onWarning: warn = processWarning } = options
  checkKeep('jetStreamStore', keep)
  checkExpiry('jetStreamStore', expiryMs)
  const connect = async (): Promise<Reading> => {
    const link = await connectLink({ binding, connection, stream, patienceMs })
    try {
      const sizes = maxBytes === null ? defaultSizes : [maxBytes]
      const ensured = await ensureStream(link, { replicas, beside, maxBytes: sizes, description: 'Checkpoints of Jetbeam pipelines' })
      if (replicas === null && ensured.replicas < ensured.replicasBeside)
        warn(
          `${placeOf(link)} has ${replicasText(ensured.replicas)}, and the pipeline's streams have ${ensured.replicasBeside}: a server that is lost can take the checkpoints with it. Raise it: nats stream edit ${stream} --replicas ${ensured.replicasBeside}.`,
          null,
        )
      return { link, allowsDirect: ensured.allowsDirect }
    } catch (error) {
      await link.close()
      throw error
    }
  }
  const withReading = async <A>(work: (reading: Reading) => Promise<A>): Promise<A> => {
    const reading = await connect()
    try {
      return await work(reading)
    } finally {
      await reading.link.close()
    }
  }

  return {
    describe: `stream ${stream}${addressText(binding, connection)}`,
    open: async job => {
      const reading = await connect()
      const { link } = reading
      try {
        const place = jobPlace(link, job)
        const lease = await takeLease(link, place, { expiryMs, warn })
        try {
          return await openSession(reading, place, lease, keep, warn)
        } catch (error) {
          await lease.release()
          throw error
        }
      } catch (error) {
        await link.close()
        throw error
      }
    },
    writeSavepoint: async (job, name, segments, content) => {
      checkSavepointName(name)
      // As it is at the call; throws a TypeError for what JSON cannot hold.
      const record: unknown = JSON.parse(JSON.stringify(content ?? null))
      return withReading(({ link }) => writeSavepoint(link, jobPlace(link, job), name, segments, record))
    },
    readSavepoint: async (job, name) => {
      checkSavepointName(name)
      return withReading(reading => readSavepoint(reading, jobPlace(reading.link, job), name))
    },
  }
}

/** Where a connection leads; nothing for one that cannot be looked up, which opening the store reports. */
const addressText = (binding: BindingLookup, connection: string | undefined): string => {
  try {
    const settings = resolveConnection(binding, connection)
    return 'servers' in settings ? ` at ${shownServers(settings.servers)}` : ` at ${settings.getServer()}`
  } catch {
    return ''
  }
}

/** Bytes. The server reserves what it is asked for. */
const defaultSizes = [1_073_741_824, 268_435_456, 67_108_864]

const replicasText = (n: number): string => (n === 1 ? '1 replica' : `${n} replicas`)

const openSession = async (
  reading: Reading,
  place: JobPlace,
  lease: JetStreamLease,
  keep: number,
  warn: (message: string, cause: unknown) => void,
): Promise<CheckpointSession> => {
  const { link } = reading
  const found = await readHistory(reading, place, lease, keep, warn)
  const history = found.map(({ manifest }) => manifest)
  const objects = new Map(found.map(({ manifest, object }) => [manifestName(manifest), object]))
  const removal = sweeper(subject => removeObject(link, subject), warn)
  const needed = new Set([...segmentNames(history), ...found.map(({ object }) => object.name)])
  const left = segmentsBefore(place, lease.generation, await subjectsBelow(link, place.segments))
  await removal.sweep([
    ...[...left].filter(name => !needed.has(name)).map(name => segmentSubject(place, name)),
    ...(await abandonedSavepoints(link, place)),
  ])
  return jetStreamSession({ reading, place, lease, history, objects, keep, sweeper: removal, close: link.close })
}

interface FoundManifest {
  readonly manifest: Manifest
  readonly object: Segment
}

/** Latest first. The latest one must be intact; of an earlier one only its segments are lost. */
const readHistory = async (
  reading: Reading,
  place: JobPlace,
  lease: JetStreamLease,
  keep: number,
  warn: (message: string, cause: unknown) => void,
): Promise<ReadonlyArray<FoundManifest>> => {
  const history: Array<FoundManifest> = []
  for (const [i, { generation, epoch, object }] of lease.found.slice(0, keep).entries())
    try {
      const subject = segmentSubject(place, object.name)
      const text = new TextDecoder().decode(await readObject(reading, subject, object, damagedManifest))
      const manifest = manifestIn({ generation, epoch }, text)
      if (manifest._tag === 'Left') throw damagedManifest(`${subject} in ${placeOf(reading.link)}`, manifest.left)
      history.push({ manifest: manifest.right, object })
    } catch (error) {
      if (i === 0 || !(error instanceof CheckpointError && error.kind === 'Damaged')) throw error
      warn(`An earlier checkpoint of ${place.label} cannot be read and is removed; the latest one is intact.`, error)
    }
  return history
}
