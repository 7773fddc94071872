// A file that grows by whole commits: it is cut back to a length that is known to be right before the first byte is appended.
import { type FileHandle, constants, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TextIOError, onFile } from './errors.ts'

/** Bytes in one call to the file system. */
const writeBytes = 1_024 * 1_024
const newline = 0x0a

export class OutputFile {
  readonly #label: string
  readonly #path: string
  readonly #base: number | null
  #file: FileHandle | null = null
  #opening: Promise<FileHandle> | null = null
  #length = 0

  /**
   * @param path the whole path; nothing is opened yet
   * @param base the bytes that belong to the run already, anything behind them is cut off; null: all lines that are there, for whoever
   *   wrote the last one may have died in its middle
   */
  constructor(label: string, path: string, base: number | null) {
    this.#label = label
    this.#path = path
    this.#base = base
  }

  /** The bytes that were appended and are durable, from the file's beginning. */
  async length(): Promise<number> {
    await this.#opened()
    return this.#length
  }

  /** Resolves once all of it is on the disk; what a failed call has written is overwritten by the next. */
  async append(parts: ReadonlyArray<Uint8Array>): Promise<void> {
    const file = await this.#opened()
    await onFile(this.#label, this.#path, async () => {
      let at = this.#length
      for (const bytes of inBlocks(parts)) at += await writeAll(file, bytes, at)
      await file.datasync()
      this.#length = at
    })
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    const file = this.#file
    this.#file = null
    await file?.close()
  }

  /** Not before the run writes: whoever only asks for the plan must leave the file alone. */
  #opened(): Promise<FileHandle> {
    return (this.#opening ??= this.#open())
  }

  #open(): Promise<FileHandle> {
    return onFile(this.#label, this.#path, async () => {
      const file = await open(this.#path, constants.O_RDWR | constants.O_CREAT, 0o666)
      this.#file = file
      const { size } = await file.stat()
      const base = this.#base ?? (await wholeLines(file, size))
      if (size < base) {
        throw new TextIOError(
          'OutputLost',
          `${this.#label}: the checkpoint knows of ${base} bytes in ${this.#path}, but it has only ${size}: it was cut, deleted or replaced. ` +
            'Bring it back, or start the run anew under another job name.',
        )
      }
      if (size > base) await file.truncate(base)
      await file.datasync()
      await syncFolder(dirname(this.#path))
      this.#length = base
      return file
    })
  }
}

/** How long it is up to the end of its last whole line. */
const wholeLines = async (file: FileHandle, size: number): Promise<number> => {
  const block = Buffer.alloc(Math.min(size, writeBytes))
  for (let to = size; to > 0;) {
    const from = Math.max(0, to - block.length)
    const { bytesRead } = await file.read(block, 0, to - from, from)
    const at = block.lastIndexOf(newline, bytesRead - 1)
    if (at !== -1 && at < bytesRead) return from + at + 1
    to = from
  }
  return 0
}

/** A new file's name is durable only with its folder. */
const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

const writeAll = async (file: FileHandle, bytes: Uint8Array, position: number): Promise<number> => {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
  return done
}

function* inBlocks(parts: ReadonlyArray<Uint8Array>): Generator<Uint8Array> {
  let from = 0
  let bytes = 0
  for (const [i, part] of parts.entries()) {
    bytes += part.length
    if (bytes < writeBytes && i < parts.length - 1) continue
    yield Buffer.concat(parts.slice(from, i + 1), bytes)
    from = i + 1
    bytes = 0
  }
}
