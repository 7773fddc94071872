// Evidence about what a stream holds, from its leader. A consumer's count, its heartbeats and a direct get are answered by a replica that may
// lag; a stream get is answered by a server that believes itself leader, and one that wakes from SIGSTOP still does. So absence is believed
// only where two answers further apart than the raft heartbeat agree, between stream infos that name the same leader.
import type { StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { apiTimeoutMs } from '../nats/dial.ts'
import type { Link } from './connections.ts'
import { JetStreamIOError } from './errors.ts'
import { field } from './fields.ts'
import { sleep } from './patience.ts'
import { streamInfo } from './stream-info.ts'
import { SubjectCensus } from './subject-census.ts'

/** The servers' raft heartbeat is 1 s: a former leader that runs has learned of its successor by then. */
export const leaderSettlesMs = 1_250
/** One stream info in so long is enough for all readers of a stream together. */
const lookEveryMs = 1_000
/** Looks that are older confirm nothing that a newer one does not. */
const rememberedMs = 10_000

/** Least number of subjects for which one census costs less than a get for each. */
const censusFrom = 16
/** Gets of patient searches between two regular looks; others wait for the next ones. */
const patientGets = 128

/** A stream info, and when it was asked for. */
export interface Look {
  readonly info: StreamInfo
  readonly created: string
  readonly messages: number
  /** The server that answered, as it names itself; empty for a server that is not in a cluster. */
  readonly leader: string
  readonly replicated: boolean
  /** The stream's last sequence. */
  readonly last: number
  /** By this process's clock, in milliseconds. */
  readonly askedAt: number
  /** By the leader's clock, which dates messages, in milliseconds; this process's clock before nats-server 2.10. */
  readonly at: number
}

/** A range of sequences: from `from`, up to `to` exclusive. */
export interface Search {
  readonly from: number
  readonly to: number
  /** Subject filters, at least one; `>` selects all. */
  readonly filters: ReadonlyArray<string>
  /** The stream's creation time: an answer about another stream is no evidence. */
  readonly created: string
  /** Whether the answer may wait for the next regular look: saves a request, and takes up to a second more; longer where many searches wait. */
  readonly patient?: boolean | undefined
}

export interface Found {
  readonly sequence: number
  /** When it was published, in milliseconds. */
  readonly publishedAt: number
}

export type Finding =
  | ({ readonly _tag: 'found' } & Found)
  /** No message of the range is in the stream, and none will be. */
  | { readonly _tag: 'absent' }
  /** The answers prove neither: ask again. */
  | { readonly _tag: 'unproven'; readonly reason: string }

/** More subjects come in pages. */
const subjectsInAnswer = 100_000

/** Called behind each look; with what makes the stream unreadable, or null. */
export type Watcher = (failure: JetStreamIOError | null) => void

const noMessageFound = 10_037

const known = new WeakMap<NatsConnection, Map<string, StreamEvidence>>()

/** The evidence about a stream that all users of a connection share. */
export const evidenceOf = (link: Link, stream: string): StreamEvidence => {
  const ofConnection = known.get(link.nc) ?? new Map<string, StreamEvidence>()
  known.set(link.nc, ofConnection)
  const name = `${link.apiPrefix} ${stream}`
  const evidence = ofConnection.get(name) ?? new StreamEvidence(link, stream)
  ofConnection.set(name, evidence)
  return evidence
}

/**
 * A stream info that has `sequence` at or before its end, else one that no former leader has answered: only that shows that the stream ends
 * before. `info`: asked for already.
 */
export const infoReaching = async (link: Link, stream: string, label: string, sequence: number, info?: StreamInfo): Promise<StreamInfo> => {
  const found = info ?? (await streamInfo(link, stream, label))
  return found.state.last_seq >= sequence ? found : (await evidenceOf(link, stream).settledLook(label)).info
}

export class StreamEvidence {
  readonly #link: Link
  readonly #stream: string
  /** Of one leader of one stream, the newest last. */
  #looks: Look[] = []
  #underWay: Promise<Look> | null = null
  #following: Promise<Look> | null = null
  readonly #watchers = new Set<Watcher>()
  #timer: NodeJS.Timeout | null = null
  readonly #nextTick: (() => void)[] = []
  readonly #census = new SubjectCensus<Look>()
  /** Subjects that were asked for since the last regular look. */
  #subjectsAsked = 0
  #patientGetsLeft = patientGets
  /** Which watcher is called first: those behind the budget get their turn. */
  #turn = 0

  constructor(link: Link, stream: string) {
    this.#link = link
    this.#stream = stream
  }

  /**
   * A look that is asked for after this call, shared by all callers that wait at the same time. Rejects with StreamNotFound, and with what the
   * request fails with. `label`: for the error.
   */
  look(label: string): Promise<Look> {
    if (this.#underWay === null) return this.#begin(label)
    this.#following ??= this.#underWay.then(
      () => this.#follow(label),
      () => this.#follow(label),
    )
    return this.#following
  }

  #follow(label: string): Promise<Look> {
    this.#following = null
    return this.#underWay === null ? this.#begin(label) : this.look(label)
  }

  #begin(label: string): Promise<Look> {
    const look = this.#ask(label).finally(() => {
      this.#underWay = null
    })
    this.#underWay = look
    return look
  }

  async #ask(label: string): Promise<Look> {
    const askedAt = Date.now()
    const withCounts = this.#subjectsAsked >= censusFrom && this.#census.isDue(this.#looks.at(-1)?.info.state.num_subjects ?? 0)
    if (withCounts) this.#subjectsAsked = 0
    const answer = await streamInfo(this.#link, this.#stream, label, withCounts)
    // Looks are kept for a while, and the numbers are many.
    const { subjects, ...state } = answer.state
    const info: StreamInfo = { ...answer, state }
    const look: Look = {
      info,
      created: info.created,
      messages: state.messages,
      leader: info.cluster?.leader ?? '',
      replicated: info.config.num_replicas > 1,
      last: info.state.last_seq,
      askedAt,
      at: info.ts === undefined ? askedAt : Date.parse(info.ts),
    }
    const before = this.#looks.at(-1)
    if (before !== undefined && !isSameLeader(before, look)) this.#looks = []
    const oldest = askedAt - rememberedMs
    this.#looks = [...this.#looks.filter(each => each.askedAt >= oldest), look]
    if (withCounts) this.#census.counted(look, subjects ?? {})
    else this.#census.looked(look)
    return look
  }

  /**
   * A look before which no message from `from` on has the subject, as a census for all subjects shows it. null: the census does not, or
   * `filters` are more than one subject. Reads of few subjects have no census.
   */
  quietBefore([subject, ...others]: ReadonlyArray<string>, from: number): Look | null {
    if (subject === undefined || others.length > 0 || /[*>]/.test(subject)) return null
    this.#subjectsAsked++
    return this.#census.isQuiet(subject, from) ? this.#census.confirmed : null
  }

  /**
   * The newest look that is known to be no former leader's: all that was acknowledged before it is at or below its last sequence. null: there
   * is none yet.
   */
  get settled(): Look | null {
    const newest = this.#looks.at(-1)
    if (newest === undefined || !newest.replicated) return newest ?? null
    return this.#looks.findLast(({ askedAt }) => newest.askedAt - askedAt >= leaderSettlesMs) ?? null
  }

  /** A look that no former leader has answered: all that was acknowledged before `at`, which lies behind this call, is at or below `last`. */
  async settledLook(label: string, signal?: AbortSignal): Promise<Look> {
    for (;;) {
      const look = await this.look(label)
      if (!look.replicated) return look
      await sleep(leaderSettlesMs, signal)
      const confirming = await this.look(label)
      if (isSameLeader(look, confirming) && look.leader !== '' && confirming.last >= look.last) return { ...confirming, at: look.at }
      if (signal?.aborted === true) throw new Error(`the leader of ${this.#stream} changed`)
    }
  }

  /** What the leader has of a range. Rejects with what a request fails with. */
  async search(o: Search, label: string): Promise<Finding> {
    const { from, to } = o
    if (from >= to) return { _tag: 'absent' }
    if (o.patient === true) {
      if (this.#patientGetsLeft <= 0) return { _tag: 'unproven', reason: 'many other searches come first' }
      this.#patientGetsLeft -= o.filters.length
    }
    const newest = this.#looks.at(-1)
    const isEnough = (look: Look): boolean => look.last >= to - 1 && look.info.created === o.created
    const isFresh = newest !== undefined && isEnough(newest) && Date.now() - newest.askedAt < rememberedMs
    const before = isFresh ? newest : await this.look(label)
    if (!isEnough(before)) return { _tag: 'unproven', reason: `the stream's last sequence is ${before.last}` }
    const first = await this.#firstOf(o)
    if (first !== 'none') return first
    if (!before.replicated) return { _tag: 'absent' }
    await sleep(leaderSettlesMs)
    const second = await this.#firstOf(o)
    if (second !== 'none') return second
    const after = await (o.patient === true ? this.#regularLook(label) : this.look(label))
    if (before.leader === '' || !isSameLeader(before, after)) return { _tag: 'unproven', reason: 'the leader of the stream changed' }
    return isEnough(after) ? { _tag: 'absent' } : { _tag: 'unproven', reason: `the stream's last sequence is ${after.last}` }
  }

  /** The first message of a range, or null where it is proven to hold none. Asks until one or the other is known. */
  async first(o: Search, label: string, signal: AbortSignal): Promise<Found | null> {
    for (;;) {
      const finding = await this.search(o, label)
      if (finding._tag === 'found') return finding
      if (finding._tag === 'absent') return null
      const now = await this.look(label)
      if (now.info.created !== o.created) throw new Error(`the stream ${this.#stream} was deleted and created again`)
      if (signal.aborted) throw new Error(`${this.#stream}: ${finding.reason}`)
      await sleep(leaderSettlesMs, signal)
    }
  }

  /** One answer for each filter. 'none': some answers say that there is no message, and only that. */
  async #firstOf({ from, to, filters }: Search): Promise<Finding | 'none'> {
    let passed = 0
    for (let i = 0; i < filters.length; i += 64) {
      const found = await Promise.all(filters.slice(i, i + 64).map(filter => this.next(from, filter)))
      const within = found.find(each => each !== null && each.sequence < to)
      if (within !== undefined && within !== null) return { _tag: 'found', ...within }
      passed += found.filter(each => each !== null).length
    }
    // A replica that has a later message has every one before it: absence is shown at once.
    return passed === filters.length ? { _tag: 'absent' } : 'none'
  }

  /** The first message from a sequence on that a filter selects, as one answer has it. null is no proof that there is none. */
  async next(from: number, filter: string): Promise<Found | null> {
    const { nc, apiPrefix } = this.#link
    const request = JSON.stringify({ seq: from, next_by_subj: filter })
    const answer: unknown = (await nc.request(`${apiPrefix}.STREAM.MSG.GET.${this.#stream}`, request, { timeout: apiTimeoutMs })).json()
    const [message, error] = [field(answer, 'message'), field(answer, 'error')]
    if (field(error, 'err_code') === noMessageFound) return null
    const [sequence, time] = [field(message, 'seq'), field(message, 'time')]
    if (typeof sequence === 'number' && typeof time === 'string') return { sequence, publishedAt: Date.parse(time) }
    throw new Error(
      `the server gave no message from sequence ${from} of the stream ${this.#stream}: ${String(field(error, 'description'))}`,
    )
  }

  /**
   * The subjects that have messages and that a filter selects, among them all that had some at `look`. null: another server has answered, or
   * there are more than one answer holds, and pages of them are not of one moment.
   */
  async subjects(look: Look, filters: ReadonlyArray<string>): Promise<ReadonlySet<string> | null> {
    const found = new Set<string>()
    for (const filter of filters) {
      const info = await this.#link.jsm.streams.info(this.#stream, { subjects_filter: filter })
      const isSame = (info.cluster?.leader ?? '') === look.leader && info.created === look.info.created
      const subjects = Object.keys(info.state.subjects ?? {})
      if (!isSame || info.state.last_seq < look.last || subjects.length >= subjectsInAnswer) return null
      for (const subject of subjects) found.add(subject)
    }
    return found
  }

  /** Looks once a second while it is watched, and calls `onLook` behind each. Returns what ends that. */
  watch(onLook: Watcher): () => void {
    this.#watchers.add(onLook)
    this.#schedule()
    return () => {
      this.#watchers.delete(onLook)
      if (this.#watchers.size > 0 || this.#timer === null) return
      clearTimeout(this.#timer)
      this.#timer = null
      for (const resolve of this.#nextTick.splice(0)) resolve()
    }
  }

  #schedule(): void {
    if (this.#timer !== null || this.#watchers.size === 0) return
    const newest = this.#looks.at(-1)
    const sinceMs = newest === undefined ? 0 : Date.now() - newest.askedAt
    this.#timer = setTimeout(() => void this.#tick(), Math.max(lookEveryMs / 2, lookEveryMs - sinceMs))
    this.#timer.unref()
  }

  async #tick(): Promise<void> {
    const failure = this.#link.isConnected() ? await this.look(this.#stream).then(() => null, refusalOf) : null
    this.#timer = null
    this.#schedule()
    for (const resolve of this.#nextTick.splice(0)) resolve()
    this.#patientGetsLeft = patientGets
    const watchers = [...this.#watchers]
    this.#turn = (this.#turn + patientGets) % Math.max(1, watchers.length)
    for (const onLook of [...watchers.slice(this.#turn), ...watchers.slice(0, this.#turn)]) onLook(failure)
  }

  async #regularLook(label: string): Promise<Look> {
    const before = this.#looks.at(-1)
    if (this.#timer !== null) await new Promise<void>(resolve => this.#nextTick.push(resolve))
    const newest = this.#looks.at(-1)
    return newest === undefined || newest === before ? this.look(label) : newest
  }
}

/**
 * null: without an answer there is no evidence, and nothing follows from that. Readers notice by other signs that a server is away, or that a
 * stream is gone.
 */
const refusalOf = (error: unknown): JetStreamIOError | null =>
  error instanceof JetStreamIOError && error._tag !== 'StreamNotFound' ? error : null

const isSameLeader = (a: Look, b: Look): boolean => a.leader === b.leader && a.info.created === b.info.created
