// The names of files and folders: everything a directory store puts on disk is named here.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { closeToOthers, createFolder } from './durable-file.ts'
import { onMedium } from './medium-error.ts'
import { isDevice } from './savepoint-name.ts'

/** A job's folders. */
export interface JobFolder {
  readonly job: string
  /** For messages. */
  readonly label: string
  readonly path: string
  readonly segments: string
  readonly manifests: string
  readonly savepoints: string
  readonly lease: string
}

/** A manifest's place in the succession. */
export interface ManifestKey {
  readonly generation: number
  readonly epoch: number
}

export const jobFolder = (root: string, job: string): JobFolder => {
  const path = join(root, folderName(job))
  return {
    label: `the job ${JSON.stringify(job)} in ${path}`,
    job,
    path,
    segments: join(path, 'segments'),
    manifests: join(path, 'manifests'),
    savepoints: join(path, 'savepoints'),
    lease: join(path, 'lease'),
  }
}

/** Makes the folders and their names durable. */
export const createFolders = async (folder: JobFolder): Promise<void> => {
  for (const path of [folder.path, folder.segments, folder.manifests, folder.savepoints, folder.lease])
    await onMedium('create the folder', path, async () => {
      await createFolder(path)
      await closeToOthers(path)
    })
}

/**
 * A folder's name for any job: a plain name is its own; another one keeps what is legible of it, a point, which plain names don't have,
 * and a hash. Names that differ in case alone get different folders, since file systems may not tell them apart.
 */
export const folderName = (job: string): string => {
  if (/^[a-z0-9][a-z0-9_-]{0,59}$/.test(job) && !isDevice(job)) return job
  const legible = job
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[-_]+/, '')
    .slice(0, 40)
  // As JSON, because two different lone surrogates would be the same UTF-8.
  return `${legible}.${createHash('sha256').update(JSON.stringify(job)).digest('hex').slice(0, 20)}`
}

const digits = (n: number, width: number): string => String(n).padStart(width, '0')

export const generationName = (generation: number): string => digits(generation, 6)
export const manifestName = (key: ManifestKey): string => `${generationName(key.generation)}-${digits(key.epoch, 10)}.json`
export const segmentName = (generation: number, ordinal: number): string => `${generationName(generation)}-${digits(ordinal, 10)}.segment`

/** null for any other file. */
export const manifestKeyOf = (name: string): ManifestKey | null => {
  const [, generation, epoch] = /^(\d{6,15})-(\d{10,15})\.json$/.exec(name) ?? []
  return generation === undefined || epoch === undefined ? null : { generation: Number(generation), epoch: Number(epoch) }
}
export const isSegmentName = (name: string): boolean => /^\d{6,15}-\d{10,15}\.segment$/.test(name)

/** The generation that a file's name begins with: all but savepoints have one. */
export const generationOf = (name: string): number | null => {
  const [, generation] = /^(\d{6,15})[-.]/.exec(name) ?? []
  return generation === undefined ? null : Number(generation)
}
