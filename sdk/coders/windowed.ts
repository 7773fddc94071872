// Windows, panes and windowed values on Beam's wire: what crosses threads and, later, the Fn API.
import type { PaneInfo, PaneTiming } from '../model/pane.ts'
import type { Instant } from '../model/time.ts'
import { type BoundedWindow, GlobalWindow, isGlobal } from '../model/window.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { Coder } from './coder.ts'
import { EncodeError } from './encode-error.ts'
import { urnOf } from './composites.ts'
import { instantOfWords, readInstant, wireMillis, writeInstant } from './instant.ts'
import { iterableStream } from './iterable.ts'
import { Malformed, within } from './malformed.ts'
import { coderOf, outerOf, streamOf } from './stream.ts'

/** Any window as its end and the varint of its length in milliseconds; the global one too, from Beam's first timestamp to its last. */
export const intervalWindow = coderOf<BoundedWindow>('beam:coder:interval_window:v1', true, {
  write: ({ start, end }, w) => {
    if (!(start <= end))
      throw new EncodeError(`a window from ${start} to ${end}`, 'Make it with IntervalWindow.of: its start lies before its end.')
    writeInstant(end, w)
    const span = end - start
    if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && span < 0x8000_0000) w.varint(span)
    else {
      const exact = wireMillis(end) - wireMillis(start)
      w.varintWords(Number(exact >> 32n), Number(exact & 0xffff_ffffn))
    }
  },
  read: r => {
    const end = readInstant(r)
    r.varintWords()
    if (r.high === 0 && Number.isSafeInteger(end) && Number.isSafeInteger(end - r.low)) return { start: (end - r.low) as Instant, end }
    const start = BigInt.asIntN(64, wireMillis(end) - ((BigInt(r.high) << 32n) + BigInt(r.low)))
    return { start: instantOfWords(Number(start >> 32n), Number(start & 0xffff_ffffn)), end }
  },
})

/** The global window, in no bytes at all. */
export const globalWindow = coderOf<BoundedWindow>('beam:coder:global_window:v1', true, {
  write: window => {
    if (!isGlobal(window)) throw new EncodeError('a window other than the global one', 'Use the coder of interval windows.')
  },
  read: () => GlobalWindow,
})

// The order is Beam's PaneInfo.Timing, whose ordinal is on the wire.
const timings: ReadonlyArray<PaneTiming> = ['early', 'onTime', 'late', 'unknown']

const writePane = (pane: PaneInfo, w: ByteWriter): void => {
  const { index, nonSpeculativeIndex } = pane
  const low = (pane.isFirst ? 1 : 0) | (pane.isLast ? 2 : 0) | (timings.indexOf(pane.timing) << 2)
  if ((index === 0 && nonSpeculativeIndex === 0) || pane.timing === 'unknown') w.byte(low)
  else if (index === nonSpeculativeIndex || pane.timing === 'early') {
    w.byte(low | 0x10)
    w.varint(index)
  } else {
    w.byte(low | 0x20)
    w.varint(index)
    w.varint(nonSpeculativeIndex)
  }
}

const readPane = (r: ByteReader): PaneInfo => {
  const byte = r.byte()
  const timing = timings[(byte >> 2) & 3] ?? 'unknown'
  const pane = { timing, isFirst: (byte & 1) !== 0, isLast: (byte & 2) !== 0 }
  switch (byte >> 4) {
    case 0:
      return { ...pane, index: 0, nonSpeculativeIndex: 0 }
    case 1: {
      const index = r.varint()
      return { ...pane, index, nonSpeculativeIndex: timing === 'early' ? -1 : index }
    }
    case 2:
      return { ...pane, index: r.varint(), nonSpeculativeIndex: r.varint() }
    default:
      throw new Malformed(`the byte ${byte}, which begins no pane`)
  }
}

/** Which firing a value came from: one byte, then none, one or two varints, as in Beam's PaneInfoCoder. */
export const pane = coderOf<PaneInfo>('beam:coder:pane:v1', true, { write: writePane, read: readPane })

/** A value and all the windows that it is in: Beam's WindowedValue, of which the model's `Windowed` is the view of one window. */
export interface WindowedValue<out A> {
  readonly value: A
  readonly timestamp: Instant
  readonly windows: ReadonlyArray<BoundedWindow>
  readonly pane: PaneInfo
}

/** Timestamp, windows, pane, value. */
export const windowedValue = <A>(value: Coder<A>, window: Coder<BoundedWindow>): Coder<WindowedValue<A>> => {
  const windows = iterableStream(streamOf(window))
  const inner = streamOf(value)
  const outer = outerOf(inner)
  const write =
    (last: (a: A, w: ByteWriter) => void) =>
    (element: WindowedValue<A>, w: ByteWriter): void => {
      writeInstant(element.timestamp, w)
      windows.write(element.windows, w)
      writePane(element.pane, w)
      try {
        last(element.value, w)
      } catch (error) {
        throw within(error, 'value')
      }
    }
  const read =
    (last: (r: ByteReader) => A) =>
    (r: ByteReader): WindowedValue<A> => {
      const timestamp = readInstant(r)
      const inside = windows.read(r)
      const fired = readPane(r)
      return { value: last(r), timestamp, windows: inside, pane: fired }
    }
  return coderOf(urnOf('beam:coder:windowed_value:v1', value, window), value.deterministic, {
    write: write(inner.write),
    read: read(inner.read),
    outer: { write: write(outer.write), read: read(outer.read) },
  })
}
