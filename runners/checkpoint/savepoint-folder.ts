// Savepoints on disk: a folder that has everything, there whole or not at all, and never touched again.
import { randomUUID } from 'node:crypto'
import { readFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { exists, flushFolder, temporarySuffix, writeFlushed, makeOwn } from './durable-file.ts'
import { holderOf, isGone, thisProcess } from './holder.ts'
import { type JobFolder, segmentName } from './job-folder.ts'
import { codeOf, isMissing, mediumError, onMedium } from './medium-error.ts'
import { segmentsOf } from './manifest-file.ts'
import { checkSavepointName, noSuchSavepoint, savepointExists } from './savepoint-name.ts'
import { fieldsOf, seal, unseal } from './sealed-text.ts'
import { readSegmentFile, writeSegmentFile } from './segment-file.ts'
import { CheckpointError, type Segment } from './store.ts'

const version = 1
const manifestFile = 'savepoint.json'
const writerFile = 'writer.json'
const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Gives the folder's path. The job's folders exist. */
export const writeSavepointFolder = async (
  folder: JobFolder,
  name: string,
  segments: ReadonlyArray<Uint8Array>,
  content: unknown,
): Promise<string> => {
  checkSavepointName(name)
  // As it is at the call; throws a TypeError for what JSON cannot hold.
  const record: unknown = JSON.parse(JSON.stringify(content ?? null))
  const path = join(folder.savepoints, name)
  // Checked for its message; the rename is what decides.
  if (await onMedium('look for', path, () => exists(path))) throw savepointExists(folder.label, name)
  const temporary = join(folder.savepoints, `${randomUUID()}${temporarySuffix}`)
  try {
    await makeOwn(temporary)
    // So that another process that sweeps can tell whether this one is still at it.
    const writer = join(temporary, writerFile)
    await writeFlushed(writer, [encode(seal(version, await thisProcess()))])
    const written: Array<Segment> = []
    for (const [i, segment] of segments.entries()) written.push(await writeSegmentFile(temporary, segmentName(0, i), [segment]))
    await writeFlushed(join(temporary, manifestFile), [
      encode(seal(version, { job: folder.job, name, segments: written, content: record })),
    ])
    await rm(writer)
    await flushFolder(temporary)
    await rename(temporary, path)
    await flushFolder(folder.savepoints)
    return path
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    if (existsCodes.has(codeOf(error) ?? '') && (await exists(path))) throw savepointExists(folder.label, name)
    throw mediumError('write the savepoint', path, error)
  }
}

/** Rejects with `NoSuchSavepoint`, and says which there are; with `Damaged` unless all of it reads back as written. */
export const readSavepointFolder = async (
  folder: JobFolder,
  name: string,
): Promise<{ readonly content: unknown; readonly segments: ReadonlyArray<Uint8Array> }> => {
  checkSavepointName(name)
  const path = join(folder.savepoints, name)
  if (!(await onMedium('look for', path, () => exists(path)))) throw noSuchSavepoint(folder.label, name, await listSavepoints(folder))
  const manifest = join(path, manifestFile)
  const text = await readFile(manifest, 'utf8').catch((error: unknown) => {
    throw isMissing(error) ? damaged(manifest, 'it is missing') : mediumError('read', manifest, error)
  })
  const read = unseal(version, text)
  if (E.isLeft(read)) throw damaged(manifest, read.left)
  const { segments, content } = fieldsOf(read.right)
  const named = segmentsOf(segments)
  if (named === null) throw damaged(manifest, 'it lacks what every savepoint has')
  const contents: Array<Uint8Array> = []
  for (const segment of named) contents.push(await readSegmentFile(path, segment))
  return { content, segments: contents }
}

/** What processes that are gone left unfinished. One of another host is left alone for a day. */
export const abandonedSavepoints = async (folder: JobFolder): Promise<ReadonlyArray<string>> => {
  const here = await thisProcess()
  const abandoned: Array<string> = []
  for (const name of await readdir(folder.savepoints)) {
    if (!name.endsWith(temporarySuffix)) continue
    const path = join(folder.savepoints, name)
    const text = await readFile(join(path, writerFile), 'utf8').catch(() => '')
    const writer = holderOf(E.getOrElse((): unknown => null)(unseal(version, text)))
    const gone = writer === null ? false : await isGone(writer, here)
    if (gone || Date.now() - (await stat(path)).mtimeMs > dayMs) abandoned.push(path)
  }
  return abandoned
}

const listSavepoints = async (folder: JobFolder): Promise<ReadonlyArray<string>> =>
  (
    await onMedium('list', folder.savepoints, () =>
      readdir(folder.savepoints).catch((error: unknown): string[] => {
        if (isMissing(error)) return []
        throw error
      }),
    )
  )
    .filter(name => !name.endsWith(temporarySuffix))
    .sort()

const damaged = (path: string, why: string): CheckpointError =>
  new CheckpointError('Damaged', `The savepoint's ${path} is damaged: ${why}. Restore it from a backup, or start from another savepoint.`)

const existsCodes: ReadonlySet<string> = new Set(['EEXIST', 'ENOTEMPTY', 'EPERM', 'EACCES'])
const dayMs = 24 * 60 * 60 * 1_000
