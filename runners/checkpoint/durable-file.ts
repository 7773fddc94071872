// Files that are there whole or not at all: written under another name, flushed, and only then given their own.
import { chmod, link, mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf } from './medium-error.ts'

/** Every name that ends so is unfinished, whoever finds it. */
export const temporarySuffix = '.tmp'

/** State holds whatever passes through a pipeline: only its owner reads it. */
export const fileMode = 0o600
const folderMode = 0o700

/** Writes and flushes a file that must not exist yet; removes it again if that fails. */
export const writeFlushed = async (path: string, content: Iterable<Uint8Array>): Promise<void> => {
  const file = await open(path, 'wx', fileMode)
  try {
    try {
      // Whatever the umask takes away.
      await file.chmod(fileMode)
      for (const block of content) await writeAll(file, block)
      await file.sync()
    } finally {
      // Network file systems report a full disk as late as here.
      await file.close()
    }
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

/** Replaces; durable after the folder is flushed. */
export const writeByRename = async (path: string, content: Iterable<Uint8Array>): Promise<void> => {
  const temporary = `${path}${temporarySuffix}`
  await writeFlushed(temporary, content)
  try {
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Gives `temporary` its name if nobody has it; false if somebody does. Atomic between processes and, by NFS's rules, between hosts. */
export const linkExclusive = async (temporary: string, path: string): Promise<boolean> => {
  try {
    await link(temporary, path)
    return true
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    // An NFS client that repeats a request it got no answer to finds its own link.
    const [mine, there] = await Promise.all([stat(temporary, { bigint: true }), stat(path, { bigint: true })])
    return mine.ino === there.ino && mine.dev === there.dev
  }
}

/** Makes names durable: a file's own flush does not cover its entry in the folder. */
export const flushFolder = async (path: string): Promise<void> => {
  // Windows has no handles on folders; NTFS journals its names.
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Makes a folder and those above it, durably. Node's own recursive mkdir never returns where a system forbids folders, as /proc does. */
export const createFolder = async (path: string): Promise<void> => {
  try {
    await makeOwn(path).catch(async (error: unknown) => {
      if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error
      await createFolder(dirname(path))
      await makeOwn(path)
    })
  } catch (error) {
    if (await isFolder(path)) return
    throw error
  }
  await flushFolder(dirname(path))
}

/** Makes one folder that only its owner enters, whatever the umask. */
export const makeOwn = async (path: string): Promise<void> => {
  await mkdir(path, folderMode)
  await chmod(path, folderMode)
}

/** The same for a folder that an earlier version made. A folder of another user is left unchanged. */
export const closeToOthers = async (path: string): Promise<void> => {
  if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, folderMode).catch(() => undefined)
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  )

export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === 'ENOENT') return false
      throw error
    },
  )

const blockBytes = 1 << 20
/** What is written as it is, without a copy. */
const largePieceBytes = 1 << 16

/** Blocks of at most about 1 MiB: many small pieces cost one write, and a thread that hashes a large one pauses in between. */
export const blocksOf = function* (content: ReadonlyArray<Uint8Array>): Generator<Uint8Array> {
  let gathered: Array<Uint8Array> = []
  let bytes = 0
  for (const piece of content) {
    if (bytes > 0 && (piece.length >= largePieceBytes || bytes + piece.length > blockBytes)) {
      yield Buffer.concat(gathered, bytes)
      gathered = []
      bytes = 0
    }
    if (piece.length < largePieceBytes) {
      gathered.push(piece)
      bytes += piece.length
    } else for (let at = 0; at < piece.length; at += blockBytes) yield piece.subarray(at, at + blockBytes)
  }
  if (bytes > 0) yield Buffer.concat(gathered, bytes)
}

// One write may take less than it was given, as just before a disk is full.
const writeAll = async (file: FileHandle, block: Uint8Array): Promise<void> => {
  for (let at = 0; at < block.length;) at += (await file.write(block, at)).bytesWritten
}
