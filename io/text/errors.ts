// Why a file cannot be read or written: one error class, told apart by its tag, with what to do in its message.
import { errorText } from '../../sdk/model/error-text.ts'

/** Why TextIO cannot go on: the `_tag` of a {@link TextIOError}. */
export type TextFailure =
  /** There is no file of this path. */
  | 'FileNotFound'
  /** The folder that a file should be written to is missing. */
  | 'FolderNotFound'
  /** A folder, a device or a pipe where a file is needed. */
  | 'NotAFile'
  /** This user may not read it, or not write it. */
  | 'NotPermitted'
  /** The file is not what it was when the run began. */
  | 'FileChanged'
  /** The written file is shorter than what the checkpoint knows to be in it. */
  | 'OutputLost'
  /** A line of so many bytes is no text. */
  | 'LineTooLong'
  /** There is no room left: make some, and start again. */
  | 'DiskFull'
  /** The pipeline would read what it writes. */
  | 'FeedbackLoop'
  /** Two writes of one pipeline name the same file. */
  | 'WrittenTwice'
  /** Whatever else the file system answered; it is the cause. */
  | 'FileSystemFailed'

/**
 * An expected failure of TextIO, the `cause` of an IoFailed. `message` says what, where and how to fix it; `name` is the tag.
 *
 * @example
 * const run = pipe(TextIO.read('missing.txt'), TestPipeline.run())
 * await run.catch(({ cause }) => cause instanceof TextIOError && cause._tag) // => 'FileNotFound'
 */
export class TextIOError extends Error {
  readonly _tag: TextFailure

  constructor(tag: TextFailure, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = tag
    this._tag = tag
  }
}

const codeOf = (error: unknown): unknown => (typeof error === 'object' && error !== null && 'code' in error ? error.code : null)

/** What the file system answered, as one of ours; `label` is the transform's, `path` the whole path. */
export const textError = (label: string, path: string, error: unknown): TextIOError => {
  if (error instanceof TextIOError) return error
  const of = (tag: TextFailure, what: string): TextIOError => new TextIOError(tag, `${label}: ${what}`, { cause: error })
  switch (codeOf(error)) {
    case 'ENOENT':
      return of('FileNotFound', `there is no file ${path}. Check the path: relative ones start at ${process.cwd()}.`)
    case 'EISDIR':
      return of('NotAFile', `${path} is a folder. Name one file.`)
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return of('NotPermitted', `${path} is not accessible for this user. Change its permissions, or name another file.`)
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return of('DiskFull', `there is no room left for ${path}. Make room and start the run again: it goes on where its checkpoint is.`)
    default:
      return of('FileSystemFailed', `${path}: ${errorText(error)}`)
  }
}

/** Attributes what `work` rejects with to the file. */
export const onFile = async <A>(label: string, path: string, work: () => Promise<A>): Promise<A> => {
  try {
    return await work()
  } catch (error) {
    throw textError(label, path, error)
  }
}
