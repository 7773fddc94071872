// The identity of a stream's history: whether it still holds the messages that were read from it, or others under the same sequences, as
// after a restore from a backup. A message is its sequence and its time stamp, in a stream of one creation.
import type { StreamInfo } from '@nats-io/jetstream'
import type { HostContext } from '../../sdk/model/bindings.ts'
import type { Link } from './connections.ts'
import { clockSkewMs } from './clock-skew.ts'
import { JetStreamIOError, truncated } from './errors.ts'
import { infoReaching } from './stream-evidence.ts'

/** A message that the stream held: its sequence, and between which times it was stored, in milliseconds. */
export interface KnownMessage {
  readonly sequence: number
  readonly smallest: number
  readonly greatest: number
}

export interface HistoryPlace {
  readonly link: Link
  readonly stream: string
  /** For messages: the read or write. */
  readonly label: string
}

interface Stored {
  readonly sequence: number
  readonly at: number
}

/** The message of this sequence; null: it is not there. Asks the stream's leader. */
const messageAt = async ({ link, stream }: HistoryPlace, sequence: number): Promise<Stored | null> =>
  storedIn(await link.jsm.streams.getMessage(stream, { seq: sequence }))

/** The first message from this sequence on, of any subject; null: there is none. */
const firstFrom = async ({ link, stream }: HistoryPlace, sequence: number): Promise<Stored | null> => {
  const request = { seq: sequence, next_by_subj: '>' }
  return storedIn(await link.jsm.streams.getMessage(stream, request))
}

const storedIn = (message: { readonly seq: number; readonly time: Date } | null): Stored | null =>
  message === null ? null : { sequence: message.seq, at: message.time.getTime() }

/** The last message at or before `sequence`; null: there is none. Bisects, because the server only looks forwards. */
const lastUpTo = async (place: HistoryPlace, sequence: number, first: number): Promise<Stored | null> => {
  let found: Stored | null = null
  // Nothing lies between `high` and `sequence`.
  let high = sequence + 1
  let step = 1
  while (high > first) {
    const from = Math.max(first, high - step)
    const message = await firstFrom(place, from)
    if (message !== null && message.sequence < high) {
      found = message
      break
    }
    high = from
    step *= 2
  }
  while (found !== null && found.sequence + 1 < high) {
    const middle: number = Math.floor((found.sequence + 1 + high) / 2)
    const message = await firstFrom(place, middle)
    if (message !== null && message.sequence < high) found = message
    else high = middle
  }
  return found
}

const isoTime = (ms: number): string => new Date(ms).toISOString()

const within = ({ smallest, greatest }: KnownMessage): string =>
  smallest === greatest ? `at ${isoTime(smallest)}` : `between ${isoTime(smallest)} and ${isoTime(greatest)}`

/** The failure of a run whose stream holds other messages under the sequences that it has read. */
export const otherHistory = ({ stream, label }: HistoryPlace, found: Stored, known: KnownMessage): JetStreamIOError =>
  new JetStreamIOError(
    'StreamRecreated',
    `${label}: sequence ${found.sequence} of the stream ${stream} is a message stored at ${isoTime(found.at)}, but this run knows sequence ${known.sequence} as one stored ${within(known)}. ` +
      'The server came back with an older state (a restored backup, a lost disk) and now stores other messages under the same sequences. ' +
      'Start a new run, under another job name or with its checkpoints removed.',
  )

/**
 * Compares the stream with a message that was read from it; `info`: one that reaches it, or that no former leader has answered. Resolves with false where neither that message nor another one near it is left to
 * show anything. Rejects with StreamRecreated where the stream holds another message under this sequence, a newer one before it, or an older
 * one after it, and with StreamTruncated where it ends before it.
 */
export const compareHistory = async (place: HistoryPlace, { state }: StreamInfo, known: KnownMessage): Promise<boolean> => {
  const { first_seq: first, last_seq: last } = state
  if (last < known.sequence) throw truncated(place, last, known)
  if (known.sequence >= first) {
    const same = await messageAt(place, known.sequence)
    if (same !== null) {
      if (same.at < known.smallest || same.at > known.greatest) throw otherHistory(place, same, known)
      return true
    }
  }
  const later = last > known.sequence ? await firstFrom(place, Math.max(known.sequence + 1, first)) : null
  if (later !== null && later.at < known.smallest - clockSkewMs) throw otherHistory(place, later, known)
  const earlier = known.sequence > first ? await lastUpTo(place, known.sequence - 1, first) : null
  if (earlier === null) return false
  if (earlier.at > known.greatest + clockSkewMs) throw otherHistory(place, earlier, known)
  return true
}

/** What the readers of one stream in this thread know of it together: the newest message is evidence for all that came before it. */
export class StreamHistory {
  readonly #place: HistoryPlace
  readonly #log: HostContext['log']
  /** The newest message that was received. */
  #sequence = 0
  #at = 0
  /** The stream's last message, as a stream info had it. */
  #end: KnownMessage | null = null
  #queued: Promise<void> | null = null
  #running: Promise<void> = Promise.resolve()
  #unproven = 0

  constructor(place: HistoryPlace, log: HostContext['log']) {
    this.#place = place
    this.#log = log
  }

  /** A message was received. `at`: its time stamp, in milliseconds. */
  received(sequence: number, at: number): void {
    if (sequence <= this.#sequence) return
    this.#sequence = sequence
    this.#at = at
  }

  /** Nothing is missing up to the stream's last message, as this stream info has it. */
  ended(info: StreamInfo): void {
    this.endedAt(info.state.last_seq, lastTimeOf(info))
  }

  /** `at`: the time stamp of the stream's last message, in milliseconds; 0: it is not known. */
  endedAt(sequence: number, at: number): void {
    if (sequence > (this.#end?.sequence ?? 0) && at > 0) this.#end = { sequence, smallest: at, greatest: at }
  }

  /** The newest message that was received; null: none. */
  get newest(): { readonly sequence: number; readonly at: number } | null {
    return this.#sequence === 0 ? null : { sequence: this.#sequence, at: this.#at }
  }

  /** A message was stored under this sequence: when, if a server answers. */
  async look(sequence: number): Promise<void> {
    if (sequence <= this.#sequence) return
    const message = await messageAt(this.#place, sequence).catch(() => null)
    if (message !== null) this.received(sequence, message.at)
  }

  /**
   * Compares the stream with what was read from it. Those who ask while a comparison is under way share the next one.
   * Rejects with StreamRecreated.
   */
  verify(info: StreamInfo): Promise<void> {
    this.#queued ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#queued = null
        this.#running = this.#compare(info)
        return this.#running
      })
    return this.#queued
  }

  async #compare(info: StreamInfo): Promise<void> {
    await this.#requireSame(info)
    this.ended(info)
  }

  async #requireSame(info: StreamInfo): Promise<void> {
    const end = this.#end
    const known = this.#sequence > 0 ? { sequence: this.#sequence, smallest: this.#at, greatest: this.#at } : null
    // Where the last message is gone, its time is not evidence: a mirror that passes over a gap takes its own clock for it.
    if (end !== null && end.sequence > (known?.sequence ?? 0) && (await this.#isThere(info, end))) return
    if (known === null || (await compareHistory(this.#place, await this.#infoBehind(info, known), known))) return
    const { label, stream } = this.#place
    this.#log(
      'warn',
      `${label}: message ${known.sequence} of the stream ${stream}, the last one read, is gone, and so is all before it: nothing shows whether the stream is still the one that was read. The read goes on`,
      { sequence: known.sequence, unverified: ++this.#unproven },
    )
  }

  /** Other readers may have received messages since the stream info was asked for: only a later one shows where the stream ends. */
  #infoBehind(info: StreamInfo, { sequence }: KnownMessage): Promise<StreamInfo> {
    const { link, stream, label } = this.#place
    return infoReaching(link, stream, label, sequence, info)
  }

  async #isThere({ state }: StreamInfo, known: KnownMessage): Promise<boolean> {
    if (known.sequence < state.first_seq) return false
    const message = await messageAt(this.#place, known.sequence)
    if (message === null) return false
    if (message.at !== known.greatest) throw otherHistory(this.#place, message, known)
    return true
  }
}

/** When a stream's last message was stored, in milliseconds; 0: it has none, or the server does not say. */
export const lastTimeOf = ({ state }: StreamInfo): number => {
  const at = Date.parse(state.last_ts)
  return Number.isFinite(at) && at > 0 ? at : 0
}
