// One atomic batch on its way: rows are staged with the server, and stored all together with the message that commits them, or not at all.
import { type MsgHdrs, type NatsConnection, nuid } from '@nats-io/nats-core'
import type { OutputBatch } from '../../sdk/graph/sink.ts'
import { WireHeaders } from './outgoing-headers.ts'
import { parsePubAck, type PubAck } from './pub-ack.ts'

/** The server takes a thousand with the one that commits. */
export const mostRows = 999
const answerMs = 5_000

export class AtomicBatch {
  readonly #nc: NatsConnection
  readonly #id = nuid.next()
  #count = 0

  constructor(nc: NatsConnection) {
    this.#nc = nc
  }

  /** Throws the client's error for what it cannot send. */
  stage({ destinations, headers, payloads }: OutputBatch, from: number, to: number): void {
    const wire = new WireHeaders()
    for (let i = from; i < to; i++) {
      const control = `Nats-Batch-Id: ${this.#id}\r\nNats-Batch-Sequence: ${++this.#count}\r\n`
      const withControl = wire.of(headers[i] ?? null, null, control)
      this.#nc.publish(destinations[i] ?? '', payloads[i] ?? new Uint8Array(0), withControl === null ? {} : { headers: withControl })
    }
  }

  /** The last message, with which all of it is stored. Rejects where there is no answer in time. */
  async commit(subject: string, payload: Uint8Array, headers: MsgHdrs): Promise<PubAck> {
    headers.set('Nats-Batch-Id', this.#id)
    headers.set('Nats-Batch-Sequence', String(++this.#count))
    headers.set('Nats-Batch-Commit', '1')
    return parsePubAck((await this.#nc.request(subject, payload, { headers, timeout: answerMs })).data)
  }
}
