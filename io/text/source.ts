// A file as a source: ranges of bytes, and what the file must still be when a run goes on.
import { type FileHandle, open, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { ConnectedSource, Source, Split, SplitProgress } from '../../sdk/splittable/source.ts'
import { TextIOError, onFile } from './errors.ts'
import { type FileState, LineReader, changed, isSame } from './line-reader.ts'

/** Smaller ranges are not worth a reader of their own. */
const smallestSplit = 1_024 * 1_024

export const textSource = (path: string): Source<string> => {
  const label = `TextIO.read(${path})`
  return Object.freeze({
    urn: 'jetbeam:io:text:read:v1',
    label,
    isBounded: true,
    identity: Object.freeze({ path }),
    replayable: true,
    connect: () => connectSource(label, resolve(path)),
  })
}

const connectSource = async (label: string, path: string): Promise<ConnectedSource<string>> => {
  const found = await onFile(label, path, () => stat(path))
  if (!found.isFile()) throw new TextIOError('NotAFile', `${label}: ${path} is no regular file. Name one file.`)
  return {
    resolve: ({ desired }) => Promise.resolve(splitsOf({ size: found.size, mtimeMs: found.mtimeMs }, desired)),
    open: (split, progress) => openSplit(label, path, split, progress),
    guarantee: () =>
      `${label}: exactly once by position. The checkpoint holds the last line's offset; the file must stay what it was when the run began.`,
    close: () => Promise.resolve(),
  }
}

/** Equal ranges of bytes, cut wherever they fall: the reader finds the lines. */
export const splitsOf = (state: FileState, desired: number): ReadonlyArray<Split> => {
  const count = Math.max(1, Math.min(desired, Math.floor(state.size / smallestSplit)))
  const cut = (i: number): number => Math.floor((state.size / count) * i)
  return Array.from({ length: count }, (_, i) => ({
    id: String(i),
    range: { from: cut(i), to: i === count - 1 ? state.size : cut(i + 1) },
    count: null,
    detail: state,
    divisible: true,
  }))
}

const openSplit = async (label: string, path: string, split: Split, progress: SplitProgress): Promise<LineReader> => {
  const state = stateIn(split, label)
  const file = await onFile(label, path, () => open(path, 'r'))
  try {
    const found = await onFile(label, path, () => file.stat())
    if (!isSame(found, state)) throw changed(label, path, state, found)
    return new LineReader(file, { label, path, state, from: split.range.from, to: split.range.to ?? state.size, last: progress.last })
  } catch (error) {
    await closeQuietly(file)
    throw error
  }
}

/** What failed before is what the user must know. */
const closeQuietly = (file: FileHandle): Promise<void> => file.close().catch(() => undefined)

const stateIn = ({ detail }: Split, label: string): FileState => {
  if (typeof detail === 'object' && detail !== null && 'size' in detail && 'mtimeMs' in detail) {
    const { size, mtimeMs } = detail
    if (typeof size === 'number' && typeof mtimeMs === 'number') return { size, mtimeMs }
  }
  throw new Error(`${label}: a split of another source was given to this one: ${JSON.stringify(detail)}`)
}
