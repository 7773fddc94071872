// The hot reader: one split, read by overlapping pulls through an ephemeral consumer without acks, which is made anew after the last
// sequence whenever anything is in doubt: a pull without acks whose connection is cut loses what was in flight.
import type { StreamInfo } from '@nats-io/jetstream'
import { type Msg, type Subscription, createInbox } from '@nats-io/nats-core'
import type { ReadBatch, ReaderStatus, SplitReader } from '../../sdk/splittable/source.ts'
import { DeliveryNumbers, numbersStart } from './ack-reply.ts'
import { consumerFrom, forgetConsumer } from './ephemeral-consumer.ts'
import { JetStreamIOError, asError, errorText, orElse } from './errors.ts'
import { GapWatch } from './gap-watch.ts'
import { StreamMessage } from './message.ts'
import { patienceMs, pauseMs, persistently, sleep } from './patience.ts'
import { batchSize, largestPull, pullBytes, pullRequest, PullWindow } from './pull-window.ts'
import { ReadAhead } from './read-ahead.ts'
import { hasGapsByNature, requireIntact, streamInfo } from './stream-info.ts'
import type { SubjectMatcher } from './subject-filter.ts'
import type { RangeEnd, RangeOptions } from './range-options.ts'

/** Heartbeats come every second: two of them missing mean that nobody serves this consumer. */
const silenceMs = 2_500
const tickMs = 500

export class RangeReader implements SplitReader<StreamMessage> {
  private readonly o: RangeOptions
  private readonly buffer = new ReadAhead()
  private readonly window = new PullWindow()
  private readonly numbers = new DeliveryNumbers()
  private readonly stopListening: () => void
  private readonly timer: NodeJS.Timeout
  private readonly closing = new AbortController()
  private end: RangeEnd = { _tag: 'open' }
  private to: number | null
  private left: number
  /** All before it was received, or the server said that it is not there. */
  private next: number
  private lastKnown: number
  private pending: number | null = null
  private idleSince: number | null = null
  private changed: (() => void) | null = null
  private notifying = false
  // What belongs to the present consumer.
  private generation = 0
  private attaching = false
  private subscription: Subscription | null = null
  private consumer: string | null = null
  private inbox = ''
  private numbersAt = -1
  private consumerSequence = 0
  private serverFiltered = false
  private clientFilter: SubjectMatcher | null = null
  private gapsExpected = false
  private maxBytes = pullBytes
  private heard = false
  private heardAt = Date.now()
  private tickedAt = Date.now()
  private progressAt = Date.now()
  private fruitless = 0
  private readonly gaps = new GapWatch(
    this.buffer,
    from => this.verifyGap(from),
    error => this.gapVerified(error),
  )

  constructor(o: RangeOptions) {
    this.o = o
    this.to = o.to
    this.left = o.count ?? Number.POSITIVE_INFINITY
    this.next = o.from
    this.lastKnown = o.lastKnown
    this.stopListening = o.link.listen(event => {
      if (event === 'disconnected') this.idleSince = null
      else if (event === 'reconnected') this.renew('the connection was made anew')
      else
        this.fail(
          new JetStreamIOError(
            'ServerUnavailable',
            `${o.label}: the connection to ${o.link.address} was closed. Start the run again: it goes on from its checkpoint.`,
          ),
        )
    })
    this.timer = setInterval(() => this.tick(), tickMs)
    this.timer.unref()
  }

  /** Resolves when the first consumer stands; rejects with what makes reading impossible. */
  async start(): Promise<void> {
    if (this.atEnd()) return this.complete()
    await this.attach()
    if (this.end._tag === 'failed') throw this.end.error
  }

  poll(maxElements: number): ReadBatch<StreamMessage> | null {
    const batch = this.buffer.take(Math.min(maxElements, batchSize), this.o.quiet !== null && this.pending === 0)
    if (batch !== null) this.pull()
    return batch
  }

  status(): ReaderStatus {
    if (this.end._tag === 'failed') return this.end
    if (this.buffer.size > 0) return { _tag: 'reading' }
    if (this.end._tag === 'complete') return { _tag: 'done' }
    return this.idleSince === null ? { _tag: 'reading' } : { _tag: 'idle', since: this.idleSince }
  }

  lag(): number | null {
    if (this.end._tag === 'complete') return this.buffer.size
    if (this.pending === null) return null
    const inRange = this.to === null ? this.pending : Math.min(this.pending, Math.max(0, this.to - this.next))
    return this.buffer.size + Math.min(inRange, this.left)
  }

  onChange(callback: () => void): void {
    this.changed = callback
  }

  truncate(to: number): void {
    if (this.to !== null && to >= this.to) return
    this.to = to
    this.buffer.truncate(to)
    if (this.atEnd()) this.complete()
    this.notify()
  }

  close(): Promise<void> {
    if (this.end._tag === 'open') this.end = { _tag: 'complete' }
    this.changed = null
    this.closing.abort()
    this.release()
    return Promise.resolve()
  }

  // ---- The end

  private atEnd(): boolean {
    return (this.to !== null && this.next >= this.to) || this.left <= 0
  }

  private complete(): void {
    if (this.end._tag !== 'open') return
    this.end = { _tag: 'complete' }
    this.release()
    this.notify()
  }

  private fail(error: Error): void {
    if (this.end._tag !== 'open') return
    this.end = { _tag: 'failed', error }
    this.release()
    this.notify()
  }

  private release(): void {
    clearInterval(this.timer)
    this.stopListening()
    this.detach()
  }

  /** One microtask after a frame's first message: whoever polls then gets the whole frame. */
  private notify(): void {
    if (this.notifying || this.changed === null) return
    this.notifying = true
    queueMicrotask(() => {
      this.notifying = false
      this.changed?.()
    })
  }

  // ---- The consumer

  private renew(reason: string): void {
    if (this.end._tag !== 'open' || this.attaching) return
    this.o.context.log('info', `${this.o.label}: reading on with a new consumer`, { reason, sequence: this.next })
    void this.attach()
  }

  private async attach(): Promise<void> {
    if (this.attaching) return
    this.attaching = true
    this.idleSince = null
    try {
      if (this.fruitless > 1) await sleep(pauseMs(this.fruitless), this.closing.signal)
      this.fruitless++
      if (Date.now() - this.progressAt > patienceMs && this.fruitless > 10)
        throw new JetStreamIOError(
          'ServerUnavailable',
          `${this.o.label}: for ${patienceMs / 1000} s consumers were made and nothing came, though the server says that something is there. Look at the server's log.`,
        )
      await persistently({ what: this.o.label, signal: this.closing.signal }, () => this.tryAttach())
    } catch (error) {
      this.fail(asError(error))
    } finally {
      this.attaching = false
    }
    this.pull()
  }

  private async tryAttach(): Promise<void> {
    const { link, stream, label, created } = this.o
    this.detach()
    // In this order: what the consumer says to be pending includes all up to the stream's last sequence as it was before.
    const askedAt = Date.now()
    const info = await streamInfo(link, stream, label)
    const quiet = this.o.quiet !== null && (this.pending === null ? this.o.quiet : this.pending === 0)
    requireIntact(info, { stream, label, created, next: this.next, last: this.lastKnown, quiet }, text => this.tolerate(text))
    this.lastKnown = Math.max(this.lastKnown, info.state.last_seq)
    this.gapsExpected = hasGapsByNature(info)
    const { server, client } = await this.o.filter(info)
    const made = await link.jsm.consumers.add(stream, consumerFrom(this.next, server, this.o.headersOnly))
    if (this.end._tag !== 'open') return forgetConsumer(link, stream, made.name)
    this.consumer = made.name
    this.serverFiltered = server.length > 0
    this.clientFilter = client
    this.pending = made.num_pending
    if (made.num_pending === 0 && this.nothingPending(info, askedAt)) return
    this.listen()
  }

  private tolerate(text: string): void {
    if (this.o.gapless) throw new JetStreamIOError('MessagesErased', text)
    this.o.context.log('warn', text)
  }

  private listen(): void {
    const generation = this.generation
    this.inbox = createInbox(this.o.link.inboxPrefix)
    this.numbersAt = -1
    this.consumerSequence = 0
    this.heardAt = Date.now()
    this.subscription = this.o.link.nc.subscribe(`${this.inbox}.*`, {
      callback: (error, message) => {
        if (generation !== this.generation) return
        if (error !== null)
          return this.fail(
            new JetStreamIOError(
              'ServerUnavailable',
              `${this.o.label}: the server refuses the subscription: ${errorText(error)}. Allow this user to subscribe to ${this.o.link.inboxPrefix}.>.`,
              { cause: error },
            ),
          )
        this.heard = true
        const handle = (): void =>
          message.reply === undefined || message.reply === '' ? this.onStatus(message) : this.onMessage(message, message.reply)
        orElse(handle, failure => this.fail(failure))
      },
    })
  }

  private detach(): void {
    this.generation++
    this.window.clear()
    this.subscription?.unsubscribe()
    this.subscription = null
    const consumer = this.consumer
    this.consumer = null
    if (consumer !== null) forgetConsumer(this.o.link, this.o.stream, consumer)
  }

  // ---- What the server sends

  private onMessage(message: Msg, reply: string): void {
    if (this.numbersAt < 0) this.numbersAt = numbersStart(reply)
    const numbers = this.numbers
    numbers.read(reply, this.numbersAt)
    if (numbers.consumerSequence !== this.consumerSequence + 1) return this.renew('messages were lost on their way')
    this.consumerSequence = numbers.consumerSequence
    this.window.delivered()
    const sequence = numbers.streamSequence
    if (sequence < this.next) return
    if ((this.to !== null && sequence >= this.to) || (this.o.until !== null && numbers.publishedAt >= this.o.until)) return this.complete()
    if (sequence > this.next && !this.serverFiltered) this.onGap(this.next, sequence)
    this.next = sequence + 1
    this.pending = numbers.pending
    this.fruitless = 0
    if (sequence > this.lastKnown) this.lastKnown = sequence
    if ((this.clientFilter === null || this.clientFilter(message.subject)) && (this.o.accept === null || this.o.accept(sequence))) {
      const data = message.data
      this.buffer.push(new StreamMessage(this.o.stream, message, data, sequence, numbers.publishedAt), data.length)
      this.left--
      this.notify()
    }
    if (this.atEnd()) return this.complete()
    if (numbers.pending === 0) this.caughtUp(false)
    else this.idleSince = null
    if (this.window.hasRoom) this.pull()
  }

  private onStatus(message: Msg): void {
    const code = message.headers?.code ?? 0
    const description = message.headers?.description ?? ''
    if (code === 100) return this.caughtUp(true)
    const token = Number(message.subject.slice(this.inbox.length + 1))
    if (code === 404 || code === 408 || /completed|maxbytes/i.test(description)) {
      const unserved = this.window.ended(token)
      // Most pulls of large messages end this way, with less room left than the next one needs. Only where none fitted is it too small.
      if (unserved && /maxbytes/i.test(description)) this.maxBytes = Math.min(this.maxBytes * 2, largestPull)
      return this.pull()
    }
    this.renew(code === 503 ? 'the consumer is gone' : `${code} ${description}`)
  }

  /** The server had nothing more to send for this consumer a moment ago. */
  private caughtUp(heartbeat: boolean): void {
    this.pending = 0
    this.progressAt = this.idleSince = Date.now()
    if (this.buffer.size === 0) this.notify()
    // A bounded range whose last sequences are deleted, or not selected, ends here; a count of a new consumer says so for certain.
    const within = this.to !== null && this.lastKnown >= this.to - 1
    if (within || (this.o.until !== null && this.idleSince >= this.o.until)) void this.attach()
    else if (heartbeat && this.to !== null) void this.lookForEnd()
  }

  private async lookForEnd(): Promise<void> {
    const info = await streamInfo(this.o.link, this.o.stream, this.o.label).catch(() => null)
    if (info === null) return
    this.lastKnown = Math.max(this.lastKnown, info.state.last_seq)
    if (this.to !== null && this.lastKnown >= this.to - 1 && this.idleSince !== null && this.end._tag === 'open') void this.attach()
  }

  /** A new consumer has nothing to send: all up to the stream's end as it was at `askedAt` was received. Gives whether this is the end. */
  private nothingPending(info: StreamInfo, askedAt: number): boolean {
    this.progressAt = this.idleSince = askedAt
    if (this.to === null) this.next = Math.max(this.next, info.state.last_seq + 1)
    this.fruitless = 0
    const serverTime = info.ts === undefined ? askedAt : Date.parse(info.ts)
    const ended = (this.to !== null && info.state.last_seq >= this.to - 1) || (this.o.until !== null && serverTime >= this.o.until)
    if (ended) this.complete()
    else this.notify()
    return ended
  }

  // ---- Gaps

  private onGap(from: number, to: number): void {
    if (this.o.gapless)
      return this.fail(
        new JetStreamIOError(
          'MessagesErased',
          `${this.o.label}: sequences ${from} to ${to - 1} of the stream ${this.o.stream} are not there any more`,
        ),
      )
    if (!this.gapsExpected) this.gaps.found(from)
  }

  private async verifyGap(from: number): Promise<void> {
    const { stream, label, created } = this.o
    const info = await persistently({ what: label, signal: this.closing.signal }, () => streamInfo(this.o.link, stream, label))
    requireIntact(info, { stream, label, created, next: from, last: this.lastKnown }, text => this.tolerate(text))
  }

  /** A reader that has received everything still waits for this answer before it hands the rest over. */
  private gapVerified(error: unknown): void {
    if (error !== null && !this.closing.signal.aborted && this.end._tag !== 'failed') {
      this.end = { _tag: 'failed', error: asError(error) }
      this.release()
    }
    this.notify()
  }

  // ---- Pulling

  private pull(): void {
    if (this.end._tag !== 'open' || this.attaching || this.consumer === null) return
    const { link, stream } = this.o
    for (;;) {
      const batch = this.window.next({
        wanted: this.wanted(),
        pending: this.pending,
        waiting: this.buffer.size,
        waitingBytes: this.buffer.bytes,
        maxBytes: this.maxBytes,
      })
      if (batch === 0) return
      if (this.window.open === 0) this.heardAt = Date.now()
      const token = this.window.asked(batch)
      link.nc.publish(`${link.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${this.consumer}`, pullRequest(batch, this.maxBytes), {
        reply: `${this.inbox}.${token}`,
      })
    }
  }

  /** At most this many messages can still be needed; one more shows the end of a time range. */
  private wanted(): number {
    const byCount = this.clientFilter === null && this.o.accept === null ? this.left : Number.POSITIVE_INFINITY
    return Math.min(this.to === null ? Number.POSITIVE_INFINITY : this.to - this.next, byCount)
  }

  private tick(): void {
    const now = Date.now()
    // A thread that was busy for seconds has not looked at its sockets either: silence then says nothing.
    const late = now - this.tickedAt > 2 * tickMs
    this.tickedAt = now
    if (this.heard || late) {
      if (this.heard) this.progressAt = now
      this.heard = false
      this.heardAt = now
    }
    if (this.end._tag !== 'open' || this.attaching) return
    if (this.window.open > 0 && now - this.heardAt > silenceMs) return this.renew('the server is silent')
    this.pull()
  }
}
