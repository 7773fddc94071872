// Chunks of a file in their order, a few of them read before they are asked for.
import type { FileHandle } from 'node:fs/promises'

const chunkBytes = 1_024 * 1_024
const aheadBytes = 4 * chunkBytes
/** Behind the range only the end of one line is wanted. */
const tailBytes = 64 * 1_024

export interface ReadAheadOptions {
  readonly from: number
  /** Up to here all is wanted, and read ahead. */
  readonly to: number
  /** Where the file ends. */
  readonly size: number
  /** A chunk has arrived, or reading has failed. */
  readonly onArrival: () => void
}

/** It holds at most four chunks of 1 MiB, and reads one at a time. */
export class ReadAhead {
  readonly #file: FileHandle
  readonly #o: ReadAheadOptions
  readonly #chunks: Buffer[] = []
  #queuedBytes = 0
  #at: number
  #reading = false
  #closed = false
  #failure: unknown = null

  constructor(file: FileHandle, o: ReadAheadOptions) {
    this.#file = file
    this.#o = o
    this.#at = o.from
    this.#readOn()
  }

  /** The next chunk, or null: it has not arrived yet, or there is none. */
  take(): Buffer | null {
    const chunk = this.#chunks.shift() ?? null
    this.#queuedBytes -= chunk?.length ?? 0
    this.#readOn()
    return chunk
  }

  /** All of the file was taken. */
  get ended(): boolean {
    return this.#chunks.length === 0 && this.#at >= this.#o.size
  }

  /** What the file system answered, or null; 'shorter' for a file that ends before its size. */
  get failure(): unknown {
    return this.#failure
  }

  /** Reads no more; what was read is dropped. */
  stop(): void {
    this.#closed = true
    this.#chunks.length = 0
    this.#queuedBytes = 0
  }

  #readOn(): void {
    const { to, size } = this.#o
    if (this.#reading || this.#closed || this.#failure !== null || this.#at >= size) return
    const wanted = this.#at < to ? Math.min(chunkBytes, to - this.#at) : this.#queuedBytes === 0 ? Math.min(tailBytes, size - this.#at) : 0
    if (wanted === 0 || this.#queuedBytes >= aheadBytes) return
    this.#reading = true
    const buffer = Buffer.allocUnsafeSlow(wanted)
    this.#file.read(buffer, 0, wanted, this.#at).then(
      ({ bytesRead }) => {
        this.#reading = false
        if (this.#closed) return
        if (bytesRead === 0) this.#failure = shorter
        this.#at += bytesRead
        if (bytesRead > 0) this.#chunks.push(buffer.subarray(0, bytesRead))
        this.#queuedBytes += bytesRead
        this.#readOn()
        this.#o.onArrival()
      },
      (error: unknown) => {
        this.#reading = false
        this.#failure = error
        this.#o.onArrival()
      },
    )
  }
}

/** The failure of a file that ends before the size it had. */
export const shorter: unique symbol = Symbol('the file is shorter than it was')
