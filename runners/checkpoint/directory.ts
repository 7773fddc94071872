// Checkpoints in a directory of this machine, or of a file server that several machines mount.
import { readdir, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { temporarySuffix } from './durable-file.ts'
import { checkExpiry, checkKeep } from './checked-options.ts'
import { defaultPlace } from './default-place.ts'
import { directorySession } from './directory-session.ts'
import { createFolders, generationOf, jobFolder, type JobFolder, manifestName, type ManifestKey } from './job-folder.ts'
import { outdatedLeaseFiles, readLatestBase } from './lease-files.ts'
import { explained, takeLease } from './lease.ts'
import { listManifests, readManifest } from './manifest-file.ts'
import { onMedium } from './medium-error.ts'
import { historyOf, newestOf, segmentNames } from './retention.ts'
import { abandonedSavepoints, readSavepointFolder, writeSavepointFolder } from './savepoint-folder.ts'
import type { CheckpointStore, Manifest } from './store.ts'
import { sweeper } from './sweeper.ts'
import { processWarning } from './warning.ts'

export interface DirectoryOptions {
  /** A folder, made if it is not there. The user's folder for programs' state unless told: see {@link defaultPlace}. */
  readonly path?: string | undefined
  /** How many checkpoints stay, from 1. 3 unless told. */
  readonly keep?: number | undefined
  /**
   * After so many milliseconds of silence a process that cannot be asked (another host's, a stopped one) loses its lease to the next one
   * that asks. 15,000 unless told.
   */
  readonly leaseExpiryMs?: number | undefined
  /** For what failed without failing a checkpoint, as removing an old file. `process.emitWarning` unless told. */
  readonly onWarning?: ((message: string, cause: unknown) => void) | undefined
}

/**
 * A checkpoint store in a directory. Each job has a folder with `segments`, `manifests`, `savepoints` and `lease`; the file system must
 * have hard links. A process that crashed on this host is known to be gone at once; one on another host, or a stopped one, after
 * `leaseExpiryMs`, and if it wakes up then it is refused (`LeaseLost`). Throws a RangeError for a `keep` or `leaseExpiryMs` out of range.
 *
 * @example
 * const session = await directoryStore({ path: './state' }).open('page-time')
 * const segment = await session.writeSegment([new TextEncoder().encode('state')])
 * await session.commit(0, [segment], { run: 'a run' })
 * await session.release()
 */
export const directoryStore = (options: DirectoryOptions = {}): CheckpointStore => {
  const { keep = 3, leaseExpiryMs: expiryMs = 15_000, onWarning: warn = processWarning } = options
  checkKeep('directoryStore', keep)
  checkExpiry('directoryStore', expiryMs)
  const root = options.path === undefined ? defaultRoot() : resolve(options.path)

  return {
    describe: described(root),
    open: async job => {
      const folder = jobFolder(root, job)
      await createFolders(folder)
      const lease = await takeLease(folder, { expiryMs, warn })
      try {
        // The claim comes first: what an older process completes from here on it finds refused.
        const found = await onMedium('read the checkpoints in', folder.path, () => findHistory(folder, warn))
        await lease.recordBase(found[0] ?? null)
        await lease.ensureHeld()
        const history = found.slice(0, keep)
        // Only an unfinished savepoint is a folder.
        const removal = sweeper(path => rm(path, { force: true, recursive: path.endsWith(temporarySuffix) }), warn)
        await removal.sweep(await onMedium('look through', folder.path, () => leftovers(folder, lease.generation, history)))
        return directorySession({ folder, lease, history, keep, sweeper: removal })
      } catch (error) {
        const refused = await explained(lease, error)
        await lease.release()
        throw refused
      }
    },
    writeSavepoint: async (job, name, segments, content) => {
      const folder = jobFolder(root, job)
      await createFolders(folder)
      return writeSavepointFolder(folder, name, segments, content)
    },
    readSavepoint: (job, name) => readSavepointFolder(jobFolder(root, job), name),
  }
}

/** The default directory, as its store describes it, if it holds checkpoints of the job; else null. */
export const directoryWith = async (job: string): Promise<string | null> => {
  const root = defaultRoot()
  const names = await readdir(jobFolder(root, job).manifests).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return []
    throw error
  })
  return names.length === 0 ? null : described(root)
}

const defaultRoot = (): string => resolve(defaultPlace(process.platform, process.env, homedir()))
const described = (root: string): string => `directory ${root}`

/** Latest first. The latest one must be intact; of an earlier one only its files are lost. */
const findHistory = async (folder: JobFolder, warn: (message: string, cause: unknown) => void): Promise<ReadonlyArray<Manifest>> => {
  const manifests = await listManifests(folder)
  const newest = newestOf(manifests, await readLatestBase(folder))
  if (newest === null) return []
  const history = [await readManifest(folder, newest)]
  for (const key of historyOf(manifests, newest).slice(1)) {
    const earlier = await readManifest(folder, key).catch((error: unknown) => {
      warn(`An earlier checkpoint of the job ${JSON.stringify(folder.job)} cannot be read and is removed; the latest one is intact.`, error)
      return null
    })
    if (earlier !== null) history.push(earlier)
  }
  return history
}

/**
 * What processes before this one left and nothing kept needs. Only files of their generations: a later process may be at work already.
 */
const leftovers = async (folder: JobFolder, generation: number, kept: ReadonlyArray<Manifest>): Promise<ReadonlyArray<string>> => {
  const isOlder = (name: string): boolean => (generationOf(name) ?? generation) < generation
  const manifests = keptNames(kept)
  const segments = segmentNames(kept)
  const inside = async (path: string, isKept: (name: string) => boolean): Promise<ReadonlyArray<string>> =>
    (await readdir(path)).filter(name => isOlder(name) && (name.endsWith(temporarySuffix) || !isKept(name))).map(name => join(path, name))
  return [
    // Manifests first: one without its segments would be taken for damaged.
    ...(await inside(folder.manifests, name => manifests.has(name))),
    ...(await inside(folder.segments, name => segments.has(name))),
    ...(await outdatedLeaseFiles(folder, generation)),
    ...(await abandonedSavepoints(folder)),
  ]
}

const keptNames = (kept: ReadonlyArray<ManifestKey>): ReadonlySet<string> => new Set(kept.map(manifestName))
