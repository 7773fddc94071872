// Elements that wait for their side inputs: those of one window in the order in which they came.
import { type ByteReader, type ByteWriter, Coder, streamOf, valueCoder } from '../../../sdk/coders/index.ts'
import { NO_FIRING, type PaneInfo } from '../../../sdk/model/pane.ts'
import { emptyBatch, type FillingBatch, type Windows } from '../../harness/batch.ts'
import { readWindow, writeWindow } from '../cell.ts'

const values = streamOf(valueCoder<unknown>())
const panes = streamOf(Coder.structural<PaneInfo>())

export class Waiting {
  readonly batch: FillingBatch
  /** The earliest timestamp. */
  lowest = Infinity
  /** Which of all elements that had to wait the first one was. */
  readonly first: number

  constructor(windowed: boolean, first: number) {
    this.batch = emptyBatch({ keyed: false, windowed, panes: true })
    this.first = first
  }

  push(value: unknown, timestamp: number, windows: Windows | null, pane: PaneInfo | undefined): void {
    const { batch } = this
    batch.values.push(value)
    batch.timestamps.push(timestamp)
    if (windows !== null) batch.windows?.push(windows)
    batch.panes?.push(pane ?? NO_FIRING)
    if (timestamp < this.lowest) this.lowest = timestamp
  }

  write(out: ByteWriter): void {
    const { batch } = this
    out.varint(batch.values.length)
    for (const [i, value] of batch.values.entries()) {
      out.double(batch.timestamps[i] ?? 0)
      const windows = batch.windows?.[i] ?? []
      out.varint(windows.length)
      for (const window of windows) writeWindow(window, out)
      panes.write(batch.panes?.[i] ?? NO_FIRING, out)
      values.write(value, out)
    }
  }

  /** Says how many came. */
  read(from: ByteReader): number {
    const count = from.varint()
    for (let left = count; left > 0; left--) {
      const timestamp = from.double()
      const windows = Array.from({ length: from.varint() }, () => readWindow(from))
      const pane = panes.read(from)
      this.push(values.read(from), timestamp, windows, pane)
    }
    return count
  }
}
