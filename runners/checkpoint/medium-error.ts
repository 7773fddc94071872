// What the file system answers, told as a CheckpointError with the path and a remedy.
import { CheckpointError } from './store.ts'
import { errorText } from '../../sdk/model/error-text.ts'

/** The system's code of an error (`ENOENT`), or undefined for any other value. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

export const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT'

/** `doing` completes "could not …". A CheckpointError passes through: it already says what it has to. */
export const mediumError = (doing: string, path: string, error: unknown): CheckpointError => {
  if (error instanceof CheckpointError) return error
  const code = codeOf(error)
  const full = code !== undefined && fullCodes.has(code)
  const reason = errorText(error)
  return new CheckpointError(
    full ? 'StoreFull' : 'StoreFailed',
    `Could not ${doing} ${path}: ${reason}. ${(code === undefined ? undefined : remedies[code]) ?? otherwise}`,
    error,
  )
}

/** Runs `work`; what it throws is told with what was being done. */
export const onMedium = async <A>(doing: string, path: string, work: () => Promise<A>): Promise<A> => {
  try {
    return await work()
  } catch (error) {
    throw mediumError(doing, path, error)
  }
}

const fullCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT'])

const otherwise = 'Check the disk and what is mounted there, or keep checkpoints in another directory.'
const permission = 'Give this user write permission on the directory, or keep checkpoints in another one.'
const notFolders = 'Something on this path is not a folder: move it away, or keep checkpoints in another directory.'
const noLinks = 'If this file system has no hard links (exFAT and some network shares have none), keep checkpoints on one that has.'
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: make room; what was half written has been removed, and the next checkpoint tries again.',
  EDQUOT: "The user's quota is used up: make room; what was half written has been removed, and the next checkpoint tries again.",
  EACCES: permission,
  EPERM: `${permission} ${noLinks}`,
  EROFS: 'It is mounted read-only: mount it writable, or keep checkpoints in another directory.',
  ENOTDIR: notFolders,
  EEXIST: notFolders,
  ENOTSUP: noLinks,
  EOPNOTSUPP: noLinks,
  ENOSYS: noLinks,
  EMFILE: 'This process has too many files open: raise its limit (ulimit -n).',
  ENFILE: 'This machine has too many files open.',
  ENAMETOOLONG: 'Keep checkpoints in a directory with a shorter path.',
}
