// What one reader of a queue has handed on and the server still waits for: acknowledged behind a checkpoint, each until it is confirmed,
// and kept from being delivered again until then. Nothing is sent before the stream is known to be the one that was read: it may have come
// back with other messages under the same sequences.
import type { HostLease } from '../../sdk/model/bindings.ts'
import { type Subscription, createInbox, nanos } from '@nats-io/nats-core'
import { readableHeaders } from './client-headers.ts'
import type { Link } from './connections.ts'
import { notPermitted, orElse } from './errors.ts'
import { type ConsumerPlace, replyPrefix } from './ack-subject.ts'
import { sleep } from './patience.ts'
import { ticking } from './pull-session.ts'

const ack = new TextEncoder().encode('+ACK')
const terminate = new TextEncoder().encode('+TERM')
const inProgress = new TextEncoder().encode('+WPI')

/** On their way at a time. */
const mostOnTheirWay = 2_048
/** An answer that has not come by then will not. */
const answerMs = 2_000

const negative = new TextEncoder().encode('-NAK')
const negativeIn = (ms: number): Uint8Array => new TextEncoder().encode(`-NAK {"delay":${nanos(ms)}}`)

/** A message that was delivered, and where its acknowledgment goes. */
/** More than this are uncommitted: a checkpoint should come, however many the consumer allows. */
export const mostUncommitted = 25_000

export interface Delivered {
  readonly sequence: number
  /** Its time stamp, in milliseconds. */
  readonly at: number
  readonly reply: string
  /** It is given up. */
  readonly isPoison?: boolean | undefined
}

export interface AcknowledgmentsOptions extends ConsumerPlace {
  readonly link: Link
  /** Nothing is sent while it is in doubt. */
  readonly lease: HostLease
  /** For how long the server waits for an acknowledgment, in milliseconds. */
  readonly ackWaitMs: number
  /** What is not handed on yet, and is not to be delivered again either. */
  readonly delivered: () => Iterable<Delivered>
  /** They cannot be sent, or not be answered. */
  readonly onFailure: (error: Error) => void
}

/** It begins suspended: see `resume`. */
export class Acknowledgments {
  private readonly o: AcknowledgmentsOptions
  private readonly link: Link
  private readonly inbox: string
  private readonly subscription: Subscription
  /** In the order in which they were handed on, by consecutive positions. */
  private held: Delivered[] = []
  private firstPosition = 0
  /** Committed, and not sent yet. */
  private readonly waiting: Delivered[] = []
  /** Sent, by sequence, and not confirmed. */
  private readonly onTheirWay = new Map<number, Delivered>()
  private heardAt = Date.now()
  private extendedAt = Date.now()
  private readonly settled: (() => void)[] = []
  private readonly stopTicking: () => void
  private readonly stopListening: () => void
  private readonly stopRefusals: () => void
  /** How often sending was suspended; and whether it is. */
  private suspensions = 0
  private suspended = true
  /** For how long the server waits for an acknowledgment. */
  ackWaitMs: number

  constructor(o: AcknowledgmentsOptions) {
    const { link } = o
    this.o = o
    this.link = link
    this.ackWaitMs = o.ackWaitMs
    this.stopTicking = ticking(() => this.tick(o.delivered))
    this.stopListening = link.listen(event => {
      if (event === 'disconnected') this.suspend()
    })
    const subjects = replyPrefix(o)
    this.stopRefusals = link.onRefused(refused => {
      if (refused.operation === 'publish' && refused.subject.startsWith(subjects)) this.fail(notPermitted(o.label, refused))
    })
    this.inbox = createInbox(link.inboxPrefix)
    this.subscription = link.nc.subscribe(`${this.inbox}.*`, {
      // Without responders there is no such consumer any more: as if it had not answered.
      callback: (error, message) => {
        if (error === null && readableHeaders(message)?.code !== 503)
          orElse(
            () => this.onConfirmed(Number(message.subject.slice(this.inbox.length + 1))),
            () => undefined,
          )
      },
    })
  }

  /** Handed on, and in no published checkpoint. */
  get uncommitted(): number {
    return this.held.length
  }

  /** Committed, and not confirmed. */
  get unconfirmed(): number {
    return this.waiting.length + this.onTheirWay.size
  }

  handedOn(position: number, message: Delivered): void {
    if (this.held.length === 0) this.firstPosition = position
    this.held.push(message)
  }

  /** Acknowledges all up to this position. `confirmed` resolves when nothing that was committed waits for its confirmation. */
  commit(last: number): { readonly committed: ReadonlyArray<Delivered>; readonly confirmed: Promise<void> } {
    const n = Math.max(0, Math.min(this.held.length, last - this.firstPosition + 1))
    const committed = this.held.slice(0, n)
    this.held = this.held.slice(n)
    this.firstPosition += n
    return { committed, confirmed: this.acknowledge(committed) }
  }

  acknowledge(committed: ReadonlyArray<Delivered>): Promise<void> {
    if (this.unconfirmed === 0) this.heardAt = Date.now()
    for (const message of committed) this.waiting.push(message)
    this.send()
    return this.unconfirmed === 0 ? Promise.resolve() : new Promise(resolve => this.settled.push(resolve))
  }

  /** Sends nothing until `resume` is called with the result. */
  suspend(): number {
    this.suspended = true
    return ++this.suspensions
  }

  /**
   * The stream was compared with what was read from it since `suspension`. Does nothing where sending was suspended again meanwhile. Sends again what
   * the connection may have lost; resolves when all of it is confirmed, or when that takes too long.
   */
  async resume(suspension: number): Promise<void> {
    if (suspension !== this.suspensions) return
    this.suspended = false
    if (this.isSending) this.sendAgain()
    this.send()
    if (this.unconfirmed === 0) return
    await Promise.race([new Promise<void>(resolve => this.settled.push(resolve)), sleep(answerMs)])
  }

  private sendAgain(): void {
    this.heardAt = Date.now()
    for (const message of this.onTheirWay.values()) this.sendOne(message)
  }

  /** To be delivered again: after `delayMs`, or at once. */
  negative(reply: string, delayMs = 0): void {
    if (this.isSending) this.link.nc.publish(reply, delayMs === 0 ? negative : negativeIn(delayMs))
  }

  private fail(error: Error): void {
    this.suspend()
    this.o.onFailure(error)
    this.settle()
  }

  private get isSending(): boolean {
    return !this.suspended && this.link.isConnected() && this.o.lease.held()
  }

  private tick(delivered: () => Iterable<Delivered>): void {
    if (!this.isSending) return
    this.send()
    const now = Date.now()
    if (this.onTheirWay.size > 0 && now - this.heardAt > answerMs) this.sendAgain()
    if (now - this.extendedAt < this.ackWaitMs / 3) return
    this.extendedAt = now
    for (const { reply } of this.held) this.link.nc.publish(reply, inProgress)
    for (const { reply } of delivered()) this.link.nc.publish(reply, inProgress)
  }

  /** The server says that all up to `floor` are acknowledged. */
  confirmedUpTo(floor: number): void {
    for (const sequence of this.onTheirWay.keys()) if (sequence <= floor) this.onTheirWay.delete(sequence)
    this.send()
  }

  close(): void {
    this.stopTicking()
    this.stopListening()
    this.stopRefusals()
    this.suspend()
    this.subscription.unsubscribe()
    this.settle()
  }

  private settle(): void {
    for (const resolve of this.settled.splice(0)) resolve()
  }

  private onConfirmed(sequence: number): void {
    this.heardAt = Date.now()
    this.onTheirWay.delete(sequence)
    this.send()
  }

  private send(): void {
    // Not one by one: taking from the front of a long list costs as much as the list is long.
    if (this.isSending && this.onTheirWay.size <= mostOnTheirWay / 2)
      for (const message of this.waiting.splice(0, mostOnTheirWay - this.onTheirWay.size)) {
        this.onTheirWay.set(message.sequence, message)
        this.sendOne(message)
      }
    if (this.unconfirmed === 0) this.settle()
  }

  private sendOne({ sequence, reply, isPoison }: Delivered): void {
    this.link.nc.publish(reply, isPoison === true ? terminate : ack, { reply: `${this.inbox}.${sequence}` })
  }
}
