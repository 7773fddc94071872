// The reader of a work queue, or of a stream by interest: through a durable consumer, which cannot go back. What was handed on is
// acknowledged behind a checkpoint; what is delivered again until then, or by a later run's reading, is dropped.
import type { ConsumerInfo, StreamInfo } from '@nats-io/jetstream'
import type { Msg } from '@nats-io/nats-core'
import type { ReadBatch, ReaderStatus, SplitProgress, SplitReader } from '../../sdk/splittable/source.ts'
import type { DeliveryNumbers } from './ack-reply.ts'
import { replyFor } from './ack-subject.ts'
import { Acknowledgments, type Delivered, mostUncommitted } from './acknowledgments.ts'
import { consumerInfo, makeConsumer, requireSuitable } from './durable-consumer.ts'
import { nanos } from './ephemeral-consumer.ts'
import { JetStreamIOError } from './errors.ts'
import { otherHistory } from './history.ts'
import { StreamMessage } from './message.ts'
import type { QueueOptions } from './queue-options.ts'
import { PullSession } from './pull-session.ts'
import { Trials, someTogether } from './poison.ts'
import type { Demand } from './pull-window.ts'
import { ReadAhead } from './read-ahead.ts'
import { ReaderFigures } from './reader-figures.ts'
import { ReaderLife } from './reader-life.ts'
import { QueueIdentity } from './queue-identity.ts'
import { type QueueNote, triedIn } from './queue-note.ts'
import { QueueWatch } from './queue-watch.ts'
import { SequenceSet } from './sequence-set.ts'
import { infoReaching } from './stream-evidence.ts'

export class QueueReader implements SplitReader<StreamMessage> {
  private readonly o: QueueOptions
  private readonly buffer = new ReadAhead()
  private readonly session: PullSession
  private readonly life: ReaderLife
  private readonly figures = new ReaderFigures()
  private readonly acknowledgments: Acknowledgments
  private readonly trials: Trials
  /** Some were delivered to a reader before, which may have failed because of them. */
  private isCareful = false
  /** Delivered, and not handed on. */
  private readonly waiting = new Map<number, Delivered>()
  private readonly handedOn: SequenceSet
  /** Of those handed on: in a published checkpoint. */
  private readonly committed: SequenceSet
  private position: number
  private left: number
  private pending: number | null = null
  private readonly watch: QueueWatch
  /** Delivered, and behind the end. */
  private readonly beyond = new Map<number, Delivered>()
  /** The last that came lies behind the end: what may come yet was delivered before, and one message is asked for in each tick. */
  private probing = false
  private mayProbe = false
  /** The split's watermark was held; a batch that holds it no more must follow. */
  private mustLetGo: boolean
  private limit = mostUncommitted
  private readonly identity: QueueIdentity

  constructor(o: QueueOptions) {
    this.o = o
    this.position = o.position
    this.mustLetGo = o.position > 0
    this.left = o.count ?? Number.POSITIVE_INFINITY
    this.trials = new Trials(o.tried)
    this.identity = new QueueIdentity(o)
    this.handedOn = o.handedOn
    this.committed = SequenceSet.of(o.handedOn.record(), o.handedOn.stampRecord())
    this.acknowledgments = new Acknowledgments({
      ...o,
      lease: o.context.lease,
      ackWaitMs: o.settings.ackWaitMs,
      delivered: () => this.waiting.values(),
      onFailure: error => this.life.failLate(error),
    })
    this.session = new PullSession(
      { link: o.link, stream: o.stream, label: o.label, settings: o.pull },
      {
        onMessage: (message, numbers, reply) => this.onMessage(message, numbers, reply),
        onHeartbeat: () => this.watch.silent(),
        onDoubt: reason => this.life.renew(reason, { split: o.split, consumer: o.name }),
        onFailure: error => this.life.fail(error),
        demand: () => this.demand(),
      },
    )
    this.life = new ReaderLife(o, {
      attach: () => this.tryAttach(),
      attached: () => this.session.pull(),
      onDisconnected: () => this.watch.idleness.interrupted(),
      tick: () => this.tick(),
      inVain: () => this.session.askForLess(),
      release: () => {
        this.watch.stop()
        this.session.stop()
      },
    })
    this.watch = new QueueWatch(o, this.life, {
      handedOn: this.handedOn,
      waiting: this.waiting,
      lastAt: () => this.figures.lastAt,
      searched: () => {
        this.relax()
        this.life.notify()
      },
      caughtUp: () => {
        this.pending = 0
        this.life.notify()
      },
    })
  }

  /** Resolves when the consumer is listened to; rejects with what makes reading impossible. */
  async start(): Promise<void> {
    if (this.left <= 0) this.life.complete()
    else await this.life.begin()
  }

  poll(maxElements: number): ReadBatch<StreamMessage> | null {
    if (this.trials.holdBack(this.acknowledgments.uncommitted)) return null
    if (this.trials.size > 0) return this.pollTrial()
    const batch = this.buffer.take(Math.min(maxElements, this.o.pull.batch))
    const holdsWatermark = this.watch.redeliveries.areMissing
    if (batch === null) {
      if (!this.mustLetGo || holdsWatermark) return null
      this.mustLetGo = false
      return { values: [], positions: [], bytes: 0, note: this.note() }
    }
    const first = this.position + 1
    for (const { sequence } of batch.values) this.handOn(sequence)
    this.mustLetGo = holdsWatermark
    if (this.waiting.size === 0) this.watch.search()
    this.session.pull()
    return { ...batch, positions: batch.values.map((_, i) => first + i), note: this.note(), holdsWatermark }
  }

  private pollTrial(): ReadBatch<StreamMessage> | null {
    if (this.acknowledgments.uncommitted > 0) return null
    const { suspect, isNews } = this.trials.next()
    const told = { bytes: 0, note: this.note(), holdsWatermark: true }
    if (suspect === null) return isNews ? { values: [], positions: [], ...told } : null
    this.handOn(suspect.sequence)
    this.mustLetGo = true
    return { ...told, values: [suspect.message], positions: [this.position], bytes: suspect.message.payload.length, note: this.note() }
  }

  private handOn(sequence: number): void {
    const delivered = this.waiting.get(sequence)
    if (delivered === undefined) throw new Error(`${this.o.label}: message ${sequence} was handed on, and never delivered`)
    this.waiting.delete(sequence)
    this.handedOn.add(sequence, delivered.at)
    this.acknowledgments.handedOn(++this.position, delivered)
  }

  private note(): QueueNote {
    const handedOn = this.handedOn.record()
    const stamps = this.handedOn.stampRecord()
    return this.trials.trying === null ? { handedOn, stamps } : { handedOn, stamps, trying: this.trials.trying }
  }

  status(): ReaderStatus {
    const { end } = this.life
    if (end._tag === 'failed') return end
    if (this.buffer.size + this.trials.size > 0) return { _tag: 'reading' }
    if (end._tag === 'complete') return { _tag: 'done' }
    return this.watch.redeliveries.areMissing || this.mustLetGo ? { _tag: 'reading' } : this.watch.idleness.status()
  }

  lag(): number | null {
    if (this.life.end._tag === 'complete') return this.buffer.size
    return this.pending === null ? null : this.buffer.size + Math.min(this.pending, this.left)
  }

  lagMs(nowMs: number): number | null {
    return this.figures.lagMs(this.buffer, this.life.end._tag === 'complete' ? 0 : this.pending, nowMs)
  }

  metrics(): Readonly<Record<string, number>> {
    const { redeliveries, duplicates } = this.figures
    const { renewed: renewals, disconnected } = this.life
    return { renewals, pendingAcks: this.underWay + this.acknowledgments.unconfirmed, redeliveries, duplicates, disconnected }
  }

  onChange(callback: () => void): void {
    this.life.onChange(callback)
  }

  truncate(): void {
    throw new Error(`${this.o.label}: what one consumer delivers cannot be divided`)
  }

  async commit({ last, note }: SplitProgress): Promise<void> {
    this.trials.record(triedIn(note))
    this.life.notify()
    if (last === null) return
    const { committed, confirmed } = this.acknowledgments.commit(last)
    if (committed.length === 0) return
    for (const { sequence, at } of committed) this.committed.add(sequence, at)
    this.relax()
    await confirmed
    await this.lookAtFloor()
  }

  wantsCommit(): boolean {
    const { uncommitted } = this.acknowledgments
    return (
      this.trials.size > 0 ||
      this.trials.holdBack(uncommitted) ||
      uncommitted >= this.limit ||
      (uncommitted > 0 && this.underWay >= this.room)
    )
  }

  /** Handed on, or about to be, and in no checkpoint. */
  private get underWay(): number {
    return this.acknowledgments.uncommitted + this.waiting.size
  }

  private get room(): number {
    return this.isCareful ? someTogether : Number.POSITIVE_INFINITY
  }

  private relax(): void {
    if (!this.watch.redeliveries.areMissing && this.underWay === 0) this.isCareful = false
    this.session.pull()
  }

  async close(): Promise<void> {
    const { context, label } = this.o
    const lost = this.acknowledgments.unconfirmed
    if (lost > 0) context.log('warn', `${label}: ${lost} acknowledgments were not confirmed by the end: the next start sends them again`)
    this.life.close()
    for (const { reply } of [...this.waiting.values(), ...this.beyond.values()]) this.acknowledgments.negative(reply)
    this.acknowledgments.close()
    this.waiting.clear()
    this.beyond.clear()
  }

  // ---- The consumer

  private async tryAttach(): Promise<void> {
    const { link, stream, label, name } = this.o
    this.watch.idleness.interrupted()
    this.session.stop()
    // It comes again: what the server has pending is then what is held here and what is missing.
    this.left += this.waiting.size
    this.buffer.clear()
    this.trials.clear()
    this.waiting.clear()
    this.beyond.clear()
    this.probing = false
    const suspension = this.acknowledgments.suspend()
    const info = await infoReaching(link, stream, label, this.handedOn.last)
    const found = await this.identity.verified(info, this.handedOn, () => consumerInfo(link, stream, name))
    if (found !== null) await this.identity.requireAcknowledgeable(this.life.closing.signal)
    const isBehind = this.acknowledgments.unconfirmed > 0
    await this.acknowledgments.resume(suspension)
    const consumer = (isBehind ? await consumerInfo(link, stream, name) : found) ?? (await this.madeAnew(info))
    requireSuitable(this.o, consumer, this.o.filter)
    if (!this.life.isOpen) return
    const { ack_wait: ackWait } = consumer.config
    if (ackWait !== undefined) this.acknowledgments.ackWaitMs = ackWait / nanos(1)
    const most = consumer.config.max_ack_pending ?? 0
    this.limit = most > 0 ? Math.min(Math.ceil(most / 2), mostUncommitted) : mostUncommitted
    this.onFloor(consumer)
    this.pending = consumer.num_pending
    this.watch.isSilent = consumer.num_pending === 0
    this.watch.redeliveries.expect(Math.max(this.handedOn.last, consumer.delivered.stream_seq))
    this.isCareful = this.o.poison !== null && (found === null || consumer.num_ack_pending > this.stillPending)
    this.session.listen(consumer, consumer.delivered.consumer_seq)
    this.hurry(consumer)
    this.life.notify()
  }

  /** What the server has pending although it was handed on. */
  private get stillPending(): number {
    return this.acknowledgments.uncommitted + this.acknowledgments.unconfirmed
  }

  /** A work queue has kept all that was not acknowledged; by interest it went with the consumer. */
  private async madeAnew(info: StreamInfo): Promise<ConsumerInfo> {
    const { stream, label, name, filter, context } = this.o
    if (info.config.retention !== 'workqueue')
      throw new JetStreamIOError(
        'UnsuitableConsumer',
        `${label}: the consumer ${name} of the stream ${stream} was deleted, and with it went what it had yet to deliver. To go on with what is published from now on, start a new run, under another job name.`,
      )
    context.log(
      'warn',
      `${label}: the consumer ${name} of the stream ${stream} was deleted: it is made again, and nothing is lost, since a work queue keeps what was not acknowledged`,
      { split: this.o.split, consumer: name },
    )
    return makeConsumer(this.o, name, filter, false)
  }

  /** What was delivered to a reader that is gone would come only after the consumer's ack wait. */
  private hurry({ ack_floor, delivered, num_ack_pending }: ConsumerInfo): void {
    if (num_ack_pending <= this.stillPending) return
    const delayMs = this.o.poison?.delayMs ?? 0
    for (let at = ack_floor.stream_seq + 1; at <= Math.min(delivered.stream_seq, ack_floor.stream_seq + mostHurried); at++)
      if (!this.handedOn.has(at)) this.acknowledgments.negative(replyFor(this.o, at, delivered.consumer_seq), delayMs)
  }

  private onFloor({ ack_floor: { stream_seq: floor } }: ConsumerInfo): void {
    this.handedOn.raise(floor)
    this.committed.raise(floor)
    this.acknowledgments.confirmedUpTo(floor)
  }

  private async lookAtFloor(): Promise<void> {
    const info = await consumerInfo(this.o.link, this.o.stream, this.o.name).catch(() => null)
    if (info !== null) this.onFloor(info)
  }

  // ---- What the server sends

  private onMessage(message: Msg, numbers: DeliveryNumbers, reply: string): void {
    const { streamSequence: sequence, pending, publishedAt } = numbers
    const before = this.handedOn.match(sequence, publishedAt)
    const waiting = this.waiting.get(sequence)
    if (before === 'other' || (waiting !== undefined && waiting.at !== publishedAt)) return this.onOther(sequence, publishedAt)
    this.pending = pending
    this.figures.lastAt = numbers.publishedAt
    if (numbers.deliveries > 1) this.figures.redeliveries++
    this.life.fruitful()
    if (before === 'same' || waiting !== undefined || this.beyond.has(sequence)) this.onRepeated(sequence, publishedAt, reply)
    else if (this.o.end !== null && sequence > this.o.end) {
      // Kept until the read ends: what is given back comes again at once.
      this.beyond.set(sequence, { sequence, at: publishedAt, reply })
      this.probing = true
      this.watch.silent()
    } else {
      this.take(message, numbers, reply)
      this.watch.idleness.interrupted()
      this.left--
      this.watch.isSilent = false
      this.probing = false
      this.life.notify()
    }
    if (this.left <= 0) return this.life.complete()
    if (pending === 0) this.watch.silent()
  }

  private take(message: Msg, { streamSequence: sequence, deliveries, publishedAt }: DeliveryNumbers, reply: string): void {
    const { stream, label, poison, context } = this.o
    const isSuspect = poison !== null && deliveries > poison.attempts
    const refusal =
      isSuspect && this.trials.hasFailed(sequence) ? `no run came to a checkpoint behind it in ${deliveries - 1} attempts` : null
    if (refusal !== null && poison?._tag === 'terminate') {
      context.log('warn', `${label}: message ${sequence} of the stream ${stream}, of ${message.subject}, is given up: ${refusal}`, {
        split: this.o.split,
        sequence,
        subject: message.subject,
      })
      this.handedOn.add(sequence, publishedAt)
      this.committed.add(sequence, publishedAt)
      void this.acknowledgments.acknowledge([{ sequence, at: publishedAt, reply, isPoison: true }])
      return
    }
    const data = message.data
    this.waiting.set(sequence, { sequence, at: publishedAt, reply })
    const raw = new StreamMessage(stream, message, data, sequence, publishedAt, refusal)
    if (isSuspect && refusal === null) this.trials.add({ sequence, message: raw })
    else this.buffer.push(raw, data.length)
  }

  /** It was acknowledged, and the server does not know: else its acknowledgment is still to come. */
  private onRepeated(sequence: number, at: number, reply: string): void {
    this.figures.duplicates++
    if (this.committed.match(sequence, at) === 'same') void this.acknowledgments.acknowledge([{ sequence, at, reply }])
  }

  /** Another message under a sequence that was read: neither handed on as new nor dropped nor acknowledged. */
  private onOther(sequence: number, at: number): void {
    this.acknowledgments.suspend()
    const waiting = this.waiting.get(sequence)
    const known = waiting === undefined ? this.handedOn.known(sequence) : { sequence, smallest: waiting.at, greatest: waiting.at }
    this.buffer.clear()
    this.trials.clear()
    this.waiting.clear()
    this.life.failLate(otherHistory(this.o, { sequence, at }, known))
  }

  // ---- The clock

  private tick(): void {
    this.mayProbe = true
    this.session.tick()
  }

  private demand(): Omit<Demand, 'maxBytes'> | null {
    if (!this.life.isServed || !this.o.context.lease.held()) return null
    if (this.probing && (!this.mayProbe || this.session.window.open > 0)) return null
    this.mayProbe = false
    return {
      wanted: Math.min(this.left, this.room - this.underWay, this.probing ? 1 : Number.POSITIVE_INFINITY),
      pending: this.pending,
      waiting: this.buffer.size,
      waitingBytes: this.buffer.bytes,
    }
  }
}

/** Further than this the server's own clock must do. */
const mostHurried = 100_000
