// The hot reader: one split, read by overlapping pulls through an ephemeral consumer without acks, which is made anew after the last
// sequence whenever anything is in doubt: a pull without acks whose connection is cut loses what was in flight.
import type { StreamInfo } from '@nats-io/jetstream'
import type { Msg } from '@nats-io/nats-core'
import type { ReadBatch, ReaderStatus, SplitReader } from '../../sdk/splittable/source.ts'
import type { DeliveryNumbers } from './ack-reply.ts'
import { makeWay } from './durable-consumer.ts'
import { consumerFrom, forgetConsumer } from './ephemeral-consumer.ts'
import { JetStreamIOError, asError } from './errors.ts'
import { GapWatch } from './gap-watch.ts'
import { StreamMessage } from './message.ts'
import { persistently } from './patience.ts'
import { PullSession } from './pull-session.ts'
import type { Demand } from './pull-window.ts'
import { ReadAhead } from './read-ahead.ts'
import { ReaderFigures } from './reader-figures.ts'
import { ReaderLife } from './reader-life.ts'
import { hasGapsByNature, requireIntact, streamInfo } from './stream-info.ts'
import type { SubjectMatcher } from './subject-filter.ts'
import type { RangeOptions } from './range-options.ts'

export class RangeReader implements SplitReader<StreamMessage> {
  private readonly o: RangeOptions
  private readonly buffer = new ReadAhead()
  private readonly session: PullSession
  private readonly life: ReaderLife
  private readonly figures = new ReaderFigures()
  private to: number | null
  private left: number
  /** All before it was received, or the server said that it is not there. */
  private next: number
  private lastKnown: number
  private pending: number | null = null
  private idleSince: number | null = null
  // What belongs to the present consumer.
  private consumer: string | null = null
  private serverFiltered = false
  private clientFilter: SubjectMatcher | null = null
  private gapsExpected = false
  private skipped = 0
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
    this.session = new PullSession(
      { link: o.link, stream: o.stream, label: o.label, settings: o.pull },
      {
        onMessage: (message, numbers) => this.onMessage(message, numbers),
        onHeartbeat: () => this.caughtUp(true),
        onDoubt: reason =>
          this.life.renew(reason, { split: o.split, sequence: this.next, ...(o.subject === undefined ? {} : { subject: o.subject }) }),
        onFailure: error => this.life.fail(error),
        demand: () => this.demand(),
      },
    )
    this.life = new ReaderLife(o, {
      attach: () => this.tryAttach(),
      attached: () => this.session.pull(),
      onDisconnected: () => {
        this.idleSince = null
      },
      tick: () => this.session.tick(),
      inVain: () => this.session.askForLess(),
      release: () => this.detach(),
    })
  }

  /** Resolves when the first consumer stands; rejects with what makes reading impossible. */
  async start(): Promise<void> {
    if (this.atEnd()) this.life.complete()
    else await this.life.begin()
  }

  poll(maxElements: number): ReadBatch<StreamMessage> | null {
    const batch = this.buffer.take(Math.min(maxElements, this.o.pull.batch), this.o.quiet !== null && this.pending === 0)
    if (batch !== null) this.session.pull()
    return batch
  }

  status(): ReaderStatus {
    const { end } = this.life
    if (end._tag === 'failed') return end
    if (this.buffer.size > 0) return { _tag: 'reading' }
    if (end._tag === 'complete') return { _tag: 'done' }
    return this.idleSince === null ? { _tag: 'reading' } : { _tag: 'idle', since: this.idleSince }
  }

  lag(): number | null {
    if (this.life.end._tag === 'complete') return this.buffer.size
    if (this.pending === null) return null
    const inRange = this.to === null ? this.pending : Math.min(this.pending, Math.max(0, this.to - this.next))
    return this.buffer.size + Math.min(inRange, this.left)
  }

  lagMs(nowMs: number): number | null {
    return this.figures.lagMs(this.buffer, this.life.end._tag === 'complete' ? 0 : this.pending, nowMs)
  }

  metrics(): Readonly<Record<string, number>> {
    return { renewals: this.life.renewed }
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
    const { link, stream, label, created } = this.o
    this.idleSince = null
    this.detach()
    // In this order: what the consumer says to be pending includes all up to the stream's last sequence as it was before.
    const askedAt = Date.now()
    const info = await streamInfo(link, stream, label)
    const quiet = this.o.quiet !== null && (this.pending === null ? this.o.quiet : this.pending === 0)
    const { skips } = this.o
    requireIntact(info, { stream, label, created, next: this.next, last: this.lastKnown, quiet, skips }, text =>
      this.tolerate(text, info.state.first_seq - this.next),
    )
    // What was told of as erased is no gap to be looked into.
    this.next = Math.max(this.next, info.state.first_seq)
    if (this.atEnd()) return this.life.complete()
    this.lastKnown = Math.max(this.lastKnown, info.state.last_seq)
    this.gapsExpected = hasGapsByNature(info)
    const { server, client } = await this.o.filter(info)
    const { durable, inactiveMs } = this.o
    if (durable !== null) await makeWay(link, stream, label, durable)
    const position = durable === null ? null : { name: durable, description: label, inactiveMs }
    const made = await link.jsm.consumers.add(stream, consumerFrom(this.next, server, this.o.headersOnly, position))
    this.consumer = made.name
    if (!this.life.isOpen) return this.detach()
    this.serverFiltered = server.length > 0
    this.clientFilter = client
    this.pending = made.num_pending
    if (made.num_pending === 0 && this.nothingPending(info, askedAt)) return
    this.session.listen(made.name, 0)
  }

  /** `erased`: at most so many. */
  private tolerate(text: string, erased: number): void {
    if (this.o.gapless) throw new JetStreamIOError('MessagesErased', text)
    this.skipped += erased
    this.o.context.log('warn', text, { split: this.o.split, sequence: this.next, erased, erasedInAll: this.skipped })
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
    if (sequence < this.next) return
    if ((this.to !== null && sequence >= this.to) || (this.o.until !== null && numbers.publishedAt >= this.o.until))
      return this.life.complete()
    if (sequence > this.next && !this.serverFiltered) this.onGap(this.next, sequence)
    this.next = sequence + 1
    this.pending = numbers.pending
    this.figures.lastAt = numbers.publishedAt
    this.life.fruitful()
    if (sequence > this.lastKnown) this.lastKnown = sequence
    if ((this.clientFilter === null || this.clientFilter(message.subject)) && (this.o.accept === null || this.o.accept(sequence))) {
      const data = message.data
      this.buffer.push(new StreamMessage(this.o.stream, message, data, sequence, numbers.publishedAt), data.length)
      this.left--
      this.life.notify()
    }
    if (this.atEnd()) return this.life.complete()
    if (numbers.pending === 0) this.caughtUp(false)
    else this.idleSince = null
  }

  /** The server had nothing more to send for this consumer a moment ago. */
  private caughtUp(heartbeat: boolean): void {
    this.pending = 0
    this.life.caughtUp((this.idleSince = Date.now()))
    if (this.buffer.size === 0) this.life.notify()
    // A bounded range whose last sequences are deleted, or not selected, ends here; a count of a new consumer says so for certain.
    const within = this.to !== null && this.lastKnown >= this.to - 1
    if (within || (this.o.until !== null && this.idleSince >= this.o.until)) void this.life.attach()
    else if (heartbeat && this.to !== null) void this.lookForEnd()
  }

  private async lookForEnd(): Promise<void> {
    const info = await streamInfo(this.o.link, this.o.stream, this.o.label).catch(() => null)
    if (info === null) return
    this.lastKnown = Math.max(this.lastKnown, info.state.last_seq)
    if (this.to !== null && this.lastKnown >= this.to - 1 && this.idleSince !== null && this.life.isOpen) void this.life.attach()
  }

  /** A new consumer has nothing to send: all up to the stream's end as it was at `askedAt` was received. Gives whether this is the end. */
  private nothingPending(info: StreamInfo, askedAt: number): boolean {
    this.life.caughtUp((this.idleSince = askedAt))
    if (this.to === null) this.next = Math.max(this.next, info.state.last_seq + 1)
    this.life.fruitful()
    const serverTime = info.ts === undefined ? askedAt : Date.parse(info.ts)
    const ended = (this.to !== null && info.state.last_seq >= this.to - 1) || (this.o.until !== null && serverTime >= this.o.until)
    if (ended) this.life.complete()
    else this.life.notify()
    return ended
  }

  // ---- Gaps

  private onGap(from: number, to: number): void {
    if (this.o.gapless)
      return this.life.fail(
        new JetStreamIOError(
          'MessagesErased',
          `${this.o.label}: sequences ${from} to ${to - 1} of the stream ${this.o.stream} are not there any more`,
        ),
      )
    if (!this.gapsExpected) this.gaps.found(from, to)
  }

  private async verifyGap(from: number, to: number): Promise<void> {
    const { stream, label, created, skips } = this.o
    const info = await persistently({ what: label, signal: this.life.closing.signal, link: this.o.link }, () =>
      streamInfo(this.o.link, stream, label),
    )
    requireIntact(info, { stream, label, created, next: from, last: this.lastKnown, skips }, text =>
      this.tolerate(text, Math.min(info.state.first_seq, to) - from),
    )
  }

  /** A reader that has received everything still waits for this answer before it hands the rest over. */
  private gapVerified(error: unknown): void {
    if (error !== null && !this.life.closing.signal.aborted) this.life.failLate(asError(error))
    this.life.notify()
  }

  // ---- Pulling

  private demand(): Omit<Demand, 'maxBytes'> | null {
    if (!this.life.isServed) return null
    return { wanted: this.wanted(), pending: this.pending, waiting: this.buffer.size, waitingBytes: this.buffer.bytes }
  }

  /** At most this many messages can still be needed; one more shows the end of a time range. */
  private wanted(): number {
    const byCount = this.clientFilter === null && this.o.accept === null ? this.left : Number.POSITIVE_INFINITY
    return Math.min(this.to === null ? Number.POSITIVE_INFINITY : this.to - this.next, byCount)
  }
}
