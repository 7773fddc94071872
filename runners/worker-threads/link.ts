// The way from one worker to another: encoded batches whose buffers change hands, control messages between them in their order, and
// credits back. Whoever has sent more than was taken in should read no more from its sources for a while; messages are never held back,
// since a barrier or a watermark may be what the other side waits for.
import type { MessagePort } from 'node:worker_threads'
import type { Message } from '../engine/messages.ts'
import type { Stage } from '../plan/stage.ts'
import { BatchCodec } from './batch-codec.ts'
import type { ToPeer } from './protocol.ts'

/** On the way to one worker and not taken in yet. */
const mostBytes = 4 * 1_024 * 1_024

export type Deliver = (from: string, stage: string, message: Message) => void

export class Link {
  readonly #port: MessagePort
  readonly #codecs: ReadonlyMap<string, BatchCodec>
  readonly #deliver: Deliver
  readonly #onCredit: () => void
  #inFlightBytes = 0
  sent = 0
  received = 0

  /** `deliver`: for what comes in; `onCredit`: there is room again. */
  constructor(port: MessagePort, stages: ReadonlyArray<Stage>, deliver: Deliver, onCredit: () => void) {
    this.#port = port
    this.#deliver = deliver
    this.#onCredit = onCredit
    this.#codecs = new Map(stages.map(stage => [stage.id, new BatchCodec(stage)]))
  }

  /** What comes in is delivered from now on; what has come is kept until then. */
  listen(): void {
    this.#port.on('message', (message: ToPeer) => this.#take(message, this.#deliver))
  }

  #codec(stage: string): BatchCodec {
    const codec = this.#codecs.get(stage)
    if (codec === undefined) throw new Error(`link: there is no stage ${stage}`)
    return codec
  }

  send(from: string, stage: string, message: Message): void {
    this.sent++
    if (message._tag !== 'Batch') return this.#post({ _tag: 'Control', from, stage, message })
    const bytes = this.#codec(stage).encode(message.batch)
    this.#inFlightBytes += bytes.byteLength
    this.#port.postMessage({ _tag: 'Batch', from, stage, bytes, side: message.side } satisfies ToPeer, [bytes])
  }

  #post(message: ToPeer): void {
    this.#port.postMessage(message)
  }

  #take(message: ToPeer, deliver: Deliver): void {
    switch (message._tag) {
      case 'Batch': {
        const { from, stage, bytes, side } = message
        const size = bytes.byteLength
        this.received++
        deliver(from, stage, { _tag: 'Batch', batch: this.#codec(stage).decode(bytes), side })
        return this.#post({ _tag: 'Credit', bytes: size })
      }
      case 'Control':
        this.received++
        return deliver(message.from, message.stage, message.message)
      case 'Credit':
        this.#inFlightBytes -= message.bytes
        return this.#onCredit()
    }
  }

  get congested(): boolean {
    return this.#inFlightBytes > mostBytes
  }

  close(): void {
    this.#port.close()
  }
}
