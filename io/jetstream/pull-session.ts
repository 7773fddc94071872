// One consumer's deliveries: pulls that overlap, the numbers of what comes, and whether anybody serves them still.
import type { ConsumerInfo } from '@nats-io/jetstream'
import { type Msg, type Subscription, createInbox } from '@nats-io/nats-core'
import { DeliveryNumbers, numbersStart } from './ack-reply.ts'
import { readableHeaders } from './client-headers.ts'
import type { Link } from './connections.ts'
import { JetStreamIOError, asError, notPermitted } from './errors.ts'
import { type PullLimits, pullLimits } from './pull-limits.ts'
import { type Demand, type PullSettings, largestPull, PullWindow, pullRequest } from './pull-window.ts'

const tickMs = 500
const smallestPull = 16_384
/** Behind so many messages, and behind the last of a request: wondering at each whether to ask for more took 6 % of a relay's time. */
const askEvery = 64

export interface DeliveryListener {
  /** Behind all that came before it: no message is missing between. */
  readonly onMessage: (message: Msg, numbers: DeliveryNumbers, reply: string) => void
  /** The server had nothing more to send a moment ago. */
  readonly onHeartbeat: () => void
  /** What comes from here on cannot be relied on: listen to a consumer again. */
  readonly onDoubt: (reason: string) => void
  readonly onFailure: (error: Error) => void
  /** What is wanted now; null: nothing. */
  readonly demand: () => Omit<Demand, 'maxBytes'> | null
}

export interface PullPlace {
  readonly link: Link
  readonly stream: string
  /** For messages: who reads. */
  readonly label: string
  readonly settings: PullSettings
}

export class PullSession {
  readonly window: PullWindow
  private readonly o: PullPlace
  private readonly on: DeliveryListener
  private readonly numbers = new DeliveryNumbers()
  /** Heartbeats that are missing mean that nobody serves this consumer. */
  private silenceMs: number
  private limits: PullLimits
  private generation = 0
  private subscription: Subscription | null = null
  private stopRefusals: (() => void) | null = null
  private consumer: string | null = null
  /** Where it is asked for more. */
  private pulls = ''
  private inbox = ''
  private numbersAt = -1
  private maxBytes: number
  private heard = false
  private heardAt = Date.now()
  private tickedAt = Date.now()
  /** Of the last message that came: a consumer numbers what it delivers. */
  consumerSequence = 0

  constructor(o: PullPlace, on: DeliveryListener) {
    this.o = o
    this.on = on
    this.window = new PullWindow(o.settings)
    this.maxBytes = o.settings.maxBytes
    this.silenceMs = 2.5 * o.settings.heartbeatMs
    this.limits = { settings: o.settings, openPulls: Number.POSITIVE_INFINITY, mostBytes: null }
  }

  /** Nothing came: a server may have taken what was asked for as more than its client can read (max_pending), and hung up. */
  askForLess(): void {
    this.maxBytes = Math.max(smallestPull, this.maxBytes / 2)
  }

  /**
   * From now on, in place of what was listened to before. `behind`: how many messages the consumer has delivered before. Throws UnsuitableConsumer where its
   * limits do not allow what is asked for.
   */
  listen(info: ConsumerInfo, behind: number): void {
    this.stop()
    this.limits = pullLimits(info, this.o.settings, this.o.label)
    this.window.keepTo(this.limits.settings, this.limits.openPulls)
    this.maxBytes = Math.min(this.maxBytes, this.limits.mostBytes ?? this.maxBytes)
    this.silenceMs = 2.5 * this.limits.settings.heartbeatMs
    const consumer = info.name
    const generation = this.generation
    const { link, label, stream } = this.o
    this.consumer = consumer
    const pulls = (this.pulls = `${link.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`)
    this.stopRefusals = link.onRefused(refused => {
      if (refused.operation === 'publish' && refused.subject === pulls) this.on.onFailure(notPermitted(label, refused))
    })
    this.inbox = createInbox(link.inboxPrefix)
    this.numbersAt = -1
    this.consumerSequence = behind
    this.heardAt = Date.now()
    this.subscription = link.nc.subscribe(`${this.inbox}.*`, {
      callback: (error, message) => {
        if (generation !== this.generation) return
        if (error !== null) return this.on.onFailure(notPermitted(label, { operation: 'subscription', subject: `${link.inboxPrefix}.>` }))
        this.heard = true
        // As `orElse`, without a closure for each message.
        try {
          if (message.reply === undefined || message.reply === '') this.onStatus(message)
          else this.onMessage(message, message.reply)
        } catch (failure) {
          this.on.onFailure(asError(failure))
        }
      },
    })
  }

  stop(): void {
    this.generation++
    this.window.clear()
    this.subscription?.unsubscribe()
    this.subscription = null
    this.stopRefusals?.()
    this.stopRefusals = null
    this.consumer = null
  }

  private onMessage(message: Msg, reply: string): void {
    if (this.numbersAt < 0) this.numbersAt = numbersStart(reply)
    const numbers = this.numbers
    numbers.read(reply, this.numbersAt)
    if (numbers.consumerSequence !== this.consumerSequence + 1) return this.on.onDoubt('messages were lost on their way')
    this.consumerSequence = numbers.consumerSequence
    const isServed = this.window.delivered()
    this.on.onMessage(message, numbers, reply)
    if (isServed || numbers.consumerSequence % askEvery === 0) this.pull()
  }

  private onStatus(message: Msg): void {
    const status = readableHeaders(message)
    const code = status?.code ?? 0
    const description = status?.description ?? ''
    if (code === 100) {
      this.maxBytes = Math.max(this.limits.settings.maxBytes, this.maxBytes)
      return this.on.onHeartbeat()
    }
    const token = Number(message.subject.slice(this.inbox.length + 1))
    if (code === 404 || code === 408 || /completed|maxbytes/i.test(description)) {
      const unserved = this.window.ended(token)
      // Most pulls of large messages end this way, with less room left than the next one needs. Only where none fitted is it too small.
      if (unserved && /maxbytes/i.test(description) && !this.growTo(this.maxBytes * 2)) return
      return this.pull()
    }
    if (code === 400 || /exceeded maxrequest(?:batch|expires|maxbytes)/i.test(description))
      return this.on.onFailure(this.unsuitable(description))
    this.on.onDoubt(code === 503 ? 'the consumer is gone' : `${code} ${description}`)
  }

  /** Where a message is larger than the consumer lets a request be, it can never be delivered. Gives whether the request may grow. */
  private growTo(bytes: number): boolean {
    const { mostBytes } = this.limits
    if (mostBytes !== null && this.maxBytes >= mostBytes) {
      this.on.onFailure(this.unsuitable(`its next message is larger than its max_bytes, ${mostBytes}`))
      return false
    }
    this.maxBytes = Math.min(bytes, mostBytes ?? largestPull)
    return true
  }

  private unsuitable(why: string): JetStreamIOError {
    const { label, stream } = this.o
    const { batch, expiresMs } = this.limits.settings
    return new JetStreamIOError(
      'UnsuitableConsumer',
      `${label}: the consumer ${this.consumer ?? ''} of the stream ${stream} refuses requests for ${batch} messages and ${this.maxBytes} bytes that last ${expiresMs} ms: ${why}. Change its limits, or let the read ask for less (batchMessages, batchBytes).`,
    )
  }

  pull(): void {
    const { link } = this.o
    const { settings } = this.limits
    while (this.consumer !== null) {
      const demand = this.on.demand()
      const batch = demand === null ? 0 : this.window.next({ ...demand, maxBytes: this.maxBytes })
      if (batch === 0) return
      if (this.window.open === 0) this.heardAt = Date.now()
      const token = this.window.asked(batch)
      link.nc.publish(this.pulls, pullRequest(batch, this.maxBytes, settings), {
        reply: `${this.inbox}.${token}`,
      })
    }
  }

  /** Every `tickMs`. */
  tick(): void {
    const now = Date.now()
    // A thread that was busy for seconds has not looked at its sockets either: silence then says nothing.
    const late = now - this.tickedAt > 2 * tickMs
    this.tickedAt = now
    if (this.heard || late) this.heardAt = now
    this.heard = false
    if (this.consumer === null) return
    if (this.window.open > 0 && now - this.heardAt > this.silenceMs) return this.on.onDoubt('the server is silent')
    this.pull()
  }
}

/** Calls `tick` until it is told to end; keeps no process alive. */
export const ticking = (tick: () => void): (() => void) => {
  const timer = setInterval(tick, tickMs)
  timer.unref()
  return () => clearInterval(timer)
}
