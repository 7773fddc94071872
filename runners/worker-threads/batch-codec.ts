// Batches as bytes, for the way from one thread to another: a column after the other in one buffer, which changes hands without a copy.
// Windows and panes are few and shared, so a run of equal ones is written once.
import { ByteReader, ByteWriter, Coder, streamOf, type StreamCoder, valueCoder, valueCoderOf } from '../../sdk/coders/index.ts'
import type { PaneInfo } from '../../sdk/model/pane.ts'
import type { BoundedWindow } from '../../sdk/model/window.ts'
import { type Batch, emptyBatch, type FillingBatch, type Windows } from '../harness/batch.ts'
import { UserCodeError } from '../harness/errors.ts'
import type { Head, Stage } from '../plan/stage.ts'

const keyed = 1
const windowed = 2
const paned = 4
const lifted = 8

const structural = streamOf(Coder.structural<unknown>())
const inOrder = streamOf(valueCoder<unknown>())
const panes = streamOf(Coder.structural<PaneInfo>())

/** How batches on their way to one stage are written and read: both sides make it of the same plan. */
export class BatchCodec {
  readonly #key: StreamCoder<unknown>
  readonly #accumulator: StreamCoder<unknown>

  readonly #stage: string

  constructor({ id, head }: Pick<Stage, 'id' | 'head'>) {
    this.#stage = id
    this.#key = 'keyCoder' in head && head.keyCoder !== null ? streamOf(head.keyCoder) : structural
    this.#accumulator = accumulatorCoder(head)
  }

  /** The buffer is the caller's, to be transferred. Throws a UserCodeError for what is no data. */
  encode(batch: Batch): ArrayBuffer {
    const out = new ByteWriter(64 + batch.values.length * 32)
    const flags =
      (batch.keys === null ? 0 : keyed) |
      (batch.windows === null ? 0 : windowed) |
      (batch.panes === null ? 0 : paned) |
      (batch.lifted ? lifted : 0)
    out.byte(flags)
    out.varint(batch.values.length)
    if (batch.keys !== null) this.#writeAll(batch.keys, this.#key, out)
    this.#writeAll(batch.values, batch.lifted ? this.#accumulator : inOrder, out)
    for (const timestamp of batch.timestamps) out.double(timestamp)
    if (batch.windows !== null) writeRuns(batch.windows, writeWindows, out)
    if (batch.panes !== null) writeRuns(batch.panes, panes.write, out)
    return exactly(out)
  }

  #writeAll(items: ReadonlyArray<unknown>, coder: StreamCoder<unknown>, out: ByteWriter): void {
    let i = 0
    try {
      for (; i < items.length; i++) coder.write(items[i], out)
    } catch (cause) {
      throw UserCodeError.onElement(this.#stage, items[i], cause)
    }
  }

  decode(buffer: ArrayBuffer): Batch {
    const from = new ByteReader(new Uint8Array(buffer))
    const flags = from.byte()
    const count = from.varint()
    const batch: FillingBatch = {
      ...emptyBatch({ keyed: (flags & keyed) !== 0, windowed: (flags & windowed) !== 0, panes: (flags & paned) !== 0 }),
      lifted: (flags & lifted) !== 0,
    }
    if (batch.keys !== null) for (let i = 0; i < count; i++) batch.keys.push(this.#key.read(from))
    const value = batch.lifted ? this.#accumulator : inOrder
    for (let i = 0; i < count; i++) batch.values.push(value.read(from))
    for (let i = 0; i < count; i++) batch.timestamps.push(from.double())
    if (batch.windows !== null) readRuns(batch.windows, count, readWindows, from)
    if (batch.panes !== null) readRuns(batch.panes, count, panes.read, from)
    return batch
  }
}

/** The types were checked where the combine was made. */
const accumulatorCoder = (head: Head): StreamCoder<unknown> => {
  const coder = head._tag === 'Group' ? head.fn?.coder : undefined
  return coder === undefined ? inOrder : streamOf(valueCoderOf(coder as unknown as Coder<unknown>))
}

/** Without the room that was left; a copy of what is small, for a view's whole buffer would travel. */
const exactly = (out: ByteWriter): ArrayBuffer => out.bytes.buffer.slice(0, out.position)

const writeRuns = <A>(items: ReadonlyArray<A>, write: (item: A, out: ByteWriter) => void, out: ByteWriter): void => {
  for (let from = 0; from < items.length;) {
    const item = items[from] as A // below the length
    let to = from + 1
    while (to < items.length && items[to] === item) to++
    out.varint(to - from)
    write(item, out)
    from = to
  }
}

const readRuns = <A>(into: A[], count: number, read: (from: ByteReader) => A, from: ByteReader): void => {
  while (into.length < count) {
    const length = from.varint()
    const item = read(from)
    for (let i = 0; i < length; i++) into.push(item)
  }
}

const writeWindows = (windows: Windows, out: ByteWriter): void => {
  out.varint(windows.length)
  for (const { start, end } of windows) {
    out.double(start)
    out.double(end)
  }
}

const readWindows = (from: ByteReader): Windows =>
  Array.from({ length: from.varint() }, () => Object.freeze({ start: from.double(), end: from.double() }) as BoundedWindow) // as it was written
