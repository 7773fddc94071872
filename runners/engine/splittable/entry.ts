// One restriction of a splittable DoFn: where it stands, and how that becomes bytes.
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import { type ByteReader, type ByteWriter, Coder, streamOf, valueCoder } from '../../../sdk/coders/index.ts'
import type { PaneInfo } from '../../../sdk/model/pane.ts'
import type { ErasedSplittable } from '../../../sdk/splittable/erased.ts'
import type { LiveTracker } from '../../../sdk/splittable/tracker.ts'
import type { EstimatorCell } from '../../../sdk/splittable/watermark-estimator.ts'
import type { Windows } from '../../harness/batch.ts'
import { readWindow, writeWindow } from '../cell.ts'

/** An element of the main input, and where it stood in it. */
export interface Origin {
  readonly element: unknown
  readonly timestamp: number
  readonly windows: Windows | null
  readonly pane: PaneInfo | null
}

/** new: its restriction was not asked for. asking: it was. queued, delayed: `restriction` is what is left to read. active: `live` is. */
export type Status = 'new' | 'asking' | 'queued' | 'active' | 'delayed'

/** A restriction that is being read. */
export interface Live {
  readonly tracker: LiveTracker<unknown, unknown>
  readonly cell: EstimatorCell
  /** The last position whose outputs were handed on: what was claimed behind it is done again after a crash. */
  committed: Option<unknown>
  /** What lies behind `committed` is another's: it ends as soon as its outputs are here. */
  leaving: boolean
  yields: number
  readonly sinceMs: number
}

export interface Entry {
  readonly id: number
  readonly origin: Origin
  status: Status
  restriction: unknown
  /** Of the estimator, as of the last outputs. */
  state: unknown
  /** Never back. */
  watermark: number
  /** Of a delayed one, in processing time. */
  resumeAt: number
  live: Live | null
  /** A snapshot holds it. */
  saved: boolean
  gone: boolean
}

export const newEntry = (id: number, origin: Origin, watermark: number): Entry => ({
  id,
  origin,
  status: 'new',
  restriction: undefined,
  state: undefined,
  watermark,
  resumeAt: 0,
  live: null,
  saved: false,
  gone: false,
})

/** What is left to do of an entry, as of its last outputs; none: it is only to end. */
export const leftOf = ({ live, restriction }: Entry): Option<unknown> =>
  live === null ? O.some(restriction) : live.tracker.leftAfter(live.committed)

export const liveOf = ({ live, id }: Entry): Live => {
  if (live === null) throw new Error(`the restriction ${id} is not read`)
  return live
}

const elements = streamOf(valueCoder<unknown>())
const panes = streamOf(Coder.structural<PaneInfo | null>())
const codeOf = { new: 0, queued: 1, delayed: 2 } as const

export class EntryCoder {
  readonly #restrictions
  readonly #states

  constructor({ restriction, watermark }: ErasedSplittable) {
    this.#restrictions = streamOf(restriction.coder)
    this.#states = streamOf(watermark.coder)
  }

  write({ id, origin, status, state, watermark, resumeAt }: Entry, left: unknown, out: ByteWriter): void {
    out.varint(id)
    // What was under way begins again.
    const kept = status === 'asking' ? 'new' : status === 'active' ? 'queued' : status
    out.byte(codeOf[kept])
    out.double(origin.timestamp)
    out.varint(origin.windows === null ? 0 : origin.windows.length + 1)
    for (const window of origin.windows ?? []) writeWindow(window, out)
    panes.write(origin.pane, out)
    elements.write(origin.element, out)
    if (kept === 'new') return
    this.#restrictions.write(left, out)
    this.#states.write(state, out)
    out.double(watermark)
    out.double(resumeAt)
  }

  read(from: ByteReader): Entry {
    const id = from.varint()
    const code = from.byte()
    const timestamp = from.double()
    const count = from.varint()
    const windows = count === 0 ? null : Array.from({ length: count - 1 }, () => readWindow(from))
    const pane = panes.read(from)
    const entry = { ...newEntry(id, { element: elements.read(from), timestamp, windows, pane }, timestamp), saved: true }
    if (code === codeOf.new) return entry
    entry.status = code === codeOf.delayed ? 'delayed' : 'queued'
    entry.restriction = this.#restrictions.read(from)
    entry.state = this.#states.read(from)
    entry.watermark = from.double()
    entry.resumeAt = from.double()
    return entry
  }
}
