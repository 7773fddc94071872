// The relay as people write it without Jetbeam: the plain loop, and the fastest that we know how to write by hand.
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { headers, type Msg, type NatsConnection } from '@nats-io/nats-core'

/** Consume, await the publish, acknowledge: one message at a time. */
export const plainLoop = async (nc: NatsConnection, from: string, to: string, count: number): Promise<void> => {
  const jsm = await jetstreamManager(nc)
  const js = jetstream(nc)
  const { name } = await jsm.consumers.add(from, {
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    inactive_threshold: 60_000_000_000,
  })
  const messages = await (await js.consumers.get(from, name)).consume()
  let seen = 0
  for await (const message of messages) {
    await js.publish(`${to}${message.subject.slice(message.subject.indexOf('.'))}`, message.data, { msgID: `${from}:${message.seq}` })
    message.ack()
    if (++seen === count) break
  }
  await messages.close()
  await jsm.consumers.delete(from, name)
}

const window = 4_096
const batch = 1_000

/**
 * Overlapping raw pulls without acknowledgments, raw publishes with message ids and one inbox for all acks. It holds all of a relay's
 * hot path and none of its care: no recovery, no checkpoint, no retry.
 */
export const pipelinedLoop = async (nc: NatsConnection, from: string, to: string, count: number): Promise<void> => {
  const jsm = await jetstreamManager(nc)
  const { name } = await jsm.consumers.add(from, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.All,
    mem_storage: true,
    inactive_threshold: 60_000_000_000,
  })
  const next = `$JS.API.CONSUMER.MSG.NEXT.${from}.${name}`
  const pullInbox = `_INBOX.pull.${name}`
  const ackInbox = `_INBOX.ack.${name}`
  await new Promise<void>((resolve, reject) => {
    const waiting: Msg[] = []
    let [pulled, seen, acked, inFlight] = [0, 0, 0, 0]
    const request = JSON.stringify({ batch, expires: 30_000_000_000 })
    const pull = (): void => {
      pulled += batch
      nc.publish(next, request, { reply: pullInbox })
    }
    const relay = (message: Msg): void => {
      inFlight++
      const sequence = ++seen
      const h = headers()
      h.set('Nats-Msg-Id', `${from}:${sequence}`)
      nc.publish(`${to}${message.subject.slice(message.subject.indexOf('.'))}`, message.data, {
        reply: `${ackInbox}.${sequence}`,
        headers: h,
      })
      if (seen + batch >= pulled && pulled < count) pull()
    }
    const acks = nc.subscribe(`${ackInbox}.*`, {
      callback: (error, message) => {
        // A good ack begins {"stream": a bad one {"error":
        if (error !== null || message.data[2] !== 0x73) return reject(error ?? new Error(message.string()))
        inFlight--
        while (inFlight < window && waiting.length > 0) relay(waiting.shift() as Msg) // length > 0
        if (++acked === count) {
          pulls.unsubscribe()
          acks.unsubscribe()
          resolve()
        }
      },
    })
    const pulls = nc.subscribe(pullInbox, {
      callback: (error, message) => {
        if (error !== null) return reject(error)
        if (message.headers !== undefined && message.headers.code >= 400) return
        if (inFlight < window) relay(message)
        else waiting.push(message)
      },
    })
    pull()
    pull()
  })
  await jsm.consumers.delete(from, name)
}
