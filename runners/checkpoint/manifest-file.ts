// Manifests on disk: written once under (generation, epoch), read back only as they were written.
import { readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { linkExclusive, temporarySuffix, writeFlushed } from './durable-file.ts'
import { isSegmentName, manifestKeyOf, manifestName, type JobFolder, type ManifestKey } from './job-folder.ts'
import { isMissing, mediumError } from './medium-error.ts'
import { fieldsOf, isCount, seal, unseal } from './sealed-text.ts'
import { CheckpointError, type Manifest, type Segment } from './store.ts'

const version = 1

export const manifestPath = (folder: JobFolder, key: ManifestKey): string => join(folder.manifests, manifestName(key))

/** Every manifest there is a whole file of, whoever wrote it. */
export const listManifests = async (folder: JobFolder): Promise<ReadonlyArray<ManifestKey>> =>
  (await readdir(folder.manifests)).map(manifestKeyOf).filter(key => key !== null)

/** Throws a TypeError for content that JSON cannot hold. */
export const manifestText = ({ generation, epoch, segments, content }: Manifest): string =>
  seal(version, { generation, epoch, segments, content: content ?? null })

/** Writes and flushes it under a temporary name, whose path it gives. */
export const prepareManifest = async (folder: JobFolder, key: ManifestKey, text: string): Promise<string> => {
  const temporary = `${manifestPath(folder, key)}${temporarySuffix}`
  await writeFlushed(temporary, [new TextEncoder().encode(text)])
  return temporary
}

/** From here on it is there for whoever opens the job; durable once the folder is flushed. False if the name is taken. */
export const publishManifest = async (folder: JobFolder, manifest: ManifestKey, temporary: string): Promise<boolean> => {
  try {
    return await linkExclusive(temporary, manifestPath(folder, manifest))
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Rejects with `Damaged` unless it reads back as written. */
export const readManifest = async (folder: JobFolder, key: ManifestKey): Promise<Manifest> => {
  const path = manifestPath(folder, key)
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) throw damagedManifest(path, 'it is missing')
    throw mediumError('read', path, error)
  })
  const read = manifestIn(key, text)
  if (E.isLeft(read)) throw damagedManifest(path, read.left)
  return read.right
}

/** What `manifestText` wrote for this key, or why it is not that. */
export const manifestIn = (key: ManifestKey, text: string): Either<string, Manifest> =>
  pipe(
    unseal(version, text),
    E.flatMap(manifestOf),
    E.filterOrElse(
      ({ generation, epoch }) => generation === key.generation && epoch === key.epoch,
      () => 'it is the manifest of another checkpoint',
    ),
  )

export const damagedManifest = (path: string, why: string): CheckpointError =>
  new CheckpointError(
    'Damaged',
    `The checkpoint ${path} is damaged: ${why}. It is the last one that was completed, and outputs may have been published for it; going ` +
      'on from an earlier one would publish them again under the same numbers. Restore it from a backup; or, with a release that ' +
      'reads its version, start again; or start from a savepoint under another job name.',
  )

const manifestOf = (value: unknown): Either<string, Manifest> => {
  const { generation, epoch, segments, content } = fieldsOf(value)
  const named = segmentsOf(segments)
  if (!isCount(generation) || !isCount(epoch) || named === null) return E.left('it lacks what every manifest has')
  return E.right({ version, generation, epoch, segments: named, content })
}

/** null unless each of them is one. */
export const segmentsOf = (value: unknown): ReadonlyArray<Segment> | null => {
  if (!Array.isArray(value)) return null
  const segments: Array<Segment> = []
  for (const item of value) {
    const { name, bytes, checksum } = fieldsOf(item)
    if (typeof name !== 'string' || !isSegmentName(name) || !isCount(bytes) || typeof checksum !== 'string') return null
    segments.push({ name, bytes, checksum })
  }
  return segments
}
