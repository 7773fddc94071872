// The hot reader: one split, read by overlapping pulls through an ephemeral consumer without acks, which is made anew after the last
// sequence whenever anything is in doubt: a pull without acks whose connection is cut loses what was in flight. Where a consumer says that
// nothing is left, the stream's leader is asked: a consumer's replica may lag behind it.
import { clockSkewMs } from './clock-skew.ts'
import type { StreamInfo } from '@nats-io/jetstream'
import type { Msg } from '@nats-io/nats-core'
import type { ReadBatch, ReaderStatus, SplitReader } from '../../sdk/splittable/source.ts'
import type { DeliveryNumbers } from './ack-reply.ts'
import { makeWay } from './durable-consumer.ts'
import { consumerFrom, consumerOfLast, forgetConsumer, withinLimits } from './ephemeral-consumer.ts'
import { JetStreamIOError, asError } from './errors.ts'
import { GapWatch } from './gap-watch.ts'
import { Idleness } from './idleness.ts'
import { StreamMessage } from './message.ts'
import { persistently } from './patience.ts'
import { PullSession } from './pull-session.ts'
import type { Demand } from './pull-window.ts'
import { ReadAhead } from './read-ahead.ts'
import { ReaderFigures } from './reader-figures.ts'
import { ReaderLife } from './reader-life.ts'
import { Searches } from './searches.ts'
import { type Look, type StreamEvidence, evidenceOf } from './stream-evidence.ts'
import { erasesSingly, hasGapsByNature, isUnmirrored, missing, requireIntact } from './stream-info.ts'
import type { SubjectMatcher } from './subject-filter.ts'
import type { RangeOptions } from './range-options.ts'

const all: ReadonlyArray<string> = ['>']
/** Searches in a row that find an undelivered message before the consumer is made again. */
const searchesBehind = 2
export class RangeReader implements SplitReader<StreamMessage> {
  private readonly o: RangeOptions
  private readonly buffer = new ReadAhead()
  private readonly session: PullSession
  private readonly life: ReaderLife
  private readonly figures = new ReaderFigures()
  private to: number | null
  private left: number
  /** All before it was received, or is proven not to be there. */
  private next: number
  /** The last sequence that was received. */
  private received = 0
  private lastKnown: number
  /** What the consumer says is still to come: no evidence. */
  private pending: number | null = null
  private readonly evidence: StreamEvidence
  private readonly stopWatching: () => void
  private readonly idleness = new Idleness()
  private readonly searches: Searches
  /** Of one subject, or a part of them: nothing was left of it behind the last message. */
  private quiet: boolean | null
  /** When the last message that was handed on was published. */
  private notedAt: number | null
  /** A batch with that in its note is still to be handed on. */
  private tellsQuiet = false
  /** How often the leader had a message of which the present consumer said nothing. */
  private behind = 0
  /** Since this consumer was made, the leader has shown once that nothing is missing. */
  private hasSettled = false
  private readonly isTimed: boolean
  // What belongs to the present consumer.
  private consumer: string | null = null
  private info: StreamInfo | null = null
  private contradicted = false
  private selection: ReadonlyArray<string> = all
  private serverFiltered = false
  private clientFilter: SubjectMatcher | null = null
  private gapsExpected = false
  private skipped = 0
  /** Of a read that is to be without gaps: the sequences that were deleted one by one. */
  deleted = 0
  private readonly gaps = new GapWatch(
    this.buffer,
    (from, to) => this.verifyGap(from, to),
    error => this.gapVerified(error),
  )

  constructor(o: RangeOptions) {
    this.o = o
    this.to = o.to
    this.left = o.count ?? Number.POSITIVE_INFINITY
    this.next = o.from
    this.lastKnown = o.lastKnown
    this.quiet = o.quiet
    this.notedAt = o.notedAt
    this.isTimed = o.since !== null || o.until !== null
    this.evidence = evidenceOf(o.link, o.stream)
    this.session = new PullSession(
      { link: o.link, stream: o.stream, label: o.label, settings: o.pull },
      {
        onMessage: (message, numbers) => this.onMessage(message, numbers),
        onHeartbeat: () => this.nothingPending(),
        onDoubt: reason => this.renew(reason),
        onFailure: error => this.life.fail(error),
        demand: () => this.demand(),
      },
    )
    this.life = new ReaderLife(o, {
      attach: () => this.tryAttach(),
      attached: () => {
        this.session.pull()
        if (this.pending === 0) void this.search()
      },
      onDisconnected: () => this.idleness.interrupted(),
      tick: () => this.session.tick(),
      inVain: () => this.session.askForLess(),
      release: () => {
        this.stopWatching()
        this.detach()
      },
    })
    this.searches = new Searches(o, this.life)
    this.stopWatching = this.evidence.watch(failure => (failure === null ? this.onLook() : this.life.fail(failure)))
  }

  /** Resolves when the first consumer stands; rejects with what makes reading impossible. */
  async start(): Promise<void> {
    if (this.atEnd()) this.life.complete()
    else await this.life.begin()
  }

  poll(maxElements: number): ReadBatch<StreamMessage> | null {
    const batch = this.buffer.take(Math.min(maxElements, this.o.pull.batch), this.quiet === true)
    if (batch !== null) {
      this.notedAt = batch.values.at(-1)?.publishedAt ?? this.notedAt
      this.session.pull()
    } else if (this.tellsQuiet && this.buffer.size === 0) return this.quietBatch()
    return batch
  }

  private quietBatch(): ReadBatch<StreamMessage> {
    this.tellsQuiet = false
    return { values: [], positions: [], bytes: 0, note: { publishedAt: this.notedAt, isAll: true } }
  }

  status(): ReaderStatus {
    const { end } = this.life
    if (end._tag === 'failed') return end
    if (this.buffer.size > 0) return { _tag: 'reading' }
    if (end._tag === 'complete') return { _tag: 'done' }
    return this.idleness.status()
  }

  lag(): number | null {
    if (this.life.end._tag === 'complete') return this.buffer.size
    if (this.pending === null) return null
    // The leader has at least one more message, whatever the consumer counts.
    const pending = this.behind > 0 ? Math.max(1, this.pending) : this.pending
    const inRange = this.to === null ? pending : Math.min(pending, Math.max(0, this.to - this.next))
    return this.buffer.size + Math.min(inRange, this.left)
  }

  lagMs(nowMs: number): number | null {
    return this.figures.lagMs(this.buffer, this.life.end._tag === 'complete' ? 0 : this.pending, nowMs)
  }

  metrics(): Readonly<Record<string, number>> {
    return { renewals: this.life.renewed, disconnected: this.life.disconnected }
  }

  onChange(callback: () => void): void {
    this.life.onChange(callback)
  }

  truncate(to: number): void {
    if (this.to !== null && to >= this.to) return
    this.to = to
    this.buffer.truncate(to)
    if (this.atEnd()) this.life.complete()
    this.life.notify()
  }

  close(): Promise<void> {
    this.life.close()
    return Promise.resolve()
  }

  private atEnd(): boolean {
    return (this.to !== null && this.next >= this.to) || this.left <= 0
  }

  // ---- The consumer

  private async tryAttach(): Promise<void> {
    const { link, stream, label, newest } = this.o
    this.idleness.interrupted()
    this.detach()
    if (newest) this.next = this.o.from
    const look = await this.evidence.look(label)
    const info = (await this.requireIntactAt(look)).info
    await this.o.history?.verify(info)
    // What was told of as erased is no gap to be looked into.
    this.next = Math.max(this.next, info.state.first_seq)
    if (this.atEnd()) return this.life.complete()
    this.lastKnown = Math.max(this.lastKnown, info.state.last_seq)
    // A consumer on a replica that lags begins at the replica's end, which may lie before what was asked for.
    this.received = this.next - 1
    this.contradicted = false
    this.info = info
    this.gapsExpected = newest || hasGapsByNature(info)
    const { server, client } = await this.o.filter(info)
    const { durable, inactiveMs } = this.o
    if (durable !== null) await makeWay(link, stream, label, durable)
    const position = durable === null ? null : { name: durable, description: label, inactiveMs }
    const config = newest ? consumerOfLast(server[0] ?? '>') : consumerFrom(this.next, server, this.o.headersOnly, position)
    const made = await link.jsm.consumers.add(stream, withinLimits(info, config))
    this.consumer = made.name
    if (!this.life.isOpen) return this.detach()
    this.serverFiltered = server.length > 0
    this.selection = server.length > 0 ? server : all
    this.clientFilter = client
    this.pending = made.num_pending
    this.behind = 0
    this.hasSettled = false
    this.session.listen(made, 0)
  }

  /** A former leader knows of less than the stream has: what it says to be lost is asked for again. */
  private async requireIntactAt(look: Look): Promise<Look> {
    const { stream, label, created, skips, newest } = this.o
    const { state } = look.info
    const isShort = state.last_seq < this.lastKnown || look.info.created !== created
    const believed = isShort && look.replicated ? await this.evidence.settledLook(label, this.life.closing.signal) : look
    const first = believed.info.state.first_seq
    const next = newest ? Math.max(this.next, first) : this.next
    const quiet = this.quiet === true
    requireIntact(believed.info, { stream, label, created, next, last: this.lastKnown, quiet, skips }, text =>
      this.tolerate(text, first - this.next),
    )
    return believed
  }

  /** `erased`: at most so many. */
  private tolerate(text: string, erased: number): void {
    if (this.o.gapless) throw new JetStreamIOError('MessagesErased', text)
    this.skipped += erased
    this.o.context.log('warn', text, { split: this.o.split, sequence: this.next, erased, erasedInAll: this.skipped })
  }

  private renew(reason: string): void {
    const { split, subject } = this.o
    this.life.renew(reason, { split, sequence: this.next, ...(subject === undefined ? {} : { subject }) })
  }

  private detach(): void {
    this.session.stop()
    const consumer = this.consumer
    this.consumer = null
    // One with a name is left to be looked at, where it stands.
    if (consumer !== null && this.o.durable === null) forgetConsumer(this.o.link, this.o.stream, consumer)
  }

  // ---- What the server sends

  private onMessage(message: Msg, numbers: DeliveryNumbers): void {
    const sequence = numbers.streamSequence
    if (sequence <= this.received) return
    if (this.to !== null && sequence >= this.to) return this.life.complete()
    if (sequence > this.next && !this.serverFiltered) this.onGap(this.next, sequence)
    else if (sequence < this.next) this.onContradiction(sequence)
    this.received = sequence
    this.next = Math.max(this.next, sequence + 1)
    this.pending = numbers.pending
    this.figures.lastAt = numbers.publishedAt
    this.behind = 0
    this.idleness.interrupted()
    this.life.fruitful()
    if (sequence > this.lastKnown) this.lastKnown = sequence
    this.o.history?.received(sequence, numbers.publishedAt)
    if (
      (this.clientFilter === null || this.clientFilter(message.subject)) &&
      (this.o.accept === null || this.o.accept(sequence)) &&
      (!this.isTimed || this.isInTime(numbers.publishedAt))
    ) {
      const data = message.data
      this.buffer.push(new StreamMessage(this.o.stream, message, data, sequence, numbers.publishedAt), data.length)
      this.left--
      if (this.quiet === true) this.quiet = false
      this.life.notify()
    }
    if (this.atEnd()) return this.life.complete()
    if (numbers.pending === 0) this.nothingPending()
  }

  /** Each message by its own stamp: those of a stream need not ascend. */
  private isInTime(publishedAt: number): boolean {
    const { since, until } = this.o
    return (since === null || publishedAt >= since) && (until === null || publishedAt < until)
  }

  private onContradiction(sequence: number): void {
    const { context, label, stream, split } = this.o
    if (this.contradicted) return
    this.contradicted = true
    const text = `${label}: message ${sequence} of the stream ${stream} came, which its leader did not have a moment ago`
    context.log('warn', text, { split, sequence })
  }

  /** The consumer says that it has nothing more to send: a reason to ask the leader, and no evidence. */
  private nothingPending(): void {
    this.pending = 0
    if (this.to !== null || !this.hasSettled) void this.search()
  }

  // ---- The evidence of the stream's leader

  private onLook(): void {
    const { settled } = this.evidence
    if (settled === null || !this.life.isServed) return
    const { until } = this.o
    if (until !== null && this.to === null && settled.at >= until + clockSkewMs) this.to = settled.last + 1
    if (this.atEnd()) return this.life.complete()
    this.settleAt(settled)
    if (this.hasAll(settled) || this.pending !== 0) return
    const quiet = this.evidence.quietBefore(this.selection, this.next)
    if (quiet === null) return void this.search(true)
    this.next = Math.max(this.next, quiet.last + 1)
    if (this.atEnd()) return this.life.complete()
    this.settleAt(quiet)
  }

  private hasAll(look: Look): boolean {
    return look.info.created === this.o.created && this.next > look.last
  }

  private settleAt(look: Look): void {
    if (!this.hasAll(look)) return
    this.o.history?.ended(look.info)
    this.hasSettled = true
    this.behind = 0
    this.life.fruitful()
    this.life.caughtUp(Date.now())
    this.idleness.proven(look.at, this.figures.lastAt)
    if (this.quiet === false) {
      this.quiet = true
      // Else the batch with the last message says it.
      this.tellsQuiet = this.buffer.size === 0
    }
    if (this.buffer.size === 0) this.life.notify()
  }

  /** Whether the leader has a message that has not come, up to the end or to where the stream ends now. */
  private search(patient = false): Promise<void> {
    return this.searches.run(() => this.searched(patient))
  }

  private async searched(patient: boolean): Promise<void> {
    const { label, created } = this.o
    const bounded = this.to
    const settled = bounded === null ? (this.evidence.settled ?? (await this.evidence.settledLook(label, this.life.closing.signal))) : null
    if (settled !== null && this.hasAll(settled)) return this.settleAt(settled)
    const to = bounded ?? (settled?.last ?? 0) + 1
    const from = this.next
    const finding = await this.evidence.search({ from, to, filters: this.selection, created, patient }, label)
    if (!this.life.isServed) return
    if (finding._tag === 'absent') {
      this.next = Math.max(this.next, to)
      if (this.atEnd()) return this.life.complete()
      if (settled !== null) this.settleAt(settled)
    } else if (finding._tag === 'found' && finding.sequence >= this.next && this.buffer.size === 0 && ++this.behind >= searchesBehind)
      this.renew(
        `the leader of the stream has message ${finding.sequence}, and the consumer says that nothing is left: its replica lags behind`,
      )
  }

  private onGap(from: number, to: number): void {
    const { info } = this
    if (this.o.gapless) {
      if (info === null || erasesSingly(info)) return this.life.fail(missing(this.o, from, to))
      this.deleted += to - from
    } else if (this.gapsExpected || (info !== null && isUnmirrored(info, { next: from, last: this.lastKnown }))) return
    this.gaps.found(from, to)
  }

  private async verifyGap(from: number, to: number): Promise<void> {
    const { stream, label, created, skips } = this.o
    const { signal } = this.life.closing
    const { info } = await persistently({ what: label, signal, link: this.o.link }, () => this.evidence.settledLook(label, signal))
    requireIntact(info, { stream, label, created, next: from, last: this.lastKnown, skips }, text =>
      this.tolerate(text, Math.min(info.state.first_seq, to) - from),
    )
  }

  /** A reader that has received everything still waits for this answer before it hands the rest over. */
  private gapVerified(error: unknown): void {
    if (error !== null && !this.life.closing.signal.aborted) this.life.failLate(asError(error))
    this.life.notify()
  }

  private demand(): Omit<Demand, 'maxBytes'> | null {
    if (!this.life.isServed) return null
    return { wanted: this.wanted(), pending: this.pending, waiting: this.buffer.size, waitingBytes: this.buffer.bytes }
  }

  /** At most this many messages can still be needed. */
  private wanted(): number {
    const byCount = this.clientFilter === null && this.o.accept === null && !this.isTimed ? this.left : Number.POSITIVE_INFINITY
    return Math.min(this.to === null ? Number.POSITIVE_INFINITY : this.to - this.next, byCount)
  }
}
