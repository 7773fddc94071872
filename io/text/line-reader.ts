// One range of a file, line by line. A line belongs to the range that its first byte lies in (Beam's rule for text), so ranges cut
// anywhere give each line once: a range that begins inside a line skips to the next, and reads its own last line to the end.
import type { FileHandle } from 'node:fs/promises'
import type { ReadBatch, ReaderStatus, SplitReader } from '../../sdk/splittable/source.ts'
import { TextIOError, textError } from './errors.ts'
import { ReadAhead, shorter } from './read-ahead.ts'

const newline = 10
const carriageReturn = 13
/** A line is held in memory as a whole. */
const longestLine = 64 * 1_024 * 1_024

/** What a file was when the run began. */
export interface FileState {
  readonly size: number
  readonly mtimeMs: number
}

export interface LineRange {
  readonly label: string
  readonly path: string
  readonly state: FileState
  readonly from: number
  readonly to: number
  /** The position of the last line that was handed on, or null. */
  readonly last: number | null
}

export class LineReader implements SplitReader<string> {
  readonly #file: FileHandle
  readonly #range: LineRange
  readonly #ahead: ReadAhead
  #onChange: (() => void) | null = null
  #status: ReaderStatus = { _tag: 'reading' }
  #verifying = false
  /** Lines that begin here or later are not ours. */
  #end: number
  #chunk: Buffer = empty
  #at = 0
  /** The offset of the chunk's first byte in the file. */
  #base: number
  /** The beginning of a line that goes on in the next chunk. */
  #carry: Buffer[] = []
  #carried = 0
  /** Inside a line that is somebody else's. */
  #skipping: boolean

  /** It closes `file`, which must be open for reading. */
  constructor(file: FileHandle, range: LineRange) {
    const { from, last, to, state } = range
    this.#file = file
    this.#range = range
    this.#end = to
    // From one byte before, so that a line which begins exactly at `from` is found to begin there.
    this.#skipping = last !== null || from > 0
    this.#base = last ?? Math.max(0, from - 1)
    this.#ahead = new ReadAhead(file, { from: this.#base, to, size: state.size, onArrival: () => this.#onChange?.() })
  }

  poll(maxElements: number): ReadBatch<string> | null {
    if (this.#verifying || this.#status._tag !== 'reading') return null
    const values: string[] = []
    const positions: number[] = []
    const began = this.#base + this.#at
    while (values.length < maxElements) {
      const stop = this.#chunk.indexOf(newline, this.#at)
      if (stop < 0) {
        if (this.#nextChunk()) continue
        if (this.#ahead.failure !== null) this.#fail()
        else if (this.#ahead.ended) this.#lastLine(values, positions)
        break
      }
      const at = this.#base + this.#at - this.#carried
      if (this.#skipping) this.#skipping = false
      else if (at >= this.#end) {
        this.#verify()
        break
      } else {
        values.push(this.#line(stop, at))
        positions.push(at)
      }
      this.#carry = []
      this.#carried = 0
      this.#at = stop + 1
    }
    if (values.length === 0) return null
    return { values, positions, bytes: this.#base + this.#at - began, note: null }
  }

  status(): ReaderStatus {
    return this.#status
  }

  /** Unknown before the lines are counted. */
  lag(): null {
    return null
  }

  onChange(callback: () => void): void {
    this.#onChange = callback
  }

  truncate(to: number): void {
    this.#end = Math.min(this.#end, to)
  }

  async close(): Promise<void> {
    this.#ahead.stop()
    await this.#file.close()
  }

  /** The line up to `stop` in the chunk, without its end. */
  #line(stop: number, at: number): string {
    if (this.#carried === 0) return textOf(this.#chunk, this.#at, stop, at)
    const bytes = Buffer.concat([...this.#carry, this.#chunk.subarray(this.#at, stop)])
    return textOf(bytes, 0, bytes.length, at)
  }

  /** Keeps the rest of the chunk and goes on to the next, if it has arrived. */
  #nextChunk(): boolean {
    const next = this.#ahead.take()
    if (next === null) return false
    const rest = this.#chunk.subarray(this.#at)
    this.#base += this.#chunk.length
    this.#chunk = next
    this.#at = 0
    // While skipping nothing is kept, and where the line began does not matter.
    if (this.#skipping || rest.length === 0) return true
    this.#carry.push(rest)
    this.#carried += rest.length
    if (this.#carried <= longestLine) return true
    const { label, path } = this.#range
    this.#status = {
      _tag: 'failed',
      error: new TextIOError(
        'LineTooLong',
        `${label}: the line at byte ${this.#base - this.#carried} of ${path} has more than ${longestLine} bytes. Break it into lines; this reads text, not binary data.`,
      ),
    }
    return false
  }

  /** The file may end without a newline. */
  #lastLine(values: string[], positions: number[]): void {
    const at = this.#base + this.#at - this.#carried
    if (!this.#skipping && at < this.#range.state.size && at < this.#end) {
      values.push(this.#line(this.#chunk.length, at))
      positions.push(at)
      this.#at = this.#chunk.length
    }
    this.#verify()
  }

  /** What was read counts only if the file stayed what it was. */
  #verify(): void {
    this.#verifying = true
    this.#ahead.stop()
    const { label, path, state } = this.#range
    this.#file.stat().then(
      found => {
        this.#status = isSame(found, state) ? { _tag: 'done' } : { _tag: 'failed', error: changed(label, path, state, found) }
        this.#onChange?.()
      },
      (error: unknown) => {
        this.#status = { _tag: 'failed', error: textError(label, path, error) }
        this.#onChange?.()
      },
    )
  }

  #fail(): void {
    const { label, path } = this.#range
    const { failure } = this.#ahead
    const error =
      failure === shorter
        ? new TextIOError('FileChanged', `${label}: ${path} became shorter while it was read. ${startAnew}`)
        : textError(label, path, failure)
    this.#status = { _tag: 'failed', error }
  }
}

const empty = Buffer.alloc(0)

// A line at a time, not a chunk decoded and cut: a cut-out string would keep its whole chunk alive for as long as any word of it is
// a key somewhere. It costs some 90 ns a line, where cutting costs 30 to 130.
const textOf = (bytes: Buffer, from: number, to: number, at: number): string => {
  const end = to > from && bytes[to - 1] === carriageReturn ? to - 1 : to
  const text = bytes.toString('utf8', from, end)
  return at === 0 && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

export const isSame = (found: FileState, state: FileState): boolean => found.size === state.size && found.mtimeMs === state.mtimeMs

const startAnew = 'Start the run anew under another job name, or bring the old file back.'

export const changed = (label: string, path: string, state: FileState, found: FileState): TextIOError =>
  new TextIOError(
    'FileChanged',
    `${label}: ${path} was changed since the run began: it had ${state.size} bytes, last written ${new Date(state.mtimeMs).toISOString()}, ` +
      `and now has ${found.size}, last written ${new Date(found.mtimeMs).toISOString()}. ${startAnew}`,
  )
