// What the crash test feeds: numbered events, in order and without doubt, slowly or in bursts.
import { jetstream, jetstreamManager, type StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { encodeEvent } from './events.ts'
import { pause, until } from './stream-state.ts'

const subject = 'events'
const burstChunk = 500

const infoOf = async (nc: NatsConnection): Promise<StreamInfo> => {
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  return until('a leader', () => jsm.streams.info('EVENTS').catch(() => null))
}

/** Publishes numbered events, each acknowledged before the next few, until it is stopped. */
export class Feed {
  readonly #nc: NatsConnection
  published = 0
  #running = false
  #paused = false
  #done: Promise<void> = Promise.resolve()
  #idle: Promise<void> = Promise.resolve()

  constructor(nc: NatsConnection) {
    this.#nc = nc
  }

  start(): void {
    this.#running = true
    this.#done = this.#run()
  }

  async #run(): Promise<void> {
    while (this.#running) {
      if (!this.#paused) {
        this.#idle = this.#publishSome()
        await this.#idle
      }
      await pause(20)
    }
  }

  async #publishSome(): Promise<void> {
    const some = Array.from({ length: 10 }, (_, i) => this.published + i)
    // One behind the other: the feed's own order and count must be beyond doubt.
    for (const index of some) await publishAcknowledged(this.#nc, encodeEvent(index), index)
    this.published += some.length
  }

  async pause(): Promise<void> {
    this.#paused = true
    await this.#idle
  }

  /** More events at once, through another connection, while this feed is paused. */
  async burst(nc: NatsConnection, count: number): Promise<void> {
    const js = jetstream(nc)
    for (const end = this.published + count; this.published < end;) {
      const some = Array.from({ length: Math.min(burstChunk, end - this.published) }, (_, i) => this.published + i)
      // Each behind the one before and nowhere else, so that those that were stored are the first ones.
      const sent = some.map(index => js.publish(subject, encodeEvent(index), { timeout: 10_000, expect: { lastSequence: index } }))
      const settled = await Promise.allSettled(sent)
      if (settled.every(({ status }) => status === 'fulfilled')) this.published += some.length
      else await this.#recover(nc)
    }
  }

  /** A leader that changes leaves some unacknowledged, which may arrive late: one more shows where they end. */
  async #recover(nc: NatsConnection): Promise<void> {
    const { state } = await infoOf(nc)
    await publishAcknowledged(nc, encodeEvent(state.last_seq), state.last_seq)
    this.published = Math.max(this.published, state.last_seq + 1)
  }

  resume(): void {
    this.#paused = false
  }

  async stop(): Promise<void> {
    this.#running = false
    await this.#done
  }
}

/** Behind `before` others and nowhere else: what was stored and not acknowledged is not stored again, whatever the server has forgotten. */
export const publishAcknowledged = async (nc: NatsConnection, payload: Uint8Array, before: number): Promise<void> => {
  const js = jetstream(nc)
  // A cluster may be without a leader for some seconds.
  for (const giveUpMs = performance.now() + 60_000; ;) {
    try {
      await js.publish('events', payload, { timeout: 2_000, expect: { lastSequence: before } })
      return
    } catch (error) {
      const stored = await (await js.jetstreamManager(false)).streams.info('EVENTS').catch(() => null)
      if ((stored?.state.last_seq ?? 0) > before) return
      if (performance.now() > giveUpMs) throw error
      await pause(100)
    }
  }
}
