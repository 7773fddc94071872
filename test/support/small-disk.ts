// A disk that can really be filled up: a small file system of its own. Needs root on Linux.
import { execFile } from 'node:child_process'
import { appendFile, mkdtemp, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

export interface SmallDisk {
  readonly path: string
  /** Writes until nothing more fits; again, what was freed since. */
  readonly fillUp: () => Promise<void>
  readonly makeRoom: () => Promise<void>
  readonly remove: () => Promise<void>
}

/** null, with the reason for a skip, where there can be none. */
export const smallDisk = async (kilobytes: number): Promise<SmallDisk | string> => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a small file system takes root on Linux'
  const path = await mkdtemp(join(tmpdir(), 'jetbeam-disk-'))
  try {
    await execute('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', path])
  } catch {
    await rmdir(path)
    return 'mounting a tmpfs is not allowed here'
  }
  const ballast = join(path, 'ballast')
  return {
    path,
    fillUp: async () => {
      // What fits is written: a file system that is full takes part of it, and says so.
      await appendFile(ballast, new Uint8Array(kilobytes * 1_024)).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
      })
    },
    makeRoom: () => rm(ballast),
    remove: async () => {
      await execute('umount', [path])
      await rmdir(path)
    },
  }
}
