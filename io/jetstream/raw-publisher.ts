// The hot publisher: pipelined, with one inbox for all acknowledgments and nothing allocated a message beyond a slot in a ring. After
// anything doubtful it stops, learns from the destination which messages arrived, and sends the others again, in order.
import { type Msg, type Subscription, createInbox, headers as makeHeaders } from '@nats-io/nats-core'
import { JetStreamIOError, asError, errorText, notPermitted, orElse } from './errors.ts'
import { LatencyRecorder } from '../../sdk/model/histogram.ts'
import type { PublisherOptions, Rows } from './publisher-options.ts'
import { InFlight } from './in-flight.ts'
import { LeaseWait, lookEvery } from './lease-wait.ts'
import { WireHeaders } from './outgoing-headers.ts'
import { publishRejected } from './publish-rejected.ts'
import { pauseMs, persistently, sleep } from './patience.ts'
import { mayPass } from './api-errors.ts'
import { ackStart, parsePubAck, refusalText, storedSequence, wrongLastSequence } from './pub-ack.ts'
import { scanIds } from './recovery-scan.ts'
import { infoReaching } from './stream-evidence.ts'
import { streamInfo, subjectsOf } from './stream-info.ts'
import { matches } from './subject-filter.ts'

const ackTimeoutMs = 5_000
const tickMs = 500
const closeMs = 5_000
/** Of how many acknowledgments one is timed. */
const timedOf = 16
/** What a connection that was cut had already delivered to the server is read by it within this time. */
const settleMs = 200

interface Waiter {
  readonly target: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class RawPublisher {
  private readonly o: PublisherOptions
  private readonly flight: InFlight
  private readonly inbox: string
  private readonly subscription: Subscription
  private readonly stopListening: () => void
  private readonly stopRefusals: () => void
  private readonly timer: NodeJS.Timeout
  private readonly goodAck: Uint8Array
  private readonly wire = new WireHeaders()
  private readonly closing = new AbortController()
  private backlog: Rows[] = []
  private cursor = 0
  private backlogRows = 0
  private readonly waiters: Waiter[] = []
  private ready: (() => void) | null = null
  /** Somebody was told to wait. */
  private blocked = false
  private recovering = false
  private closed = false
  private failed: Error | null = null
  private progressAt = Date.now()
  private fruitless = 0
  private tickedAt = Date.now()
  private readonly lease: LeaseWait
  private highest: number
  /** What waits for its acknowledgment. */
  get inFlight(): number {
    return this.flight.size
  }

  /** From sending to the acknowledgment, the last sending of what was sent again. */
  readonly latency = new LatencyRecorder()
  readonly counts = { published: 0, duplicates: 0, resent: 0, recoveries: 0, foundStored: 0 }

  constructor(o: PublisherOptions) {
    this.o = o
    this.highest = o.floor
    this.lease = new LeaseWait(
      o.context.lease,
      () => this.goOn(),
      // Rejects commits and flushes that wait for an acknowledgment, also while the job opens.
      error => this.fail(asError(error)),
    )
    this.flight = new InFlight(2 ** Math.ceil(Math.log2(o.window.messages)))
    this.goodAck = ackStart(o.stream)
    this.inbox = createInbox(o.link.inboxPrefix)
    this.subscription = o.link.nc.subscribe(`${this.inbox}.*`, {
      callback: (error, message) =>
        orElse(
          () => this.onAck(error, message),
          failure => this.fail(failure),
        ),
    })
    this.stopListening = o.link.listen(event => {
      if (event === 'disconnected') this.doubt('the connection was lost')
      else if (event === 'closed') this.fail(o.link.whyClosed(o.label))
    })
    this.stopRefusals = o.link.onRefused(refused => {
      if (refused.operation === 'publish' && this.flight.holds(refused.subject)) this.fail(notPermitted(o.label, refused))
    })
    this.timer = setInterval(() => this.tick(), tickMs)
    this.timer.unref()
  }

  /** The highest sequence that was acknowledged. After `settled`, whatever is published next is stored after it. */
  get lastSequence(): number {
    return this.highest
  }

  /** Nothing is in flight or waits to be. */
  get isQuiet(): boolean {
    return this.flight.size === 0 && this.backlogRows === 0
  }

  /** How many were ever enqueued and sent. */
  get sentCount(): number {
    return this.flight.head
  }

  /** The stream is known to stand at `sequence`, and nothing is in flight: whatever is published next is stored after it. */
  standsAt(sequence: number): void {
    this.highest = Math.max(this.highest, sequence)
  }

  get failure(): Error | null {
    return this.failed
  }

  get congested(): boolean {
    const { flight, o } = this
    this.blocked = this.failed === null && (this.backlogRows > 0 || flight.size >= o.window.messages || flight.bytes >= o.window.bytes)
    return this.blocked
  }

  onReady(callback: () => void): void {
    this.ready = callback
  }

  enqueue(rows: Rows): void {
    if (this.closed || this.failed !== null || rows.destinations.length === 0) return
    this.backlog.push(rows)
    this.backlogRows += rows.destinations.length
    this.send()
  }

  /** Resolves when all that was enqueued before is acknowledged. */
  settled(): Promise<void> {
    if (this.failed !== null) return Promise.reject(this.failed)
    const target = this.flight.head + this.backlogRows
    if (this.flight.tail >= target) return Promise.resolve()
    if (this.closed)
      return Promise.reject(new JetStreamIOError('Closed', `${this.o.label}: closed with outputs that are not acknowledged.`))
    return new Promise((resolve, reject) => this.waiters.push({ target, resolve, reject }))
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.backlog = []
    this.backlogRows = 0
    const deadline = Date.now() + closeMs
    while (this.flight.size > 0 && this.failed === null && !this.lease.isOver && this.o.link.isConnected() && Date.now() < deadline)
      await sleep(10)
    this.stop(new JetStreamIOError('Closed', `${this.o.label}: closed with ${this.flight.size} outputs that are not acknowledged.`))
  }

  // ---- Sending

  private send(): void {
    if (this.recovering || this.failed !== null || this.closed) return
    const { flight } = this
    const { messages, bytes } = this.o.window
    const sentAt = performance.now()
    for (let sent = 0; this.backlogRows > 0 && flight.size < messages && flight.bytes < bytes; sent++) {
      if (sent % lookEvery === 0 && !this.lease.isHeld()) return
      const rows = this.backlog[0]
      if (rows === undefined) break
      const i = this.cursor++
      const id = rows.ids?.[i] ?? null
      const n = flight.add(
        rows.destinations[i] ?? '',
        rows.payloads[i] ?? new Uint8Array(0),
        rows.headers[i] ?? null,
        id,
        this.highest,
        sentAt,
      )
      this.backlogRows--
      if (this.cursor === rows.destinations.length) {
        this.backlog.shift()
        this.cursor = 0
      }
      if (!this.transmit(n)) return
    }
  }

  private transmit(n: number): boolean {
    const { flight } = this
    const headers = this.wire.of(flight.header(n), flight.id(n), this.o.chain?.next())
    const reply = `${this.inbox}.${n}`
    try {
      this.o.link.nc.publish(flight.subject(n), flight.payload(n), headers === null ? { reply } : { reply, headers })
      return true
    } catch (error) {
      this.fail(publishRejected(this.o.label, { subject: flight.subject(n), payload: flight.payload(n) }, this.o.link.nc.info, error))
      return false
    }
  }

  private tellReady(): void {
    this.blocked = false
    if (this.ready !== null) queueMicrotask(this.ready)
  }

  // ---- Acknowledgments

  private onAck(error: Error | null, message: Msg): void {
    if (error !== null)
      return this.fail(
        new JetStreamIOError(
          'ServerUnavailable',
          `${this.o.label}: the server refuses the subscription for acknowledgments: ${errorText(error)}. Allow this user to subscribe to ${this.o.link.inboxPrefix}.>.`,
          { cause: error },
        ),
      )
    const n = Number(message.subject.slice(this.inbox.length + 1))
    if (!this.flight.isSent(n)) return
    const { data } = message
    const sequence = storedSequence(data, this.goodAck)
    if (sequence > 0) this.acknowledged(n, sequence)
    else if (data.length === 0) void this.noResponders(n)
    else this.onUnusualAck(n, data)
    if (this.backlogRows > 0) this.send()
    // Half empty again: whoever feeds it has time to come back before it runs dry.
    const { messages, bytes } = this.o.window
    if (this.blocked && this.backlogRows === 0 && this.flight.size <= messages / 2 && this.flight.bytes <= bytes / 2) this.tellReady()
  }

  private onUnusualAck(n: number, data: Uint8Array): void {
    const { label, stream } = this.o
    const ack = parsePubAck(data)
    const subject = this.flight.subject(n)
    if (ack._tag === 'stored') {
      if (ack.stream !== stream)
        return this.fail(
          new JetStreamIOError(
            'SubjectNotInStream',
            `${label}: the subject ${subject} belongs to the stream ${ack.stream}, where the message was stored (sequence ${ack.sequence}), and not to ${stream}. Correct the subject, or add it to ${stream}.`,
          ),
        )
      if (ack.duplicate) this.counts.duplicates++
      return this.acknowledged(n, ack.sequence)
    }
    // The server is busy, or has no leader, or is still replicating the same id: in time it will know better.
    if (this.o.chain !== null && ack.errorCode === wrongLastSequence) return this.doubt(`the chain is broken: ${ack.description}`)
    if (mayPass(ack.code, ack.errorCode, ack.description)) return this.doubt(`the server said: ${ack.description} (${ack.errorCode})`)
    this.fail(
      new JetStreamIOError('PublishRejected', `${label}: the stream ${stream} refuses a message to ${subject}: ${refusalText(ack)}`),
    )
  }

  private acknowledged(n: number, sequence: number): void {
    const sentAt = this.flight.sentTime(n)
    if (!this.flight.acknowledge(n)) return
    if (n % timedOf === 0) this.latency.record(performance.now() - sentAt)
    this.counts.published++
    if (sequence > this.highest) this.highest = sequence
    this.fruitless = 0
    let first = this.waiters[0]
    while (first !== undefined && this.flight.tail >= first.target) {
      this.waiters.shift()
      first.resolve()
      first = this.waiters[0]
    }
  }

  /** Nobody took it: either the stream has no leader for a moment, or the subject is not of this stream. */
  private async noResponders(n: number): Promise<void> {
    // One asks for all that are in flight.
    if (this.recovering) return
    const subject = this.flight.subject(n)
    this.doubt(`no stream answered for ${subject}`)
    const info = await streamInfo(this.o.link, this.o.stream, this.o.label).catch(asError)
    if (info instanceof JetStreamIOError) return this.fail(info)
    if (info instanceof Error || subjectsOf(info).some(s => matches(s, subject))) return
    this.fail(
      new JetStreamIOError(
        'SubjectNotInStream',
        `${this.o.label}: no stream takes the subject ${subject}; ${this.o.stream} has ${subjectsOf(info).join(', ')}. Correct the subject, or add it to the stream.`,
      ),
    )
  }

  // ---- Doubt

  private doubt(reason: string): void {
    if (this.recovering || this.failed !== null) return
    this.recovering = true
    this.o.context.log('warn', `${this.o.label}: finding out what arrived`, { reason, inFlight: this.flight.size })
    void this.recover()
  }

  private async recover(): Promise<void> {
    const { link, label } = this.o
    this.counts.recoveries++
    try {
      await sleep(settleMs + (this.fruitless > 0 ? pauseMs(this.fruitless) : 0), this.closing.signal)
      this.fruitless++
      // Another process could publish between the search and the resend, so the search comes after the confirmation.
      if (!(await this.lease.until())) return
      await persistently({ what: label, signal: this.closing.signal, link }, async () => {
        if (!link.isConnected()) throw new Error(`not connected to ${link.address}`)
        if (this.flight.size === 0) return
        // A stream that was deleted would answer nothing.
        await this.o.history.verify(await streamInfo(link, this.o.stream, label))
        await this.fence()
        if (this.o.withIds) await this.lookUp()
      })
      if (this.fruitless > 1 && Date.now() - Math.max(this.progressAt, this.lease.heldAt) > link.patienceMs)
        throw new JetStreamIOError(
          'ServerUnavailable',
          `${label}: for ${link.patienceMs / 1000} s no message was acknowledged. Look at the server's log; then start the run again: it goes on from its checkpoint.`,
        )
    } catch (error) {
      return this.fail(asError(error))
    }
    this.recovering = false
    if (this.failed !== null) return
    if (!this.resend()) return this.doubt('the lease was in doubt')
    this.goOn()
  }

  private goOn(): void {
    this.send()
    if (this.blocked && !this.congested) this.tellReady()
  }

  /**
   * What this connection sent before has been stored or refused when the answer to this comes: the stream takes its messages in
   * order, and refuses this one. Without it, a message on its way could be stored after the scan and before it is sent again.
   */
  private async fence(): Promise<void> {
    const expectations = makeHeaders()
    // No stream can have this name.
    expectations.set('Nats-Expected-Stream', 'jetbeam.fence')
    await this.o.link.nc.request(this.flight.subject(this.flight.tail), new Uint8Array(0), { headers: expectations, timeout: ackTimeoutMs })
  }

  private async lookUp(): Promise<void> {
    const { flight } = this
    const asked = new Map<string, number>()
    for (let n = flight.tail; n < flight.head; n++) {
      const id = flight.isSent(n) ? flight.id(n) : null
      if (id !== null) asked.set(id, n)
    }
    await scanIds(this.o, flight.floor(flight.tail) + 1, (id, sequence) => {
      const n = asked.get(id)
      if (n === undefined || !flight.isSent(n)) return
      this.counts.foundStored++
      this.acknowledged(n, sequence)
    })
    const { link, stream, label, chain } = this.o
    if (chain !== null) chain.goOnAfter(await infoReaching(link, stream, label, this.highest), this.highest)
  }

  /** Whether the lease was held to the end. */
  private resend(): boolean {
    const { flight } = this
    const now = performance.now()
    let sent = 0
    for (let n = flight.tail; n < flight.head; n++) {
      if (!flight.isSent(n)) continue
      if (sent++ % lookEvery === 0 && !this.o.context.lease.held()) return false
      flight.sentAgain(n, now)
      this.counts.resent++
      if (!this.transmit(n)) return true
    }
    return true
  }

  private tick(): void {
    const now = Date.now()
    // A thread that was busy for seconds has not read what the server answered.
    const late = now - this.tickedAt > 2 * tickMs
    this.tickedAt = now
    if (this.backlogRows > 0) this.send()
    if (this.fruitless === 0) this.progressAt = now
    if (!late && !this.recovering && this.flight.size > 0 && performance.now() - this.flight.sentTime(this.flight.tail) > ackTimeoutMs)
      this.doubt(`no acknowledgment for ${ackTimeoutMs / 1000} s`)
  }

  private fail(error: Error): void {
    if (this.failed !== null || this.closing.signal.aborted) return
    this.failed = error
    this.stop(error)
    this.tellReady()
  }

  private stop(error: Error): void {
    clearInterval(this.timer)
    this.stopListening()
    this.stopRefusals()
    this.subscription.unsubscribe()
    this.closing.abort()
    for (const waiter of this.waiters.splice(0)) waiter.reject(error)
  }
}
